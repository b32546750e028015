/* Notes and removals of a few milliseconds go to the store as one job, because each costs a synced commit. Removals wait in a line first: an ack that the broker has not read yet is no
 * ack, and its lease comes again. */
#include "workers/delivery/journal.h"

#include <string.h>
#include <sys/queue.h>

#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "schemas/schemas.h"

#define GATHER_MS	  4
#define FORGET_AFTER_MS	  60000 /* a dead connection is noticed by then: two heartbeats */
#define FORGET_TICK_MS	  1000
#define KEEP_MS		  (7 * 24 * 3600 * 1000LL)
#define SWEEP_EVERY_MS	  (3600 * 1000LL)
#define SWEEP_KEYS_MAX	  10000 /* removed in one job, so that others need not wait long */
#define VALUE_VERSION	  1
#define VALUE_TEXT_MAX	  200
#define VALUE_FIXED_BYTES 18 /* version, code, attempt, time, lengths of three texts */

struct change {
	STAILQ_ENTRY(change) next;
	int64_t due_ms;		   /* removals in the line */
	size_t key_len, value_len; /* value_len 0: remove */
	uint8_t bytes[];
};
STAILQ_HEAD(changes, change);

struct write { /* one job; the store's thread has it until `done` */
	int database;
	struct changes changes;
};

struct sweep {
	struct journal *journal;
	int64_t before_wall_ms;
	struct changes found;
	size_t found_count;
};

struct journal {
	struct loop *loop;
	struct store *store;
	int database;
	struct changes gathered; /* for the next job */
	struct changes line;	 /* removals to come, oldest first */
	struct timer *write_timer, *forget_timer, *sweep_timer;
	struct sweep sweep;
	bool is_sweeping;
};

/* ---- entries ---- */

static void put(uint8_t **at, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(*at, bytes, len);
	*at += len;
}

static void take(const uint8_t **at, void *out, size_t len)
{
	memcpy(out, *at, len);
	*at += len;
}

/* In the machine's own byte order: the journal never leaves its host. */
size_t journal_entry_encode(const struct journal_entry *entry, uint8_t out[JOURNAL_VALUE_MAX])
{
	uint8_t *at = out;
	uint8_t version = VALUE_VERSION;
	uint16_t code = (uint16_t)entry->code;
	struct bytes enhanced = bytes_first(entry->enhanced, 20);
	struct bytes text = bytes_first(entry->text, VALUE_TEXT_MAX);
	struct bytes host = bytes_first(entry->remote_host, UINT8_MAX);
	uint8_t lens[3] = {(uint8_t)enhanced.len, (uint8_t)text.len, (uint8_t)host.len};
	put(&at, &version, 1);
	put(&at, &code, 2);
	put(&at, &entry->attempt, 4);
	put(&at, &entry->at_wall_ms, 8);
	put(&at, lens, 3);
	put(&at, enhanced.data, enhanced.len);
	put(&at, text.data, text.len);
	put(&at, host.data, host.len);
	return (size_t)(at - out);
}

bool journal_entry_decode(struct bytes stored, struct journal_entry *ret)
{
	const uint8_t *at = stored.data;
	uint8_t version, lens[3];
	uint16_t code;
	struct journal_entry entry = {0};
	if (stored.len < VALUE_FIXED_BYTES)
		return false;
	take(&at, &version, 1);
	take(&at, &code, 2);
	take(&at, &entry.attempt, 4);
	take(&at, &entry.at_wall_ms, 8);
	take(&at, lens, 3);
	if (version != VALUE_VERSION ||
	    stored.len != (size_t)VALUE_FIXED_BYTES + lens[0] + lens[1] + lens[2])
		return false;
	entry.code = code;
	entry.enhanced = bytes_from(at, lens[0]);
	entry.text = bytes_from(at + lens[0], lens[1]);
	entry.remote_host = bytes_from(at + lens[0] + lens[1], lens[2]);
	*ret = entry;
	return true;
}

/* The same two parts joined by NUL, and hashed when too long for LMDB, as keys of suppressions are. */
static size_t key_of(struct bytes id, struct bytes recipient, uint8_t out[SUPPRESSION_KEY_MAX])
{
	return suppression_key(id, BYTES_NONE, recipient, out);
}

/* ---- changes on their way to the store ---- */

static struct change *change_new(struct bytes key, struct bytes value)
{
	struct change *change = memory_new(sizeof *change + key.len + value.len);
	uint8_t *at = change->bytes;
	change->key_len = key.len;
	change->value_len = value.len;
	put(&at, key.data, key.len);
	put(&at, value.data, value.len);
	return change;
}

static void changes_free(struct changes *changes)
{
	struct change *change;
	while ((change = STAILQ_FIRST(changes))) {
		STAILQ_REMOVE_HEAD(changes, next);
		free(change);
	}
}

static enum err apply_changes(void *owner, struct store_txn *txn)
{
	struct write *write = owner;
	struct change *change;
	enum err err = OK;
	STAILQ_FOREACH(change, &write->changes, next)
	{
		struct bytes key = bytes_from(change->bytes, change->key_len);
		struct bytes value = bytes_from(change->bytes + change->key_len, change->value_len);
		err = value.len > 0 ? store_put(txn, write->database, key, value)
				    : store_delete(txn, write->database, key);
		if (err)
			break;
	}
	return err;
}

static void note_failure(enum err err)
{
	if (err)
		log_event(EV_store_failed, F_TEXT("store", JOURNAL_DATABASE),
			  F_TEXT("reason", err_text(err)));
}

static void on_changes_written(void *owner, enum err err)
{
	struct write *write = owner;
	note_failure(err);
	changes_free(&write->changes);
	free(write);
}

