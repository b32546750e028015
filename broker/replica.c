/* A table's entries on their way into the store.
 *
 *   entry, entry, ... -> batch being filled -> one job (apply all, note the position) -> done -> the next batch
 *
 * One job runs at a time; what comes meanwhile fills the next batch, so a busy table costs few commits. The position is that of
 * the last entry applied and is written with it, so a restart repeats some entries and misses none.
 *
 *   followed from where it stood -- what came next was cut off --------------> followed from its beginning
 *                                -- it gives none at all: maybe made anew --^      '- caught up -> what was not seen is swept out
 *
 * Followed from its beginning the table tells all that is in force, so what the copy has from before and does not see has gone meanwhile.
 * Until then that stays, and versions decide: nothing that is in force is missing for a moment. */
#include "broker/replica.h"

#include <string.h>

#include "broker/replica_batch.h"
#include "broker/replica_look.h"
#include "broker/replica_purge.h"
#include "broker/suppressions.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define RETRY_MS 1000
/* Of what waits for the job under way; beyond it nothing more is taken in until that is done. */
#define BATCH_BYTES_MAX ((size_t)32 << 20)
/* How far back an engine begins. Further back, it is another table's beginning. */
#define EARLIER_MAX 4096

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
	uint64_t
		first; /* position of the table's first entry that there still is, as far as is known */
	bool has_entries; /* since the following began */
	bool is_behind;	  /* what came next was cut off: to be followed from the beginning */
	bool is_anew;	  /* and followed from there, not caught up yet */
	bool is_complete, is_ending;
	bool is_slim; /* suppressions: only what a look-up needs is kept */
	const struct replica_selection *selection; /* NULL: of the whole table */
	struct batch filling;
	struct batch running; /* its job is under way, or to be tried again */
	bool is_running;
	bool is_paused; /* too much waits: followed again from last_position */
	struct task flush, pause, reread;
	struct timer *retry;
	struct replica_purge *purge;
};

/* ---- one batch after the other ---- */

static void on_applied(void *owner, enum err err);
static void follow(struct replica *replica, uint64_t position);
static void follow_again(struct replica *replica);
static void on_caught_up_applied(struct replica *replica);

/* On the store's thread. */
static enum err apply(void *owner, struct store_txn *txn)
{
	struct replica *replica = owner;
	return batch_apply(&replica->running, &replica->rows, txn);
}

static void write_running(void *owner)
{
	struct replica *replica = owner;
	store_write(replica->store, apply, replica->loop, on_applied, replica);
}

static void on_flush(void *owner)
{
	struct replica *replica = owner;
	if (replica->is_running || batch_is_empty(&replica->filling))
		return;
	replica->running = replica->filling; /* its `end` is not used any more */
	batch_init(&replica->filling);
	replica->filling.is_selection = replica->selection != NULL;
	replica->is_running = true;
	write_running(replica);
}

static void on_failed(struct replica *replica, enum err err)
{
	log_event(EV_store_failed, F_TEXT("table", replica->rows.table),
		  F_TEXT("error", err_text(err)));
	if (replica->selection)
		replica->selection->failed(replica->owner, err);
	else if (err == E_FULL)
		timer_start(replica->retry, RETRY_MS);
	else
		table_follower_free(&replica->follower);
}

static void go_on(struct replica *replica)
{
	loop_defer(replica->loop, &replica->flush);
	if (replica->is_paused)
		follow_again(replica);
}

static void tell_applied(const struct replica *replica, const struct batch *batch)
{
	if (replica->selection)
		replica->selection->changed(replica->owner);
	if (replica->applied && (batch->has_changed || batch->is_caught_up))
		replica->applied(replica->watcher);
}

static void on_applied(void *owner, enum err err)
{
	struct replica *replica = owner;
	if (replica->is_ending)
		return;
	if (err) {
		on_failed(replica, err);
		return;
	}
	struct batch done = replica->running;
	batch_done(&replica->running);
	replica->is_running = false;
	go_on(replica);
	tell_applied(replica, &done);
	if (done.is_caught_up)
		on_caught_up_applied(replica);
}

