/* a while -> step: look at some rows -> job: write the horizon, delete those that are over -> a moment later, the next step ...
 *         -> job: the cut is no more -> a long while
 *
 * The horizon is REPLICA_ENDED_KEPT_MS before the highest version that was seen, not before now: what was appended while this host was
 * cut off is not known here, and must not be taken for what came before. */
#include "broker/replica_purge.h"

#include "broker/replica_look.h"
#include "broker/suppressions.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/store/walk.h"

#define FIRST_MS   INT64_C(300000)
#define EVERY_MS   INT64_C(21600000)
#define STEP_MS	   10
#define STEP_ROWS  1000
#define STEP_ENDED 500

struct ended {
	struct bytes key;
	struct ended *next;
};

struct replica_purge {
	struct loop *loop;
	struct store *store;
	const struct replica_rows *rows;
	bool ends_by_age;
	struct timer *timer;
	struct arena *arena; /* of one step */
	struct store_walk walk;
	uint64_t horizon, cut; /* of this walk; 0: none */
	struct ended *ended;
	size_t row_count, ended_count;
	uint64_t deleted;
	bool is_running;
};

/* ---- looking ---- */

/* Removals stay for their time: what one of them ended may come late. A place that is not known was not seen since either. */
static bool is_cut_off(const struct replica_purge *purge, const struct replica_value *value)
{
	return !value->is_removed && purge->cut > 0 &&
	       (value->place < purge->cut || value->place == PLACE_UNKNOWN);
}

static bool has_ended(const struct replica_purge *purge, struct arena *arena, struct bytes stored)
{
	struct replica_value value;
	struct suppression entry;
	if (replica_parse(stored, &value))
		return false;
	if (is_cut_off(purge, &value))
		return true;
	if (value.version >= purge->horizon)
		return false;
	if (value.is_removed)
		return true;
	return suppression_decode(arena, value.value, &entry, NULL) == OK &&
	       entry.expires_wall_ms > 0 && (uint64_t)entry.expires_wall_ms < purge->horizon;
}

static bool look(void *owner, struct bytes key, struct bytes stored)
{
	struct replica_purge *purge = owner;
	if (purge->row_count++ == STEP_ROWS || purge->ended_count == STEP_ENDED)
		return store_walk_stop(&purge->walk, key);
	if (!has_ended(purge, purge->arena, stored))
		return true;
	struct ended *ended = arena_alloc(purge->arena, sizeof *ended);
	*ended = (struct ended){arena_copy(purge->arena, key), purge->ended};
	purge->ended = ended;
	purge->ended_count++;
	return true;
}

static enum err look_at_some(struct replica_purge *purge)
{
	arena_reset(purge->arena);
	purge->ended = NULL;
	purge->row_count = purge->ended_count = 0;
	struct store_txn *txn = store_read_begin(purge->store);
	if (store_walk_is_at_start(&purge->walk)) {
		uint64_t highest = rows_mark(purge->rows, txn, MARK_HIGHEST);
		bool has_old = purge->ends_by_age && highest > REPLICA_ENDED_KEPT_MS;
		purge->horizon = has_old ? highest - REPLICA_ENDED_KEPT_MS : 0;
		purge->cut = rows_mark(purge->rows, txn, MARK_CUT);
	}
	enum err err = store_walk_step(&purge->walk, txn, purge->rows->database, look, purge);
	store_read_end(&txn);
	return err;
}

/* ---- deleting, on the store's thread ---- */

/* A row may have changed since it was looked at. */
static enum err delete_one(const struct replica_purge *purge, struct store_txn *txn,
			   struct arena *arena, struct bytes key)
{
	struct bytes stored;
	enum err err = store_get(txn, purge->rows->database, key, &stored);
	if (err)
		return err == E_NOT_FOUND ? OK : err;
	return has_ended(purge, arena, stored) ? store_delete(txn, purge->rows->database, key) : OK;
}

