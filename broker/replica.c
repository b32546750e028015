/* A table's entries on their way into the store.
 *
 *   entry, entry, ... -> batch being filled -> one job (apply all, note the position) -> done -> the next batch
 *
 * One job runs at a time; what comes meanwhile fills the next batch, so a busy table costs few commits. The position is that of
 * the last entry applied and is written with it, so a restart repeats some entries and misses none. When the table, followed from
 * there, gives none at all, it may have been made anew: it is followed from its beginning, and versions decide. */
#include "broker/replica.h"

#include <string.h>

#include "broker/replica_purge.h"
#include "broker/replica_rows.h"
#include "broker/suppressions.h"
#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define RETRY_MS 1000
/* Of what waits for the job under way; beyond it nothing more is taken in until that is done. */
#define BATCH_BYTES_MAX ((size_t)32 << 20)
/* How far back an engine begins. Further back, it is another table's beginning. */
#define EARLIER_MAX 4096

/* ---- a batch of entries ---- */

struct pending {
	struct table_entry entry;
	struct pending *next;
};

struct batch {
	struct arena *arena;
	struct pending *first, **end;
	uint64_t position; /* of the last entry that came, applied or passed over */
	uint64_t highest;  /* version */
	bool has_position;
	bool is_made_anew; /* the table was: what is known of an earlier one says nothing of it */
	bool is_caught_up; /* to be told when this is applied */
};

struct replica {
	struct broker *broker;
	struct loop *loop;
	struct store *store;
	struct replica_rows rows;
	void (*caught_up)(void *owner);
	void *owner;
	void (*applied)(void *owner); /* NULL: nobody watches */
	void *watcher;

	struct table_follower *follower; /* NULL: ended for good, or is_paused */
	uint64_t followed_from, last_position;
	bool has_entries; /* since the following began */
	bool is_complete, is_ending;
	bool is_slim; /* suppressions: only what a look-up needs is kept */
	const struct replica_selection *selection; /* NULL: of the whole table */
	struct batch filling;
	struct batch running; /* its job is under way, or to be tried again */
	bool is_running;
	bool is_paused; /* too much waits: followed again from last_position */
	struct task flush, pause;
	struct timer *retry;
	struct replica_purge
		*purge; /* of suppressions; NULL: the table does not grow with what ended */
};

static void batch_init(struct batch *batch)
{
	*batch = (struct batch){.arena = arena_new()};
	batch->end = &batch->first;
}

static struct bytes keep(const struct replica *replica, struct arena *arena, struct bytes value)
{
	const struct replica_selection *selection = replica->selection;
	if (selection)
		return value.len > 0 ? selection->keep(selection->owner, arena, value) : value;
	return replica->is_slim ? suppression_slim(arena, value) : value;
}

static void batch_add(const struct replica *replica, struct batch *batch,
		      const struct table_entry *entry)
{
	struct pending *pending = arena_alloc(batch->arena, sizeof *pending);
	pending->entry = (struct table_entry){
		.key = arena_copy(batch->arena, entry->key),
		.value = arena_copy(batch->arena, keep(replica, batch->arena, entry->value)),
		.version = entry->version,
	};
	pending->next = NULL;
	if (entry->version > batch->highest)
		batch->highest = entry->version;
	*batch->end = pending;
	batch->end = &pending->next;
}

static bool batch_is_empty(const struct batch *batch)
{
	return !batch->has_position && !batch->is_caught_up;
}

/* The position may go back, when the table was made anew or another process of this host had come further: then some entries come again. */
static enum err write_marks(const struct replica *replica, const struct batch *batch,
			    struct store_txn *txn)
{
	enum err err = OK;
	if (!batch->has_position)
		return OK;
	if (batch->highest > rows_mark(&replica->rows, txn, MARK_HIGHEST))
		err = rows_set_mark(&replica->rows, txn, MARK_HIGHEST, batch->highest);
	return err ? err : rows_set_mark(&replica->rows, txn, MARK_POSITION, batch->position);
}

/* A selection has no row for a key that it kept nothing of. */
static bool is_of_interest(const struct replica *replica, struct store_txn *txn,
			   const struct table_entry *entry)
{
	struct bytes stored;
	return !replica->selection || entry->value.len > 0 ||
	       store_get(txn, replica->rows.database, entry->key, &stored) != E_NOT_FOUND;
}

