/* See parties.h. */
#include "workers/limits/parties.h"

#include <search.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/memory.h"
#include "workers/limits/share.h"

#define SWEEP_MS 1000

struct party {
	char *name; /* first, so that it is found by it */
	struct parties *parties;
	struct allowance *allowance;
	size_t holder_count, waiting_count, busy_count, opening_count;
	bool was_full; /* somebody was told to wait for one of its own to end, or to be open */
	int64_t keep_ms, left_at_ms;
	TAILQ_ENTRY(party) next;
};

struct parties {
	struct parties_options options;
	void *by_name; /* tsearch tree */
	TAILQ_HEAD(, party) all;
	struct timer *sweep;
};

static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct party *)left)->name, ((const struct party *)right)->name);
}

static void drop(struct party *party)
{
	struct parties *parties = party->parties;
	(void)tdelete(party, &parties->by_name, by_name);
	TAILQ_REMOVE(&parties->all, party, next);
	allowance_free(&party->allowance);
	free(party->name);
	free(party);
}

static void on_sweep(void *owner)
{
	struct parties *parties = owner;
	struct party *party, *next;
	int64_t now = loop_now_ms(parties->options.loop);
	for (party = TAILQ_FIRST(&parties->all); party; party = next) {
		next = TAILQ_NEXT(party, next);
		if (party->holder_count == 0 && now - party->left_at_ms >= party->keep_ms)
			drop(party);
	}
	if (!TAILQ_EMPTY(&parties->all))
		timer_start(parties->sweep, SWEEP_MS);
}

/* ---- taking and giving back ---- */

/* A rate's last use, and a place of it that others may want, must not matter any more. */
static int64_t kept_ms(const struct limits *limits)
{
	int64_t longest_ms = SHARE_LINGER_MS;
	const conf_rate rates[] = {limits->rate, limits->connect_rate};
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		int64_t ms =
			rates[i] > 0
				? 2 * tempo_interval_us(rates[i], tempo_places(rates[i])) / 1000
				: 0;
		longest_ms = ms > longest_ms ? ms : longest_ms;
	}
	return longest_ms;
}

static struct party *add(struct parties *parties, const char *name, bool is_shared,
			 const struct limits *limits)
{
	struct party *party = memory_new(sizeof *party);
	party->name = memory_text(name);
	party->parties = parties;
	party->allowance = allowance_new(&(struct allowance_options){
		.loop = parties->options.loop,
		.broker = is_shared ? parties->options.broker : NULL,
		.name = name,
		.limits = *limits,
		.changed = parties->options.changed,
		.owner = parties->options.owner,
	});
	TAILQ_INSERT_TAIL(&parties->all, party, next);
	if (!tsearch(party, &parties->by_name, by_name))
		abort();
	if (!timer_is_running(parties->sweep))
		timer_start(parties->sweep, SWEEP_MS);
	return party;
}

struct party *party_take(struct parties *parties, const char *name, bool is_shared,
			 const struct limits *limits)
{
	struct party wanted = {.name = (char *)name};
	if (limits->connections == 0 && limits->rate == 0 && limits->connect_rate == 0 &&
	    limits->messages_per_connection == 0)
		return NULL;
	struct party **found = tfind(&wanted, &parties->by_name, by_name);
	struct party *party = found ? *found : add(parties, name, is_shared, limits);
	party->holder_count++;
	party->keep_ms = kept_ms(limits);
	allowance_share(party->allowance, is_shared ? parties->options.broker : NULL);
	allowance_set(party->allowance, limits);
	return party;
}

void party_give(struct party **party)
{
	struct party *p = *party;
	if (!p)
		return;
	*party = NULL;
	p->holder_count--;
	p->left_at_ms = loop_now_ms(p->parties->options.loop);
}

/* ---- what it does ---- */

static void want(struct party *party)
{
	allowance_want(party->allowance, party->busy_count, party->waiting_count);
}

void party_wait(struct party *party, int change)
{
	if (!party)
		return;
	party->waiting_count += (size_t)change;
	want(party);
}

int64_t party_wait_ms(struct party *party)
{
	if (!party)
		return 0;
	if (allowance_has_room(party->allowance, party->busy_count))
		return allowance_send_wait_ms(party->allowance);
	party->was_full = true;
	return TEMPO_UNKNOWN;
}

struct party *party_begin(struct party *party)
{
	if (!party)
		return NULL;
	allowance_note_send(party->allowance);
	party->holder_count++;
	party->busy_count++;
	want(party);
	return party;
}

static void tell_who_waits(struct party *party)
{
	if (!party->was_full)
		return;
	party->was_full = false;
	party->parties->options.changed(party->parties->options.owner);
}

void party_end(struct party **party)
{
	struct party *p = *party;
	if (!p)
		return;
	p->busy_count--;
	want(p);
	party_give(party);
	tell_who_waits(p);
}

/* ---- its sessions ---- */

bool party_limits_connects(const struct party *party)
{
	return party && allowance_limits(party->allowance)->connect_rate > 0;
}

int64_t party_connect_wait_ms(struct party *party)
{
	if (!party_limits_connects(party))
		return 0;
	if (party->opening_count < party->waiting_count)
		return allowance_connect_wait_ms(party->allowance);
	party->was_full = true;
	return TEMPO_UNKNOWN;
}

struct party *party_open(struct party *party)
{
	if (!party)
		return NULL;
	allowance_note_connect(party->allowance);
	party->holder_count++;
	party->opening_count++;
	return party;
}

void party_opened(struct party **party)
{
	struct party *p = *party;
	if (!p)
		return;
	p->opening_count--;
	party_give(party);
	tell_who_waits(p);
}

int64_t party_messages_max(const struct party *party)
{
	int64_t max = party ? allowance_limits(party->allowance)->messages_per_connection : 0;
	return max > 0 ? max : INT64_MAX;
}

/* ---- birth and end ---- */

struct parties *parties_new(const struct parties_options *options)
{
	struct parties *parties = memory_new(sizeof *parties);
	parties->options = *options;
	TAILQ_INIT(&parties->all);
	parties->sweep = timer_new(options->loop, on_sweep, parties);
	return parties;
}

void parties_free(struct parties **parties)
{
	if (!*parties)
		return;
	while (!TAILQ_EMPTY(&(*parties)->all))
		drop(TAILQ_FIRST(&(*parties)->all));
	timer_free(&(*parties)->sweep);
	free(*parties);
	*parties = NULL;
}