static void on_caught_up_applied(struct replica *replica)
{
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

static struct bytes keep(const struct replica *replica, struct arena *arena, struct bytes value)
{
	const struct replica_selection *selection = replica->selection;
	if (selection)
		return value.len > 0 ? selection->keep(selection->owner, arena, value) : value;
	return replica->is_slim ? suppression_slim(arena, value) : value;
}

static bool is_fit(const struct table_entry *entry)
{
	return entry->key.len > 0 && entry->key.len <= STORE_KEY_MAX &&
	       entry->value.len <= REPLICA_VALUE_MAX;
}

static void note_position(struct replica *replica, uint64_t position)
{
	replica->filling.position = position;
	replica->filling.has_position = !replica->is_anew; /* a restart is to begin anew too */
}

static void on_entry(void *owner, const struct table_entry *entry, uint64_t position)
{
	struct replica *replica = owner;
	struct batch *filling = &replica->filling;
	if (replica->is_behind)
		return;
	replica->has_entries = true;
	filling->is_made_anew |= position + EARLIER_MAX < replica->last_position;
	replica->last_position = position;
	if (is_fit(entry))
		batch_add(filling, entry, keep(replica, filling->arena, entry->value), position);
	note_position(replica, position);
	loop_defer(replica->loop, &replica->flush);
	if (replica->is_running && batch_bytes(filling) > BATCH_BYTES_MAX)
		loop_defer(replica->loop, &replica->pause);
}

/* What was in force there has been appended again, and what ended there is not said again. */
static void on_begins(void *owner, uint64_t first)
{
	struct replica *replica = owner;
	if (replica->followed_from == 0 && !replica->has_entries)
		replica->first = first;
	else if (first > replica->last_position && !replica->selection)
		replica->is_behind = true;
	if (replica->is_behind)
		loop_defer(replica->loop, &replica->reread);
}

/* Its broker lost all of it: no entry of the copy is at a place that the table still has. */
static bool is_emptied(const struct replica *replica)
{
	return replica->followed_from == 0 && !replica->has_entries && replica->last_position > 0;
}

static void on_caught_up(void *owner)
{
	struct replica *replica = owner;
	struct batch *filling = &replica->filling;
	if (replica->is_behind)
		return;
	if (is_emptied(replica)) {
		replica->last_position = 0;
		note_position(replica, 0);
	}
	if (replica->is_anew) {
		replica->is_anew = false;
		filling->cut = replica->first;
		note_position(replica, replica->last_position);
	}
	filling->is_caught_up = true;
	loop_defer(replica->loop, &replica->flush);
}

static const struct table_handler handler = {
	.entry = on_entry, .caught_up = on_caught_up, .begins = on_begins};

static void follow(struct replica *replica, uint64_t position)
{
	table_follower_free(&replica->follower);
	replica->followed_from = position;
	replica->has_entries = false;
	replica->follower =
		table_follow(replica->broker, replica->rows.table, position, &handler, replica);
}

static void follow_anew(struct replica *replica)
{
	log_event(EV_table_reread, F_TEXT("table", replica->rows.table));
	replica->is_behind = false;
	replica->is_anew = true;
	replica->first = 0;
	replica->filling.is_made_anew = true;
	follow(replica, 0);
}

/* Not from inside the follower's own call; nor is the next. */
static void on_reread(void *owner)
{
	struct replica *replica = owner;
	if (replica->follower && replica->is_behind)
		follow_anew(replica);
}

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
	if (replica->is_behind) {
		follow_anew(replica);
		return;
	}
	follow(replica, replica->last_position);
	replica->has_entries = true;
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
	replica->reread = (struct task){.run = on_reread, .owner = replica};
	replica->retry = timer_new(loop, write_running, replica);
	batch_init(&replica->filling);
	replica->last_position = rows_mark_now(store, &replica->rows, MARK_POSITION);
	return replica;
}

struct replica *replica_new(struct broker *broker, struct loop *loop, struct store *store,
			    const char *table, void (*caught_up)(void *owner), void *owner)
{
	struct replica *replica = begin(broker, loop, store, table);
	replica->is_slim = strcmp(table, SUPPRESSIONS_TABLE) == 0;
	replica->caught_up = caught_up;
	replica->owner = owner;
	replica->purge = replica_purge_new(loop, store, &replica->rows, replica->is_slim);
	follow(replica, replica->last_position);
	return replica;
}

struct replica *replica_select(struct broker *broker, struct loop *loop, struct store *store,
			       const char *table, const struct replica_selection *selection)
{
	struct replica *replica = begin(broker, loop, store, table);
	replica->selection = selection;
	replica->filling.is_selection = true;
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
	task_cancel(&freeing->reread, freeing->loop);
	batch_done(&freeing->filling);
	batch_done(&freeing->running);
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
	return rows_get(replica->store, &replica->rows, key, out, size, ret_len);
}

enum err replica_each(struct replica *replica, struct bytes from, struct arena *arena,
		      bool (*each)(void *owner, const struct table_entry *entry), void *owner)
{
	return rows_each(replica->store, &replica->rows, from, arena, each, owner);
}

uint64_t replica_count(struct replica *replica)
{
	return rows_count(replica->store, &replica->rows);
}
