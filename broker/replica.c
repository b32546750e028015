/* A table's entries on their way into the store.
 *
 *   entry, entry, ... -> batch being filled -> one job (apply all, note the position) -> done -> the next batch
 *
 * One job runs at a time; what comes meanwhile fills the next batch, so a busy table costs few commits. The position is that of
 * the last entry applied and is written with it, so a restart repeats some entries and misses none. When the table, followed from
 * there, gives none at all, it may have been made anew: it is followed from its beginning, and versions decide. */
#include "broker/replica.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "broker/suppressions.h"
#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define POSITIONS_DATABASE "table.positions"
#define TABLE_NAME_MAX	   40
#define RETRY_MS	   1000

/* ---- what stands in the store ---- */

#define REMOVED 1u

struct header { /* in the byte order of this host, as LMDB's own files are */
	uint64_t version;
	uint64_t flags;
};

enum err replica_parse(struct bytes stored, struct replica_value *ret)
{
	struct header header;
	if (stored.len < sizeof header)
		return E_MALFORMED;
	memcpy(&header, stored.data, sizeof header);
	*ret = (struct replica_value){
		.version = header.version,
		.is_removed = header.flags & REMOVED,
		.value = bytes_skip(stored, sizeof header),
	};
	return OK;
}

enum err replica_apply(struct store_txn *txn, int database, const struct table_entry *entry)
{
	struct bytes stored;
	struct replica_value present;
	enum err err = store_get(txn, database, entry->key, &stored);
	if (err && err != E_NOT_FOUND)
		return err;
	if (!err && !replica_parse(stored, &present) && present.version >= entry->version)
		return OK;

	uint8_t value[sizeof(struct header) + REPLICA_VALUE_MAX];
	struct header header = {.version = entry->version, .flags = entry->value.len ? 0 : REMOVED};
	assert(entry->value.len <= REPLICA_VALUE_MAX);
	memcpy(value, &header, sizeof header);
	if (entry->value.len)
		memcpy(value + sizeof header, entry->value.data, entry->value.len);
	return store_put(txn, database, entry->key,
			 bytes_from(value, sizeof header + entry->value.len));
}

static int table_database(const struct store *store, const char *table)
{
	char name[TABLE_NAME_MAX + sizeof "table."];
	assert(strlen(table) <= TABLE_NAME_MAX);
	snprintf(name, sizeof name, "table.%s", table);
	return store_database(store, name);
}

enum err replica_forget(struct store_txn *txn, struct store *store, const char *table)
{
	enum err err = store_clear(txn, table_database(store, table));
	return err ? err
		   : store_delete(txn, store_database(store, POSITIONS_DATABASE), bytes_of(table));
}

/* 0, the beginning, when none is stored. */
static uint64_t read_position(struct store_txn *txn, int positions, const char *table)
{
	struct bytes stored;
	uint64_t position = 0;
	if (!store_get(txn, positions, bytes_of(table), &stored) && stored.len == sizeof position)
		memcpy(&position, stored.data, sizeof position);
	return position;
}

/* ---- a batch of entries ---- */

struct pending {
	struct table_entry entry;
	struct pending *next;
};

struct batch {
	struct arena *arena;
	struct pending *first, **end;
	uint64_t position; /* of the last entry that came, applied or passed over */
	bool has_position;
	bool is_caught_up; /* to be told when this is applied */
};

struct replica {
	struct broker *broker;
	struct loop *loop;
	struct store *store;
	char table[TABLE_NAME_MAX + 1];
	int database, positions;
	void (*caught_up)(void *owner);
	void *owner;

	struct table_follower *follower; /* NULL: ended for good */
	uint64_t followed_from;
	bool has_entries; /* since the following began */
	bool is_complete, is_ending;
	bool is_slim; /* suppressions: only what a look-up needs is kept */
	struct batch filling;
	struct batch running; /* its job is under way, or to be tried again */
	bool is_running;
	struct task flush;
	struct timer *retry;
};

static void batch_init(struct batch *batch)
{
	*batch = (struct batch){.arena = arena_new()};
	batch->end = &batch->first;
}

