/* a while -> step: look at some rows -> the table forgets those that ended -> job: delete them -> a moment later, the next step ...
 *         -> count what is in force -> a long while
 *
 * The table first: a crash in between leaves rows that the next walk finds again. A step that fails deletes nothing. */
#include "bouncer/suppressions/purge.h"

#include "bouncer/suppressions/ledger.h"
#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"
#include "lib/store/walk.h"

#define FIRST_MS   INT64_C(600000)
#define EVERY_MS   INT64_C(21600000)
#define STEP_MS	   10
#define STEP_ROWS  1000
#define STEP_ENDED 200

struct ended {
	struct bytes key;
	uint64_t version;
	struct ended *next;
};

struct purge {
	struct broker *broker;
	struct loop *loop;
	struct store *store;
	int own;
	struct timer *timer;
	struct arena *arena; /* of one step */
	struct store_walk walk;
	int64_t wall_ms; /* of this walk */
	struct ended *ended;
	size_t row_count, ended_count, unforgotten;
	int64_t in_force, held;
	uint64_t deleted;
	bool has_failed, is_deleting, is_stopped;
};

/* ---- looking ---- */

static bool has_ended(const struct purge *purge, const struct suppression *entry)
{
	int64_t horizon = purge->wall_ms - LEDGER_ENDED_KEPT_MS;
	return horizon > 0 && entry->version < (uint64_t)horizon &&
	       (entry->is_removed ||
		(entry->expires_wall_ms > 0 && entry->expires_wall_ms < horizon));
}

static void count(struct purge *purge, const struct suppression *entry)
{
	struct suppression plain = *entry;
	plain.is_held = false;
	if (!suppression_is_in_force(&plain, purge->wall_ms))
		return;
	purge->held += entry->is_held;
	purge->in_force += !entry->is_held;
}

static bool look(void *owner, struct bytes key, struct bytes value)
{
	struct purge *purge = owner;
	struct suppression entry;
	if (purge->row_count++ == STEP_ROWS || purge->ended_count == STEP_ENDED)
		return store_walk_stop(&purge->walk, key);
	if (suppression_decode(purge->arena, value, &entry, NULL))
		return true;
	count(purge, &entry);
	if (!has_ended(purge, &entry))
		return true;
	struct ended *ended = arena_alloc(purge->arena, sizeof *ended);
	*ended = (struct ended){arena_copy(purge->arena, key), entry.version, purge->ended};
	purge->ended = ended;
	purge->ended_count++;
	return true;
}

static enum err look_at_some(struct purge *purge)
{
	arena_reset(purge->arena);
	if (store_walk_is_at_start(&purge->walk)) {
		purge->wall_ms = loop_wall_ms(purge->loop);
		purge->in_force = purge->held = 0;
		purge->deleted = 0;
	}
	purge->ended = NULL;
	purge->row_count = purge->ended_count = 0;
	purge->has_failed = false;
	struct store_txn *txn = store_read_begin(purge->store);
	enum err err = store_walk_step(&purge->walk, txn, purge->own, look, purge);
	store_read_end(&txn);
	return err;
}

/* ---- deleting ---- */

static void end_walk(struct purge *purge, enum err err)
{
	store_walk_begin(&purge->walk);
	timer_start(purge->timer, EVERY_MS);
	if (!err) { /* what expires is not told of by anybody */
		metric_set(M_suppressions, NULL, purge->in_force);
		metric_set(M_suppressions_held, NULL, purge->held);
	}
	if (err || purge->deleted > 0)
		log_event(EV_table_purged, F_TEXT("table", LEDGER_DATABASE),
			  F_INT("deleted", purge->deleted),
			  F_TEXT("error", err ? err_text(err) : ""));
}

static void end_step(struct purge *purge, enum err err)
{
	if (purge->is_stopped)
		return;
	if (err || !purge->walk.has_more)
		end_walk(purge, err);
	else
		timer_start(purge->timer, STEP_MS);
}

/* On the store's thread. A row may have changed since it was looked at. */
static enum err delete_one(const struct purge *purge, struct store_txn *txn,
			   const struct ended *ended, struct arena *arena)
{
	struct bytes stored;
	struct suppression entry;
	enum err err = store_get(txn, purge->own, ended->key, &stored);
	if (err)
		return err == E_NOT_FOUND ? OK : err;
	if (suppression_decode(arena, stored, &entry, NULL) || entry.version != ended->version)
		return OK;
	return store_delete(txn, purge->own, ended->key);
}

static enum err delete_ended(void *owner, struct store_txn *txn)
{
	const struct purge *purge = owner;
	struct arena *arena = arena_new();
	enum err err = OK;
	for (const struct ended *ended = purge->ended; ended && !err; ended = ended->next)
		err = delete_one(purge, txn, ended, arena);
	arena_free(&arena);
	return err;
}

static void on_deleted(void *owner, enum err err)
{
	struct purge *purge = owner;
	purge->is_deleting = false;
	if (!err)
		purge->deleted += purge->ended_count;
	end_step(purge, err);
}

static void delete_all(struct purge *purge)
{
	if (purge->is_stopped || purge->has_failed || purge->ended_count == 0) {
		end_step(purge, OK);
		return;
	}
	purge->is_deleting = true;
	store_write(purge->store, delete_ended, purge->loop, on_deleted, purge);
}

static void on_forgotten(void *owner, enum err err)
{
	struct purge *purge = owner;
	purge->has_failed |= err != OK;
	if (--purge->unforgotten == 0)
		delete_all(purge);
}

static void on_timer(void *owner)
{
	struct purge *purge = owner;
	enum err err = look_at_some(purge);
	if (err) {
		end_step(purge, err);
		return;
	}
	purge->unforgotten = 1; /* one more while they are asked for */
	for (const struct ended *ended = purge->ended; ended; ended = ended->next)
		purge->unforgotten += table_forget(purge->broker, SUPPRESSIONS_TABLE, ended->key,
						   ended->version, on_forgotten, purge);
	on_forgotten(purge, OK);
}

/* ---- public ---- */

struct purge *purge_new(struct broker *broker, struct loop *loop, struct store *store)
{
	struct purge *purge = memory_new(sizeof *purge);
	purge->broker = broker;
	purge->loop = loop;
	purge->store = store;
	purge->own = store_database(store, LEDGER_DATABASE);
	purge->arena = arena_new();
	purge->timer = timer_new(loop, on_timer, purge);
	timer_start(purge->timer, FIRST_MS);
	return purge;
}

void purge_now(struct purge *purge)
{
	if (purge->unforgotten == 0 && !purge->is_deleting)
		timer_start(purge->timer, 0);
}

void purge_stop(struct purge *purge)
{
	purge->is_stopped = true;
	timer_stop(purge->timer);
}

void purge_free(struct purge **purge)
{
	struct purge *freeing = *purge;
	*purge = NULL;
	if (!freeing)
		return;
	purge_stop(freeing);
	if (freeing->is_deleting)
		store_drain(freeing->loop);
	timer_free(&freeing->timer);
	arena_free(&freeing->arena);
	free(freeing);
}