static enum err delete_ended(void *owner, struct store_txn *txn)
{
	const struct replica_purge *purge = owner;
	enum err err = OK;
	if (rows_mark(purge->rows, txn, MARK_HIGHEST) < purge->horizon ||
	    rows_mark(purge->rows, txn, MARK_CUT) != purge->cut)
		return OK; /* the copy was begun anew meanwhile */
	struct arena *arena = arena_new();
	if (rows_mark(purge->rows, txn, MARK_HORIZON) < purge->horizon)
		err = rows_set_mark(purge->rows, txn, MARK_HORIZON, purge->horizon);
	for (const struct ended *ended = purge->ended; ended && !err; ended = ended->next)
		err = delete_one(purge, txn, arena, ended->key);
	arena_free(&arena);
	return err;
}

static enum err forget_cut(void *owner, struct store_txn *txn)
{
	const struct replica_purge *purge = owner;
	if (rows_mark(purge->rows, txn, MARK_CUT) != purge->cut)
		return OK; /* another one, of a later reading */
	return rows_forget_mark(purge->rows, txn, MARK_CUT);
}

/* ---- in steps ---- */

static void end_walk(struct replica_purge *purge, enum err err)
{
	if (err || purge->deleted > 0)
		log_event(EV_table_purged, F_TEXT("table", purge->rows->table),
			  F_INT("deleted", purge->deleted),
			  F_TEXT("error", err ? err_text(err) : ""));
	store_walk_begin(&purge->walk);
	purge->deleted = 0;
	if (purge->ends_by_age || err)
		timer_start(purge->timer, EVERY_MS);
}

static void on_cut_forgotten(void *owner, enum err err)
{
	struct replica_purge *purge = owner;
	purge->is_running = false;
	end_walk(purge, err);
}

static void end_step(struct replica_purge *purge, enum err err)
{
	if (!err && purge->walk.has_more) {
		timer_start(purge->timer, STEP_MS);
	} else if (!err && purge->cut > 0) {
		purge->is_running = true;
		store_write(purge->store, forget_cut, purge->loop, on_cut_forgotten, purge);
	} else {
		end_walk(purge, err);
	}
}

static void on_deleted(void *owner, enum err err)
{
	struct replica_purge *purge = owner;
	purge->is_running = false;
	if (!err)
		purge->deleted += purge->ended_count;
	end_step(purge, err);
}

static void on_timer(void *owner)
{
	struct replica_purge *purge = owner;
	enum err err = look_at_some(purge);
	if (err || purge->ended_count == 0) {
		end_step(purge, err);
		return;
	}
	purge->is_running = true;
	store_write(purge->store, delete_ended, purge->loop, on_deleted, purge);
}

static bool has_cut(const struct replica_purge *purge)
{
	return rows_mark_now(purge->store, purge->rows, MARK_CUT) > 0;
}

void replica_purge_start(struct replica_purge *purge)
{
	bool has_walk = purge->is_running ||
			!store_walk_is_at_start(&purge->walk); /* its steps follow by themselves */
	if (!has_walk && has_cut(purge))
		timer_start(purge->timer, 0);
	else if (!has_walk && purge->ends_by_age && !timer_is_running(purge->timer))
		timer_start(purge->timer, FIRST_MS);
}

void replica_purge_start_now(struct replica_purge *purge)
{
	if (!purge->is_running)
		timer_start(purge->timer, 0);
}

struct replica_purge *replica_purge_new(struct loop *loop, struct store *store,
					const struct replica_rows *rows, bool ends_by_age)
{
	struct replica_purge *purge = memory_new(sizeof *purge);
	purge->loop = loop;
	purge->store = store;
	purge->rows = rows;
	purge->ends_by_age = ends_by_age;
	purge->arena = arena_new();
	purge->timer = timer_new(loop, on_timer, purge);
	return purge;
}

void replica_purge_free(struct replica_purge **purge)
{
	struct replica_purge *freeing = *purge;
	*purge = NULL;
	if (!freeing)
		return;
	if (freeing->is_running)
		store_drain(freeing->loop);
	timer_free(&freeing->timer);
	arena_free(&freeing->arena);
	free(freeing);
}
