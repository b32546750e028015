/* wanted -- the table is known, or for 10 s not --> appending -- kept, or can never be --> done
 *                                            -- away, blocked, full ----> waiting -- a second later --> appending */
#include "bouncer/alerts/brakes.h"

#include <string.h>
#include <sys/queue.h>

#define uthash_fatal(message) abort()
#include <uthash.h>

#include "broker/recalls.h"
#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define RETRY_MS 1000
#define KNOW_MS	 10000	/* a table that cannot be read keeps no brake from being written */
#define ROWS_MAX 100000 /* known; of others the time alone must make the version rise */

struct row { /* what stands in the table */
	UT_hash_handle hh;
	uint64_t version;
	int64_t until_wall_ms;
	bool is_suspended, is_of_alert;
	size_t key_len;
	uint8_t key[SUPPRESSION_KEY_MAX];
};

struct order { /* what is to be written */
	struct brakes *brakes;
	struct arena *arena; /* it lives there */
	struct directive wish;
	bool is_polite; /* brakes_apply() */
	struct buf value;
	uint64_t version;
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t key_len;
	void (*done)(void *owner, enum err err);
	void *owner;
	int64_t asked_at_ms;
	STAILQ_ENTRY(order) next; /* of those that wait */
};

struct brakes {
	struct broker *broker;
	struct loop *loop;
	struct table_follower *follower;
	struct row *rows;
	struct timer *retry;
	STAILQ_HEAD(, order) waiting;
	bool is_known, is_stopped;
	void (*resumed)(void *owner, const struct directive *directive, int64_t wall_ms);
	void *resumed_owner;
};

/* ---- the table ---- */

static struct row *row_at(struct brakes *brakes, struct bytes key)
{
	struct row *row = NULL;
	HASH_FIND(hh, brakes->rows, key.data, key.len, row);
	return row;
}

static struct row *add_row(struct brakes *brakes, struct bytes key)
{
	if (HASH_COUNT(brakes->rows) >= ROWS_MAX || key.len > SUPPRESSION_KEY_MAX)
		return NULL;
	struct row *row = memory_new(sizeof *row);
	memcpy(row->key, key.data, key.len);
	row->key_len = key.len;
	HASH_ADD_KEYPTR(hh, brakes->rows, row->key, row->key_len, row);
	return row;
}

/* False: it is older than what is known. */
static bool note_row(struct brakes *brakes, struct bytes key, uint64_t version,
		     const struct directive *directive)
{
	struct row *row = row_at(brakes, key);
	if (row && row->version >= version)
		return false;
	if (!row)
		row = add_row(brakes, key);
	if (!row)
		return true;
	row->version = version;
	row->until_wall_ms = directive->until_wall_ms;
	row->is_suspended = directive->kind == DIRECTIVE_SUSPEND;
	row->is_of_alert = bytes_starts_with_nocase(directive->by, BRAKE_BY);
	return true;
}

static void on_entry(void *owner, const struct table_entry *entry, uint64_t position)
{
	struct brakes *brakes = owner;
	struct arena *arena = arena_new();
	struct directive directive;
	(void)position;
	if (directive_decode(arena, entry->value, &directive, NULL) == OK &&
	    (directive.kind == DIRECTIVE_SUSPEND || directive.kind == DIRECTIVE_RESUME)) {
		bool is_new = note_row(brakes, entry->key, entry->version, &directive);
		if (is_new && directive.kind == DIRECTIVE_RESUME && brakes->resumed)
			brakes->resumed(brakes->resumed_owner, &directive, (int64_t)entry->version);
	}
	arena_free(&arena);
}

static void start_waiting(void *owner);

static void on_caught_up(void *owner)
{
	struct brakes *brakes = owner;
	brakes->is_known = true;
	start_waiting(brakes);
}

/* ---- writing ---- */

static void finish(struct order *order, enum err err)
{
	struct arena *arena = order->arena;
	void (*done)(void *owner, enum err err) = order->done;
	void *owner = order->owner;
	buf_done(&order->value);
	arena_free(&arena);
	done(owner, err);
}

static void wait(struct order *order)
{
	struct brakes *brakes = order->brakes;
	if (brakes->is_stopped) {
		finish(order, E_CANCELLED);
		return;
	}
	STAILQ_INSERT_TAIL(&brakes->waiting, order, next);
	if (!timer_is_running(brakes->retry))
		timer_start(brakes->retry, RETRY_MS);
}

static void on_appended(void *owner, enum err err)
{
	struct order *order = owner;
	struct brakes *brakes = order->brakes;
	if (!err && order->wish.kind == DIRECTIVE_RESUME && brakes->resumed)
		brakes->resumed(brakes->resumed_owner, &order->wish, (int64_t)order->version);
	if (!err || err_then(err) == ERR_THEN_BURY)
		finish(order, err);
	else
		wait(order);
}

static bool lasts_as_long(const struct row *row, const struct directive *wish)
{
	return row->until_wall_ms == 0 ||
	       (wish->until_wall_ms != 0 && row->until_wall_ms >= wish->until_wall_ms);
}

static bool is_in_force(const struct row *row, int64_t now)
{
	return row && row->is_suspended && (row->until_wall_ms == 0 || row->until_wall_ms > now);
}

