/* Lowered at once, raised in small steps, as TCP does. */
#include "lib/shaping/pace.h"

#define MINUTE_MS     60000
#define SLOT_MS	      (MINUTE_MS / PACE_SLOTS)
#define SETTLE_MS     15000 /* what comes sooner was sent before the limit was felt */
#define LOWER	      0.85
#define RAISE	      0.02 /* of the rate, each RAISE_MS */
#define RAISE_MS      10000
#define PROBE	      0.005 /* the same near the ceiling */
#define NEAR	      0.03  /* of the ceiling, below and above */
#define SPAN_LEAST_MS 6000  /* a rate is not told from less */
#define SEARCH	      0.25  /* of the rate, each SEARCH_MS, until the host asks for less again */
#define SEARCH_MS     2500
#define LANDING_MS    30000
#define FORGET_MS     (6LL * 60 * MINUTE_MS) /* without a reply of the kind, the limit is forgotten */
#define LEAST	      1.0
#define MOST	      1e9 /* of what is taken up again */

void pace_start(struct pace *pace, int64_t now_ms)
{
	*pace = (struct pace){.credit_at_ms = now_ms,
			      .limited_at_ms = now_ms - SETTLE_MS,
			      .started_at_ms = now_ms};
	for (int i = 0; i < PACE_SLOTS; i++)
		pace->slot_number[i] = -1;
}

void pace_resume(struct pace *pace, double per_minute, double ceiling, int64_t now_ms)
{
	pace_start(pace, now_ms);
	if (!(per_minute >= LEAST && per_minute <= MOST))
		return;
	pace->per_minute = per_minute;
	pace->ceiling = ceiling >= LEAST && ceiling <= MOST ? ceiling : per_minute;
	pace->raised_at_ms = now_ms;
}

/* ---- what was taken in the last minute ---- */

void pace_accepted(struct pace *pace, int64_t now_ms)
{
	int64_t number = now_ms / SLOT_MS;
	int slot = (int)(number % PACE_SLOTS);
	if (pace->slot_number[slot] != number) {
		pace->slot_number[slot] = number;
		pace->slot_count[slot] = 0;
	}
	pace->slot_count[slot]++;
}

double pace_taken(const struct pace *pace, int64_t now_ms)
{
	int64_t number = now_ms / SLOT_MS, span_ms = now_ms - (number - PACE_SLOTS + 1) * SLOT_MS;
	unsigned count = 0;
	for (int i = 0; i < PACE_SLOTS; i++)
		if (pace->slot_number[i] > number - PACE_SLOTS)
			count += pace->slot_count[i];
	if (span_ms > now_ms - pace->started_at_ms)
		span_ms = now_ms - pace->started_at_ms;
	if (span_ms < SPAN_LEAST_MS)
		span_ms = SPAN_LEAST_MS;
	return (double)count * MINUTE_MS / (double)span_ms;
}

/* ---- the limit ---- */

static bool is_near_ceiling(const struct pace *pace)
{
	return pace->per_minute > pace->ceiling * (1 - NEAR) &&
	       pace->per_minute < pace->ceiling * (1 + NEAR);
}

static void raise(struct pace *pace, int64_t now_ms)
{
	if (pace->per_minute > 0 && now_ms - pace->limited_at_ms > FORGET_MS)
		pace->per_minute = pace->ceiling = 0;
	if (pace->per_minute <= 0)
		return;
	for (; pace->is_searching && now_ms - pace->raised_at_ms >= SEARCH_MS;
	     pace->raised_at_ms += SEARCH_MS) {
		pace->per_minute *= 1 + SEARCH;
		pace->is_searching = pace->raised_at_ms - pace->limited_at_ms < MINUTE_MS;
	}
	for (; !pace->is_searching && now_ms - pace->raised_at_ms >= RAISE_MS;
	     pace->raised_at_ms += RAISE_MS)
		pace->per_minute *= 1 + (is_near_ceiling(pace) ? PROBE : RAISE);
}

bool pace_limited(struct pace *pace, int64_t now_ms)
{
	bool is_unsure = pace->is_searching || now_ms < pace->landing_until_ms;
	if (now_ms - pace->limited_at_ms < (is_unsure ? SEARCH_MS : SETTLE_MS))
		return false;
	raise(pace, now_ms);
	bool is_first = pace->per_minute <= 0;
	if (pace->is_searching)
		pace->landing_until_ms = now_ms + LANDING_MS;
	double taken = pace_taken(pace, now_ms);
	double now_too_much =
		pace->per_minute > 0 && pace->per_minute < taken ? pace->per_minute : taken;
	if (pace->per_minute > 0 && (is_unsure || taken < pace->per_minute / 2))
		now_too_much = pace->per_minute; /* little was sent: what was taken tells nothing */
	pace->ceiling = now_too_much > LEAST ? now_too_much : LEAST;
	pace->per_minute = pace->ceiling * LOWER > LEAST ? pace->ceiling * LOWER : LEAST;
	pace->limited_at_ms = pace->raised_at_ms = pace->credit_at_ms = now_ms;
	pace->credit = 0;
	pace->is_searching = is_first && now_ms - pace->started_at_ms < MINUTE_MS;
	return true;
}

static double limit_of(const struct pace *pace)
{
	bool has_cap = pace->cap > 0;
	if (has_cap && (pace->per_minute <= 0 || pace->cap < pace->per_minute))
		return pace->cap;
	return pace->per_minute;
}

int64_t pace_wait_ms(struct pace *pace, int64_t now_ms)
{
	raise(pace, now_ms);
	double limit = limit_of(pace);
	if (limit <= 0)
		return 0;
	/* At most a second's worth is saved up, so that no burst follows a pause. */
	double most = limit / 60 > 1 ? limit / 60 : 1;
	pace->credit += limit * (double)(now_ms - pace->credit_at_ms) / MINUTE_MS;
	pace->credit_at_ms = now_ms;
	if (pace->credit > most)
		pace->credit = most;
	return pace->credit >= 1 ? 0 : (int64_t)((1 - pace->credit) * MINUTE_MS / limit) + 1;
}

void pace_note(struct pace *pace)
{
	if (limit_of(pace) > 0)
		pace->credit -= 1;
}

int64_t pace_take(struct pace *pace, int64_t now_ms)
{
	int64_t wait_ms = pace_wait_ms(pace, now_ms);
	if (wait_ms == 0)
		pace_note(pace);
	return wait_ms;
}

void pace_cap(struct pace *pace, double per_minute)
{
	pace->cap = per_minute;
}

double pace_per_minute(const struct pace *pace)
{
	return pace->per_minute;
}