static enum err apply_batch(void *owner, struct store_txn *txn)
{
	const struct replica *replica = owner;
	const struct batch *batch = &replica->running;
	enum err err = OK;
	if (batch->is_made_anew)
		err = rows_forget_mark(&replica->rows, txn, MARK_HORIZON);
	uint64_t horizon = rows_mark(&replica->rows, txn, MARK_HORIZON);
	for (const struct pending *pending = batch->first; pending && !err; pending = pending->next)
		if (is_of_interest(replica, txn, &pending->entry))
			err = rows_apply(&replica->rows, txn, &pending->entry, horizon);
	return err ? err : write_marks(replica, batch, txn);
}

/* ---- one batch after the other ---- */

static void on_applied(void *owner, enum err err);
static void follow(struct replica *replica, uint64_t position);
static void follow_again(struct replica *replica);

static void write_running(void *owner)
{
	struct replica *replica = owner;
	store_write(replica->store, apply_batch, replica->loop, on_applied, replica);
}

static void on_flush(void *owner)
{
	struct replica *replica = owner;
	if (replica->is_running || batch_is_empty(&replica->filling))
		return;
	replica->running = replica->filling; /* its `end` is not used any more */
	batch_init(&replica->filling);
	replica->is_running = true;
	write_running(replica);
}

static void end_running(struct replica *replica)
{
	arena_free(&replica->running.arena);
	replica->is_running = false;
}

static void on_applied(void *owner, enum err err)
{
	struct replica *replica = owner;
	if (replica->is_ending)
		return;
	if (err) {
		log_event(EV_store_failed, F_TEXT("table", replica->rows.table),
			  F_TEXT("error", err_text(err)));
		if (replica->selection)
			replica->selection->failed(replica->owner, err);
		else if (err == E_FULL)
			timer_start(replica->retry, RETRY_MS);
		else
			table_follower_free(&replica->follower);
		return;
	}
	bool is_caught_up = replica->running.is_caught_up;
	end_running(replica);
	if (replica->selection)
		replica->selection->changed(replica->owner);
	loop_defer(replica->loop, &replica->flush);
	if (replica->is_paused)
		follow_again(replica);
	if (replica->applied)
		replica->applied(replica->watcher);
	if (!is_caught_up)
		return;
	if (!replica->has_entries && replica->followed_from > 0) {
		replica->filling.is_made_anew = true;
		follow(replica, 0);
		return;
	}
	replica->is_complete = true;
	if (replica->purge)
		replica_purge_start(replica->purge);
	if (replica->caught_up)
		replica->caught_up(replica->owner);
}

/* ---- following ---- */

static bool is_fit(const struct table_entry *entry)
{
	return entry->key.len > 0 && entry->key.len <= STORE_KEY_MAX &&
	       entry->value.len <= REPLICA_VALUE_MAX;
}

static void on_entry(void *owner, const struct table_entry *entry, uint64_t position)
{
	struct replica *replica = owner;
	struct batch *filling = &replica->filling;
	replica->has_entries = true;
	filling->is_made_anew |= position + EARLIER_MAX < replica->last_position;
	replica->last_position = position;
	if (is_fit(entry))
		batch_add(replica, filling, entry);
	filling->position = position;
	filling->has_position = true;
	loop_defer(replica->loop, &replica->flush);
	if (replica->is_running && arena_bytes(filling->arena) > BATCH_BYTES_MAX)
		loop_defer(replica->loop, &replica->pause);
}

static void on_caught_up(void *owner)
{
	struct replica *replica = owner;
	replica->filling.is_caught_up = true;
	loop_defer(replica->loop, &replica->flush);
}

static const struct table_handler handler = {.entry = on_entry, .caught_up = on_caught_up};

static void follow(struct replica *replica, uint64_t position)
{
	table_follower_free(&replica->follower);
	replica->followed_from = position;
	replica->has_entries = false;
	replica->follower =
		table_follow(replica->broker, replica->rows.table, position, &handler, replica);
}

/* Not from inside the follower's own call. */
static void on_pause(void *owner)
{
	struct replica *replica = owner;
	if (!replica->is_running || !replica->follower)
		return;
	replica->is_paused = true;
	table_follower_free(&replica->follower);
}

/* What was caught up before is so again when the rest has come. */
static void follow_again(struct replica *replica)
{
	replica->is_paused = false;
	follow(replica, replica->last_position);
	replica->has_entries = true;
}

