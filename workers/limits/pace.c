/* See pace.h. */
#include "workers/limits/pace.h"

#include <time.h>

#include "lib/base/memory.h"

#define DAY_US		 INT64_C(86400000000)
#define PER_MINUTE	 1440 /* events a day */
#define PLACE_PER_MINUTE 60   /* one more place for each so many a minute */
#define LATE_US		 20000
#define IDLE_MS		 2000 /* a place that was of no use so long is one too many */
#define TURN_MS		 60000
#define STRANGE_MS                                                                                 \
	10000 /* what a place is not good for at first, at the most: its holder before may have died */
/* The interval is longer by this, for what clocks and networks add and take. */
#define MARGIN_PER_MILLE 5

struct pace {
	struct pace_options options;
	struct share *share;
	unsigned places;
	int64_t interval_us;
	int64_t next_us[PACE_PLACES_MAX]; /* of each place that is held */
	int64_t used_ms[PACE_PLACES_MAX];
	unsigned held;
	struct timer *idle;
};

unsigned pace_places(conf_rate rate)
{
	int64_t places = rate / (PER_MINUTE * PLACE_PER_MINUTE);
	return places < 1 ? 1 : places > PACE_PLACES_MAX ? PACE_PLACES_MAX : (unsigned)places;
}

int64_t pace_interval_us(conf_rate rate, unsigned places)
{
	return DAY_US / rate * places / 1000 * (1000 + MARGIN_PER_MILLE);
}

/* Finer than the loop's clock: hundreds a second have intervals of some milliseconds. */
static int64_t now_us(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void take_held(struct pace *pace)
{
	unsigned held = share_held(pace->share);
	int64_t strange_us =
		pace->interval_us < STRANGE_MS * 1000 ? pace->interval_us : STRANGE_MS * 1000;
	int64_t now = now_us();
	for (unsigned i = pace->held; i < held && i < PACE_PLACES_MAX; i++) {
		pace->next_us[i] = now + (pace->options.broker ? strange_us : 0);
		pace->used_ms[i] = loop_now_ms(pace->options.loop);
	}
	pace->held = held;
}

static void on_changed(void *owner)
{
	struct pace *pace = owner;
	take_held(pace);
	pace->options.changed(pace->options.owner);
}

static void set_rate(struct pace *pace, conf_rate rate)
{
	pace->options.rate = rate;
	pace->places = rate > 0 ? pace_places(rate) : 0;
	pace->interval_us = rate > 0 ? pace_interval_us(rate, pace->places) : 0;
}

static void open_share(struct pace *pace)
{
	pace->share = share_new(&(struct share_options){
		.loop = pace->options.loop,
		.broker = pace->options.broker,
		.name = pace->options.name,
		.limit = pace->places,
		.turn_ms = TURN_MS,
		.changed = on_changed,
		.owner = pace,
	});
}

/* The places are the same ones; only what each is good for is another. */
void pace_rate(struct pace *pace, conf_rate rate)
{
	if (rate == pace->options.rate)
		return;
	set_rate(pace, rate);
	if (!pace->share && rate > 0)
		open_share(pace);
	if (!pace->share)
		return;
	share_limit(pace->share, pace->places);
	take_held(pace);
}

/* The first that is free, so that those behind it fall idle when few are enough. */
static unsigned soonest(const struct pace *pace, int64_t now)
{
	unsigned best = 0;
	for (unsigned i = 0; i < pace->held; i++) {
		if (pace->next_us[i] <= now)
			return i;
		if (pace->next_us[i] < pace->next_us[best])
			best = i;
	}
	return best;
}

static int64_t idle_ms(const struct pace *pace)
{
	return IDLE_MS + 2 * pace->interval_us / 1000;
}

static unsigned of_use(const struct pace *pace)
{
	int64_t now = loop_now_ms(pace->options.loop);
	unsigned count = pace->held;
	while (count > 0 && now - pace->used_ms[count - 1] >= idle_ms(pace))
		count--;
	return count;
}

/* Nobody has asked for long: what is kept by then has not been used for more than an interval, so that others may use it at once. */
static void on_idle(void *owner)
{
	struct pace *pace = owner;
	share_want(pace->share, 0, 0);
}

int64_t pace_wait_ms(struct pace *pace)
{
	if (pace->options.rate == 0)
		return 0;
	if (!pace->options.broker && pace->held == 0)
		take_held(pace);
	int64_t now = now_us();
	unsigned place = soonest(pace, now);
	bool is_free = pace->held > 0 && pace->next_us[place] <= now;
	unsigned wanted = is_free ? of_use(pace) : pace->held + 1;
	share_want(pace->share, wanted > 0 ? wanted : 1, 0);
	timer_start(pace->idle, idle_ms(pace));
	if (pace->held == 0)
		return PACE_UNKNOWN;
	return is_free ? 0 : (pace->next_us[place] - now + 999) / 1000;
}

void pace_note(struct pace *pace)
{
	if (pace->options.rate == 0)
		return;
	int64_t now = now_us();
	unsigned place = soonest(pace, now);
	int64_t due = pace->next_us[place] > now - LATE_US ? pace->next_us[place] : now - LATE_US;
	pace->next_us[place] = due + pace->interval_us;
	pace->used_ms[place] = loop_now_ms(pace->options.loop);
}

struct pace *pace_new(const struct pace_options *options)
{
	struct pace *pace = memory_new(sizeof *pace);
	pace->options = *options;
	pace->options.name = memory_text(options->name);
	pace->idle = timer_new(options->loop, on_idle, pace);
	set_rate(pace, options->rate);
	if (options->rate > 0)
		open_share(pace);
	return pace;
}

void pace_free(struct pace **pace)
{
	if (!*pace)
		return;
	timer_free(&(*pace)->idle);
	share_free(&(*pace)->share);
	free((char *)(*pace)->options.name);
	free(*pace);
	*pace = NULL;
}