static void write_gathered(void *owner)
{
	struct journal *journal = owner;
	struct write *write = memory_new(sizeof *write);
	write->database = journal->database;
	STAILQ_INIT(&write->changes);
	STAILQ_CONCAT(&write->changes, &journal->gathered);
	store_write(journal->store, apply_changes, journal->loop, on_changes_written, write);
}

static void add_change(struct journal *journal, struct change *change)
{
	STAILQ_INSERT_TAIL(&journal->gathered, change, next);
	if (!timer_is_running(journal->write_timer))
		timer_start(journal->write_timer, GATHER_MS);
}

/* ---- noting and finding ---- */

void journal_note(struct journal *journal, struct bytes id, struct bytes recipient,
		  const struct journal_entry *entry)
{
	uint8_t key[SUPPRESSION_KEY_MAX], value[JOURNAL_VALUE_MAX];
	size_t key_len = key_of(id, recipient, key);
	size_t value_len = journal_entry_encode(entry, value);
	add_change(journal, change_new(bytes_from(key, key_len), bytes_from(value, value_len)));
}

bool journal_find(struct journal *journal, struct bytes id, struct bytes recipient,
		  struct arena *arena, struct journal_entry *ret)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t key_len = key_of(id, recipient, key);
	struct bytes stored = BYTES_NONE;
	struct store_txn *txn = store_read_begin(journal->store);
	enum err err = store_get(txn, journal->database, bytes_from(key, key_len), &stored);
	if (!err)
		stored = arena_copy(arena, stored);
	store_read_end(&txn);
	return !err && journal_entry_decode(stored, ret);
}

/* ---- forgetting ---- */

static void on_forget_tick(void *owner)
{
	struct journal *journal = owner;
	int64_t now = loop_now_ms(journal->loop);
	struct change *change;
	while ((change = STAILQ_FIRST(&journal->line)) && change->due_ms <= now) {
		STAILQ_REMOVE_HEAD(&journal->line, next);
		add_change(journal, change);
	}
	if (!STAILQ_EMPTY(&journal->line))
		timer_start(journal->forget_timer, FORGET_TICK_MS);
}

void journal_forget(struct journal *journal, struct bytes id, struct bytes recipient)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t key_len = key_of(id, recipient, key);
	struct change *change = change_new(bytes_from(key, key_len), BYTES_NONE);
	change->due_ms = loop_now_ms(journal->loop) + FORGET_AFTER_MS;
	STAILQ_INSERT_TAIL(&journal->line, change, next);
	if (!timer_is_running(journal->forget_timer))
		timer_start(journal->forget_timer, FORGET_TICK_MS);
}

void journal_broker_lost(struct journal *journal)
{
	changes_free(&journal->line);
}

/* ---- sweeping what nobody came back for ---- */

static bool find_old(void *owner, struct bytes key, struct bytes value)
{
	struct sweep *sweep = owner;
	struct journal_entry entry;
	bool is_readable = journal_entry_decode(value, &entry);
	if (is_readable && entry.at_wall_ms >= sweep->before_wall_ms)
		return true;
	struct change *change = change_new(key, BYTES_NONE);
	STAILQ_INSERT_TAIL(&sweep->found, change, next);
	return ++sweep->found_count < SWEEP_KEYS_MAX;
}

static enum err sweep_job(void *owner, struct store_txn *txn)
{
	struct sweep *sweep = owner;
	int database = sweep->journal->database;
	changes_free(&sweep->found); /* the job may run twice */
	sweep->found_count = 0;
	enum err err = store_each(txn, database, BYTES_NONE, find_old, sweep);
	struct change *change;
	STAILQ_FOREACH(change, &sweep->found, next)
	{
		if (!err)
			err = store_delete(txn, database,
					   bytes_from(change->bytes, change->key_len));
	}
	return err;
}

static void on_swept(void *owner, enum err err);

static void start_sweep(void *owner)
{
	struct journal *journal = owner;
	if (journal->is_sweeping)
		return;
	journal->is_sweeping = true;
	journal->sweep.before_wall_ms = loop_wall_ms(journal->loop) - KEEP_MS;
	store_write(journal->store, sweep_job, journal->loop, on_swept, &journal->sweep);
}

static void on_swept(void *owner, enum err err)
{
	struct sweep *sweep = owner;
	struct journal *journal = sweep->journal;
	bool has_more = !err && sweep->found_count >= SWEEP_KEYS_MAX;
	note_failure(err);
	changes_free(&sweep->found);
	journal->is_sweeping = false;
	timer_start(journal->sweep_timer, has_more ? 0 : SWEEP_EVERY_MS);
}

/* ---- birth and end ---- */

struct journal *journal_new(struct loop *loop, struct store *store)
{
	struct journal *journal = memory_new(sizeof *journal);
	journal->loop = loop;
	journal->store = store;
	journal->database = store_database(store, JOURNAL_DATABASE);
	STAILQ_INIT(&journal->gathered);
	STAILQ_INIT(&journal->line);
	STAILQ_INIT(&journal->sweep.found);
	journal->sweep.journal = journal;
	journal->write_timer = timer_new(loop, write_gathered, journal);
	journal->forget_timer = timer_new(loop, on_forget_tick, journal);
	journal->sweep_timer = timer_new(loop, start_sweep, journal);
	start_sweep(journal);
	return journal;
}

void journal_free(struct journal **journal)
{
	struct journal *j = *journal;
	if (!j)
		return;
	*journal = NULL;
	timer_free(&j->write_timer);
	if (!STAILQ_EMPTY(&j->gathered))
		write_gathered(j);
	store_drain(j->loop);
	changes_free(&j->line);
	timer_free(&j->forget_timer);
	timer_free(&j->sweep_timer);
	free(j);
}