static uint64_t stored_position(struct replica *replica)
{
	struct store_txn *txn = store_read_begin(replica->store);
	uint64_t position = rows_mark(&replica->rows, txn, MARK_POSITION);
	store_read_end(&txn);
	return position;
}

static struct replica *begin(struct broker *broker, struct loop *loop, struct store *store,
			     const char *table)
{
	struct replica *replica = memory_new(sizeof *replica);
	replica->broker = broker;
	replica->loop = loop;
	replica->store = store;
	rows_init(&replica->rows, store, table);
	replica->flush = (struct task){.run = on_flush, .owner = replica};
	replica->pause = (struct task){.run = on_pause, .owner = replica};
	replica->retry = timer_new(loop, write_running, replica);
	batch_init(&replica->filling);
	replica->last_position = stored_position(replica);
	return replica;
}

struct replica *replica_new(struct broker *broker, struct loop *loop, struct store *store,
			    const char *table, void (*caught_up)(void *owner), void *owner)
{
	struct replica *replica = begin(broker, loop, store, table);
	replica->is_slim = strcmp(table, SUPPRESSIONS_TABLE) == 0;
	replica->caught_up = caught_up;
	replica->owner = owner;
	if (replica->is_slim)
		replica->purge = replica_purge_new(loop, store, &replica->rows);
	follow(replica, replica->last_position);
	return replica;
}

struct replica *replica_select(struct broker *broker, struct loop *loop, struct store *store,
			       const char *table, const struct replica_selection *selection)
{
	struct replica *replica = begin(broker, loop, store, table);
	replica->selection = selection;
	replica->caught_up = selection->caught_up;
	replica->owner = selection->owner;
	follow(replica, 0);
	return replica;
}

void replica_free(struct replica **replica)
{
	struct replica *freeing = *replica;
	*replica = NULL;
	if (!freeing)
		return;
	table_follower_free(&freeing->follower);
	freeing->is_ending = true;
	if (freeing->is_running)
		store_drain(freeing->loop);
	replica_purge_free(&freeing->purge);
	timer_free(&freeing->retry);
	task_cancel(&freeing->flush, freeing->loop);
	task_cancel(&freeing->pause, freeing->loop);
	arena_free(&freeing->filling.arena);
	arena_free(&freeing->running.arena);
	free(freeing);
}

void replica_purge_now(struct replica *replica)
{
	if (replica->purge)
		replica_purge_start_now(replica->purge);
}

void replica_watch(struct replica *replica, void (*applied)(void *owner), void *owner)
{
	replica->applied = applied;
	replica->watcher = owner;
}

bool replica_is_complete(const struct replica *replica)
{
	return replica && replica->is_complete;
}

enum err replica_get(struct replica *replica, struct bytes key, uint8_t *out, size_t size,
		     size_t *ret_len)
{
	struct store_txn *txn = store_read_begin(replica->store);
	struct bytes stored;
	struct replica_value found;
	enum err err = store_get(txn, replica->rows.database, key, &stored);
	if (!err)
		err = replica_parse(stored, &found);
	if (!err && found.is_removed)
		err = E_NOT_FOUND;
	if (!err && found.value.len > size)
		err = E_TOO_BIG;
	if (!err) {
		if (found.value.len)
			memcpy(out, found.value.data, found.value.len);
		*ret_len = found.value.len;
	}
	store_read_end(&txn);
	return err;
}

struct walk {
	struct arena *arena;
	bool (*each)(void *owner, const struct table_entry *entry);
	void *owner;
};

static bool walk_on(void *owner, struct bytes key, struct bytes stored)
{
	const struct walk *walk = owner;
	struct replica_value value;
	if (replica_parse(stored, &value) || value.is_removed)
		return true;
	const struct table_entry entry = {
		.key = arena_copy(walk->arena, key),
		.value = arena_copy(walk->arena, value.value),
		.version = value.version,
	};
	return walk->each(walk->owner, &entry);
}

enum err replica_each(struct replica *replica, struct bytes from, struct arena *arena,
		      bool (*each)(void *owner, const struct table_entry *entry), void *owner)
{
	struct walk walk = {arena, each, owner};
	struct store_txn *txn = store_read_begin(replica->store);
	enum err err = store_each(txn, replica->rows.database, from, walk_on, &walk);
	store_read_end(&txn);
	return err;
}

uint64_t replica_count(struct replica *replica)
{
	struct store_txn *txn = store_read_begin(replica->store);
	uint64_t count = store_count(txn, replica->rows.database);
	store_read_end(&txn);
	return count;
}
