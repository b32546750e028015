/* See tempo.h. */
#include "workers/limits/tempo.h"

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

struct tempo {
	struct tempo_options options;
	struct share *share;
	unsigned places;
	int64_t interval_us;
	int64_t next_us[TEMPO_PLACES_MAX]; /* of each place that is held */
	int64_t used_ms[TEMPO_PLACES_MAX];
	unsigned held;
	struct timer *idle;
};

unsigned tempo_places(conf_rate rate)
{
	int64_t places = rate / (PER_MINUTE * PLACE_PER_MINUTE);
	return places < 1 ? 1 : places > TEMPO_PLACES_MAX ? TEMPO_PLACES_MAX : (unsigned)places;
}

int64_t tempo_interval_us(conf_rate rate, unsigned places)
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

static void take_held(struct tempo *tempo)
{
	unsigned held = share_held(tempo->share);
	int64_t strange_us =
		tempo->interval_us < STRANGE_MS * 1000 ? tempo->interval_us : STRANGE_MS * 1000;
	int64_t now = now_us();
	for (unsigned i = tempo->held; i < held && i < TEMPO_PLACES_MAX; i++) {
		tempo->next_us[i] = now + (tempo->options.broker ? strange_us : 0);
		tempo->used_ms[i] = loop_now_ms(tempo->options.loop);
	}
	tempo->held = held;
}

static void on_changed(void *owner)
{
	struct tempo *tempo = owner;
	take_held(tempo);
	tempo->options.changed(tempo->options.owner);
}

static void set_rate(struct tempo *tempo, conf_rate rate)
{
	tempo->options.rate = rate;
	tempo->places = rate > 0 ? tempo_places(rate) : 0;
	tempo->interval_us = rate > 0 ? tempo_interval_us(rate, tempo->places) : 0;
}

static void open_share(struct tempo *tempo)
{
	tempo->share = share_new(&(struct share_options){
		.loop = tempo->options.loop,
		.broker = tempo->options.broker,
		.name = tempo->options.name,
		.limit = tempo->places,
		.turn_ms = TURN_MS,
		.changed = on_changed,
		.owner = tempo,
	});
}

/* The places are the same ones; only what each is good for is another. */
void tempo_rate(struct tempo *tempo, conf_rate rate)
{
	if (rate == tempo->options.rate)
		return;
	set_rate(tempo, rate);
	if (!tempo->share && rate > 0)
		open_share(tempo);
	if (!tempo->share)
		return;
	share_limit(tempo->share, tempo->places);
	take_held(tempo);
}

/* The first that is free, so that those behind it fall idle when few are enough. */
static unsigned soonest(const struct tempo *tempo, int64_t now)
{
	unsigned best = 0;
	for (unsigned i = 0; i < tempo->held; i++) {
		if (tempo->next_us[i] <= now)
			return i;
		if (tempo->next_us[i] < tempo->next_us[best])
			best = i;
	}
	return best;
}

static int64_t idle_ms(const struct tempo *tempo)
{
	return IDLE_MS + 2 * tempo->interval_us / 1000;
}

static unsigned of_use(const struct tempo *tempo)
{
	int64_t now = loop_now_ms(tempo->options.loop);
	unsigned count = tempo->held;
	while (count > 0 && now - tempo->used_ms[count - 1] >= idle_ms(tempo))
		count--;
	return count;
}

/* Nobody has asked for long: what is kept by then has not been used for more than an interval, so that others may use it at once. */
static void on_idle(void *owner)
{
	struct tempo *tempo = owner;
	share_want(tempo->share, 0, 0);
}

int64_t tempo_wait_ms(struct tempo *tempo)
{
	if (tempo->options.rate == 0)
		return 0;
	if (!tempo->options.broker && tempo->held == 0)
		take_held(tempo);
	int64_t now = now_us();
	unsigned place = soonest(tempo, now);
	bool is_free = tempo->held > 0 && tempo->next_us[place] <= now;
	unsigned wanted = is_free ? of_use(tempo) : tempo->held + 1;
	share_want(tempo->share, wanted > 0 ? wanted : 1, 0);
	timer_start(tempo->idle, idle_ms(tempo));
	if (tempo->held == 0)
		return TEMPO_UNKNOWN;
	return is_free ? 0 : (tempo->next_us[place] - now + 999) / 1000;
}

void tempo_note(struct tempo *tempo)
{
	if (tempo->options.rate == 0)
		return;
	int64_t now = now_us();
	unsigned place = soonest(tempo, now);
	int64_t due = tempo->next_us[place] > now - LATE_US ? tempo->next_us[place] : now - LATE_US;
	tempo->next_us[place] = due + tempo->interval_us;
	tempo->used_ms[place] = loop_now_ms(tempo->options.loop);
}

int64_t tempo_rest_ms(const struct tempo *tempo)
{
	int64_t now = now_us(), rest_us = 0;
	for (unsigned i = 0; i < tempo->held; i++)
		if (tempo->next_us[i] - now > rest_us)
			rest_us = tempo->next_us[i] - now;
	return (rest_us + 999) / 1000;
}

struct tempo *tempo_new(const struct tempo_options *options)
{
	struct tempo *tempo = memory_new(sizeof *tempo);
	tempo->options = *options;
	tempo->options.name = memory_text(options->name);
	tempo->idle = timer_new(options->loop, on_idle, tempo);
	set_rate(tempo, options->rate);
	if (options->rate > 0)
		open_share(tempo);
	return tempo;
}

void tempo_free(struct tempo **tempo)
{
	if (!*tempo)
		return;
	timer_free(&(*tempo)->idle);
	share_free(&(*tempo)->share);
	free((char *)(*tempo)->options.name);
	free(*tempo);
	*tempo = NULL;
}