static void batch_add(struct batch *batch, const struct table_entry *entry, bool is_slim)
{
	struct pending *pending = arena_alloc(batch->arena, sizeof *pending);
	pending->entry = (struct table_entry){
		.key = arena_copy(batch->arena, entry->key),
		.value = arena_copy(batch->arena, entry->value),
		.version = entry->version,
	};
	if (is_slim)
		pending->entry.value = suppression_slim(batch->arena, pending->entry.value);
	pending->next = NULL;
	*batch->end = pending;
	batch->end = &pending->next;
}

static bool batch_is_empty(const struct batch *batch)
{
	return !batch->has_position && !batch->is_caught_up;
}

/* It may go back, when the table was made anew or another process of this host had come further: then some entries come again. */
static enum err write_position(const struct replica *replica, const struct batch *batch,
			       struct store_txn *txn)
{
	if (!batch->has_position)
		return OK;
	return store_put(txn, replica->positions, bytes_of(replica->table),
			 bytes_from(&batch->position, sizeof batch->position));
}

static enum err apply_batch(void *owner, struct store_txn *txn)
{
	const struct replica *replica = owner;
	const struct batch *batch = &replica->running;
	for (const struct pending *pending = batch->first; pending; pending = pending->next) {
		enum err err = replica_apply(txn, replica->database, &pending->entry);
		if (err)
			return err;
	}
	return write_position(replica, batch, txn);
}

/* ---- one batch after the other ---- */

static void on_applied(void *owner, enum err err);
static void follow(struct replica *replica, uint64_t position);

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
		log_event(EV_store_failed, F_TEXT("table", replica->table),
			  F_TEXT("error", err_text(err)));
		if (err == E_FULL)
			timer_start(replica->retry, RETRY_MS);
		else
			table_follower_free(&replica->follower);
		return;
	}
	bool is_caught_up = replica->running.is_caught_up;
	end_running(replica);
	loop_defer(replica->loop, &replica->flush);
	if (!is_caught_up)
		return;
	if (!replica->has_entries && replica->followed_from > 0) {
		follow(replica, 0);
		return;
	}
	replica->is_complete = true;
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
	replica->has_entries = true;
	if (is_fit(entry))
		batch_add(&replica->filling, entry, replica->is_slim);
	replica->filling.position = position;
	replica->filling.has_position = true;
	loop_defer(replica->loop, &replica->flush);
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
		table_follow(replica->broker, replica->table, position, &handler, replica);
}

static uint64_t stored_position(struct replica *replica)
{
	struct store_txn *txn = store_read_begin(replica->store);
	uint64_t position = read_position(txn, replica->positions, replica->table);
	store_read_end(&txn);
	return position;
}

struct replica *replica_new(struct broker *broker, struct loop *loop, struct store *store,
			    const char *table, void (*caught_up)(void *owner), void *owner)
{
	struct replica *replica = memory_new(sizeof *replica);
	replica->broker = broker;
	replica->loop = loop;
	replica->store = store;
	replica->database = table_database(store, table);
	replica->positions = store_database(store, POSITIONS_DATABASE);
	strcpy(replica->table, table); /* table_database() has checked its length */
	replica->is_slim = strcmp(table, SUPPRESSIONS_TABLE) == 0;
	replica->caught_up = caught_up;
	replica->owner = owner;
	replica->flush = (struct task){.run = on_flush, .owner = replica};
	replica->retry = timer_new(loop, write_running, replica);
	batch_init(&replica->filling);
	follow(replica, stored_position(replica));
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
	timer_free(&freeing->retry);
	task_cancel(&freeing->flush, freeing->loop);
	arena_free(&freeing->filling.arena);
	arena_free(&freeing->running.arena);
	free(freeing);
}

bool replica_is_complete(const struct replica *replica)
{
	return replica->is_complete;
}

enum err replica_get(struct replica *replica, struct bytes key, uint8_t *out, size_t size,
		     size_t *ret_len)
{
	struct store_txn *txn = store_read_begin(replica->store);
	struct bytes stored;
	struct replica_value found;
	enum err err = store_get(txn, replica->database, key, &stored);
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
	enum err err = store_each(txn, replica->database, from, walk_on, &walk);
	store_read_end(&txn);
	return err;
}

uint64_t replica_count(struct replica *replica)
{
	struct store_txn *txn = store_read_begin(replica->store);
	uint64_t count = store_count(txn, replica->database);
	store_read_end(&txn);
	return count;
}