static bool is_needless(const struct order *order, const struct row *row, int64_t now)
{
	if (!order->is_polite)
		return false;
	if (order->wish.kind == DIRECTIVE_RESUME)
		return !is_in_force(row, now) || !row->is_of_alert;
	return is_in_force(row, now) && lasts_as_long(row, &order->wish);
}

static void append(struct order *order)
{
	struct brakes *brakes = order->brakes;
	int64_t now = loop_wall_ms(brakes->loop);
	const struct row *row = row_at(brakes, bytes_from(order->key, order->key_len));
	if (order->version == 0) { /* the first try */
		if (is_needless(order, row, now)) {
			finish(order, OK);
			return;
		}
		order->version =
			row && row->version >= (uint64_t)now ? row->version + 1 : (uint64_t)now;
	}
	const struct table_entry entry = {
		.key = bytes_from(order->key, order->key_len),
		.value = buf_bytes(&order->value),
		.version = order->version,
	};
	(void)note_row(brakes, entry.key, entry.version, &order->wish);
	table_append(brakes->broker, DIRECTIVES_TABLE, &entry, on_appended, order);
}

static bool is_late(const struct order *order)
{
	return loop_now_ms(order->brakes->loop) - order->asked_at_ms >= KNOW_MS;
}

static void start_waiting(void *owner)
{
	struct brakes *brakes = owner;
	STAILQ_HEAD(, order) ready = STAILQ_HEAD_INITIALIZER(ready);
	struct order *order;
	STAILQ_CONCAT(&ready, &brakes->waiting);
	while ((order = STAILQ_FIRST(&ready))) {
		STAILQ_REMOVE_HEAD(&ready, next);
		if (brakes->is_known || is_late(order))
			append(order);
		else
			wait(order);
	}
}

static void log_wish(const struct directive *wish)
{
	log_event(EV_suspension_written, F_BOOL("suspended", wish->kind == DIRECTIVE_SUSPEND),
		  F_BYTES("tenant", wish->tenant), F_BYTES("campaign", wish->campaign),
		  F_BYTES("pool", wish->pool), F_BYTES("site", wish->site),
		  F_BYTES("source", wish->source), F_BYTES("by", wish->by));
}

static void order_it(struct brakes *brakes, const struct directive *wish, bool is_polite,
		     void (*done)(void *owner, enum err err), void *owner)
{
	struct arena *arena = arena_new();
	struct order *order = arena_zalloc(arena, 1, sizeof *order);
	order->brakes = brakes;
	order->arena = arena;
	order->is_polite = is_polite;
	order->asked_at_ms = loop_now_ms(brakes->loop);
	order->done = done;
	order->owner = owner;
	buf_init(&order->value, REPLICA_VALUE_MAX);
	order->key_len = directive_key(wish, order->key);
	if (directive_encode(wish, &order->value) != OK ||
	    directive_decode(arena, arena_copy(arena, buf_bytes(&order->value)), &order->wish,
			     NULL) != OK) {
		finish(order, E_TOO_BIG);
		return;
	}
	log_wish(wish);
	if (brakes->is_known)
		append(order);
	else
		wait(order);
}

void brakes_put(struct brakes *brakes, const struct directive *wish,
		void (*done)(void *owner, enum err err), void *owner)
{
	order_it(brakes, wish, false, done, owner);
}

void brakes_apply(struct brakes *brakes, const struct directive *wish,
		  void (*done)(void *owner, enum err err), void *owner)
{
	order_it(brakes, wish, true, done, owner);
}

/* ---- birth and end ---- */

struct brakes *brakes_new(struct broker *broker, struct loop *loop)
{
	static const struct table_handler handler = {.entry = on_entry, .caught_up = on_caught_up};
	struct brakes *brakes = memory_new(sizeof *brakes);
	brakes->broker = broker;
	brakes->loop = loop;
	brakes->retry = timer_new(loop, start_waiting, brakes);
	STAILQ_INIT(&brakes->waiting);
	brakes->follower = table_follow(broker, DIRECTIVES_TABLE, 0, &handler, brakes);
	return brakes;
}

void brakes_watch(struct brakes *brakes,
		  void (*resumed)(void *owner, const struct directive *directive, int64_t wall_ms),
		  void *owner)
{
	brakes->resumed = resumed;
	brakes->resumed_owner = owner;
}

void brakes_stop(struct brakes *brakes)
{
	struct order *order;
	brakes->is_stopped = true;
	timer_stop(brakes->retry);
	while ((order = STAILQ_FIRST(&brakes->waiting))) {
		STAILQ_REMOVE_HEAD(&brakes->waiting, next);
		finish(order, E_CANCELLED);
	}
}

void brakes_free(struct brakes **brakes)
{
	struct brakes *freeing = *brakes;
	struct row *row, *next;
	*brakes = NULL;
	if (!freeing)
		return;
	brakes_stop(freeing);
	table_follower_free(&freeing->follower);
	HASH_ITER(hh, freeing->rows, row, next)
	{
		HASH_DEL(freeing->rows, row);
		free(row);
	}
	timer_free(&freeing->retry);
	free(freeing);
}
