/*   wanted > held  -> asking (one at a time) -> held
 *   wanted < held  -> for SHARE_LINGER_MS -> given back
 *   all in use for turn_ms -> offering: one less may be used -> when it is, given back and asked for again
 *   any, its connection to the broker lost -> asking */
#include "workers/limits/share.h"

#include <sys/queue.h>

#include "lib/base/memory.h"

#define LOOK_MS	   50
#define SLOWER_MS  50 /* for each that is held */
#define SLOWEST_MS 250

struct place {
	struct share *share;
	struct permit *permit;
	bool is_held;
	int64_t held_at_ms;
	TAILQ_ENTRY(place) next;
};

struct share {
	struct share_options options;
	char *name;
	TAILQ_HEAD(, place) places; /* the oldest first; those that are asked for too */
	unsigned count, held, wanted, used;
	bool is_offering;
	int64_t offered_at_ms; /* when that last began or ended */
	int64_t granted_at_ms; /* the last */
	int64_t enough_at_ms;  /* since when more than `wanted` are held; 0: no more are */
	int64_t ended_at_ms;   /* when `used` last fell */
	struct timer *look;
};

static int64_t now_ms(const struct share *share)
{
	return loop_now_ms(share->options.loop);
}

static unsigned useful(const struct share *share)
{
	return share->wanted < share->options.limit ? share->wanted : share->options.limit;
}

static void tell(const struct share *share)
{
	share->options.changed(share->options.owner);
}

/* ---- places ---- */

static void on_granted(void *owner, unsigned number)
{
	struct place *place = owner;
	struct share *share = place->share;
	(void)number;
	place->is_held = true;
	place->held_at_ms = share->granted_at_ms = now_ms(share);
	share->held++;
	TAILQ_REMOVE(&share->places, place, next);
	TAILQ_INSERT_TAIL(&share->places, place, next);
	tell(share);
}

/* It is asked for again by itself. */
static void on_lost(void *owner)
{
	struct place *place = owner;
	struct share *share = place->share;
	if (!place->is_held)
		return;
	place->is_held = false;
	share->held--;
	tell(share);
}

static void add_place(struct share *share)
{
	static const struct permit_handler handler = {.granted = on_granted, .lost = on_lost};
	struct place *place = memory_new(sizeof *place);
	place->share = share;
	TAILQ_INSERT_TAIL(&share->places, place, next);
	share->count++;
	place->permit = permit_ask(share->options.broker, share->name, share->options.limit,
				   &handler, place);
}

static void drop_place(struct place *place)
{
	struct share *share = place->share;
	TAILQ_REMOVE(&share->places, place, next);
	share->count--;
	share->held -= place->is_held;
	permit_free(&place->permit);
	free(place);
}

/* Those that are still asked for go first, then those that others have waited for the longest. */
static void drop_surplus(struct share *share, unsigned keep)
{
	struct place *place, *next;
	for (int held = 0; held <= 1; held++) {
		for (place = TAILQ_FIRST(&share->places); place && share->count > keep;
		     place = next) {
			next = TAILQ_NEXT(place, next);
			if (place->is_held == (bool)held)
				drop_place(place);
		}
	}
}

/* ---- what is wanted ---- */

static void ask(struct share *share)
{
	int64_t slow_ms = (int64_t)share->held * SLOWER_MS;
	if (slow_ms > SLOWEST_MS)
		slow_ms = SLOWEST_MS;
	if (share->count == share->held && share->count < useful(share) &&
	    (share->held == 0 || now_ms(share) - share->granted_at_ms >= slow_ms))
		add_place(share);
}

static bool has_ended(const struct share *share, unsigned kept)
{
	return share->used <= kept && now_ms(share) - share->ended_at_ms >= SHARE_END_MS;
}

static void give_back_surplus(struct share *share)
{
	unsigned keep = useful(share) > share->used ? useful(share) : share->used;
	int64_t now = now_ms(share);
	if (share->count <= keep)
		share->enough_at_ms = 0;
	else if (share->enough_at_ms == 0)
		share->enough_at_ms = now;
	if (share->enough_at_ms == 0 || now - share->enough_at_ms < SHARE_LINGER_MS ||
	    !has_ended(share, keep))
		return;
	unsigned held = share->held;
	drop_surplus(share, keep);
	share->enough_at_ms = 0;
	if (share->held < held)
		tell(share);
}

/* One at a time, so that most of the work goes on. */
static bool is_time_to_offer(const struct share *share)
{
	const struct place *oldest = TAILQ_FIRST(&share->places);
	int64_t turn_ms = share->options.turn_ms;
	int64_t now = now_ms(share);
	return oldest && oldest->is_held && now - oldest->held_at_ms >= turn_ms &&
	       now - share->offered_at_ms >= turn_ms;
}

static void offer_oldest(struct share *share)
{
	bool is_of_use = share->held > 0 && share->held <= useful(share);
	bool begins = !share->is_offering && is_of_use && is_time_to_offer(share);
	bool ends = share->is_offering && (!is_of_use || has_ended(share, share->held - 1));
	if (!begins && !ends)
		return;
	share->is_offering = begins;
	share->offered_at_ms = now_ms(share);
	if (ends && is_of_use)
		drop_place(TAILQ_FIRST(&share->places));
	tell(share);
}

static void on_look(void *owner)
{
	struct share *share = owner;
	give_back_surplus(share);
	offer_oldest(share);
	ask(share);
	if (share->count > 0)
		timer_start(share->look, LOOK_MS);
}

void share_want(struct share *share, unsigned wanted, unsigned used)
{
	if (used < share->used)
		share->ended_at_ms = now_ms(share);
	share->wanted = wanted;
	share->used = used;
	if (!share->options.broker)
		return;
	ask(share);
	if (!timer_is_running(share->look) && share->count > 0)
		timer_start(share->look, LOOK_MS);
}

unsigned share_held(const struct share *share)
{
	if (!share->options.broker)
		return share->options.limit;
	return share->held - (share->is_offering && share->held > 0);
}

void share_limit(struct share *share, unsigned limit)
{
	struct place *place;
	if (share->options.limit == limit)
		return;
	share->options.limit = limit;
	TAILQ_FOREACH(place, &share->places, next)
	{
		permit_limit(place->permit, limit);
	}
	if (share->options.broker)
		ask(share);
}

/* ---- birth and end ---- */

struct share *share_new(const struct share_options *options)
{
	struct share *share = memory_new(sizeof *share);
	share->options = *options;
	share->name = memory_text(options->name);
	share->options.name = share->name;
	TAILQ_INIT(&share->places);
	share->look = timer_new(options->loop, on_look, share);
	return share;
}

void share_free(struct share **share)
{
	struct share *s = *share;
	if (!s)
		return;
	*share = NULL;
	while (!TAILQ_EMPTY(&s->places))
		drop_place(TAILQ_FIRST(&s->places));
	timer_free(&s->look);
	free(s->name);
	free(s);
}
