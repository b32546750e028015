/* One entry's way: wish -> job (compare, write) -> append -> done.
 *
 *   deciding -- E_FULL --------> waiting -- a second later --> deciding
 *   deciding -- nothing to do -> done
 *   deciding -- written -------> appending -- kept --> done
 *                                appending -- away, blocked, full --> waiting -- a second later --> appending
 *
 * What was decided is not decided anew: a later wish for the same address may have been written since. Its version is higher, so an older
 * entry that is appended behind it changes nothing, nor does one that is appended twice. */
#include "bouncer/ledger.h"

#include <string.h>
#include <sys/queue.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define RETRY_MS 1000

struct record {
	struct ledger *ledger;
	struct arena *arena;
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t key_len;
	struct suppression wish;
	int64_t wall_ms; /* of this try */
	void (*done)(void *owner, enum err err);
	void *owner;
	/* left by the job */
	struct buf value;	   /* the entry in force, encoded */
	uint64_t version;	   /* of it */
	bool is_removed;	   /* it is a removal */
	bool is_written;	   /* it is the wish */
	bool must_append;	   /* the table lacks it */
	bool is_decided;	   /* and stands in the store: only the table still lacks it */
	int in_force_change;	   /* of the count of suppressions in force: -1, 0, 1 */
	STAILQ_ENTRY(record) next; /* of those that wait */
};

struct ledger {
	struct broker *broker;
	struct loop *loop;
	struct store *store;
	int own, table;
	struct timer *retry;
	STAILQ_HEAD(, record) waiting; /* to be tried again, in the order in which they came */
	bool is_stopped;
};

/* ---- deciding, on the store's thread ---- */

struct present { /* what stands at a key */
	bool is_known;
	struct suppression suppression; /* its version and is_removed always count */
	bool has_table_version;
	uint64_t table_version;
};

static enum err read_own(const struct record *record, struct store_txn *txn, struct present *ret)
{
	struct bytes stored;
	enum err err = store_get(txn, record->ledger->own, bytes_from(record->key, record->key_len),
				 &stored);
	if (err)
		return err == E_NOT_FOUND ? OK : err;
	ret->is_known = !suppression_decode(record->arena, arena_copy(record->arena, stored),
					    &ret->suppression, NULL);
	return OK; /* what cannot be read is written anew */
}

/* The table may know more than this store: another one was in its place. */
static enum err read_table(const struct record *record, struct store_txn *txn, struct present *ret)
{
	struct bytes stored;
	struct replica_value found;
	enum err err = store_get(txn, record->ledger->table,
				 bytes_from(record->key, record->key_len), &stored);
	if (err)
		return err == E_NOT_FOUND ? OK : err;
	if (replica_parse(stored, &found))
		return OK;
	ret->has_table_version = true;
	ret->table_version = found.version;
	if (ret->is_known && ret->suppression.version >= found.version)
		return OK;
	struct suppression newer = {.is_removed = true};
	if (!found.is_removed &&
	    suppression_decode(record->arena, arena_copy(record->arena, found.value), &newer, NULL))
		return OK;
	newer.version = found.version;
	ret->suppression = newer;
	ret->is_known = true;
	return OK;
}

static bool is_in_force(const struct present *present, int64_t wall_ms)
{
	const struct suppression *suppression = &present->suppression;
	return present->is_known && !suppression->is_removed &&
	       (suppression->expires_wall_ms == 0 || suppression->expires_wall_ms > wall_ms);
}

static bool says_the_same(const struct suppression *a, const struct suppression *b)
{
	return bytes_equal(a->reason, b->reason) && bytes_equal(a->origin, b->origin) &&
	       bytes_equal(a->evidence, b->evidence) && a->expires_wall_ms == b->expires_wall_ms;
}

/* A version begins as the wall time of its writing, so it tells whether a bounce is older than a removal. */
static bool must_write(const struct record *record, const struct present *present)
{
	const struct suppression *wish = &record->wish;
	if (wish->is_removed)
		return !present->is_known || !present->suppression.is_removed;
	bool is_now = is_in_force(present, record->wall_ms);
	if (wish->expires_wall_ms > 0 && wish->expires_wall_ms <= record->wall_ms)
		return false; /* come too late */
	if (bytes_is(wish->origin, ORIGIN_OPERATOR))
		return !is_now || !says_the_same(wish, &present->suppression);
	if (present->is_known && present->suppression.is_removed)
		return (uint64_t)wish->created_wall_ms > present->suppression.version;
	return !is_now;
}

static enum err encode(struct record *record, struct suppression *entry)
{
	record->version = entry->version;
	record->is_removed = entry->is_removed;
	buf_clear(&record->value);
	return suppression_encode(entry, &record->value) ? E_TOO_BIG : OK;
}

static enum err write_wish(struct record *record, const struct present *present,
			   struct store_txn *txn)
{
	bool is_now = is_in_force(present, record->wall_ms);
	struct suppression entry = record->wish;
	entry.version = (uint64_t)record->wall_ms;
	if (present->is_known && present->suppression.version >= entry.version)
		entry.version = present->suppression.version + 1;
	enum err err = encode(record, &entry);
	if (err)
		return err;
	record->is_written = true;
	record->must_append = true;
	record->in_force_change = (entry.is_removed ? 0 : 1) - (is_now ? 1 : 0);
	return store_put(txn, record->ledger->own, bytes_from(record->key, record->key_len),
			 buf_bytes(&record->value));
}

static enum err decide(void *owner, struct store_txn *txn)
{
	struct record *record = owner;
	struct present present = {0};
	enum err err = read_own(record, txn, &present);
	if (!err)
		err = read_table(record, txn, &present);
	if (err)
		return err;
	if (must_write(record, &present))
		return write_wish(record, &present, txn);

	record->is_written = false;
	record->in_force_change = 0;
	record->must_append =
		present.is_known &&
		(!present.has_table_version || present.table_version < present.suppression.version);
	return record->must_append ? encode(record, &present.suppression) : OK;
}

/* ---- on the loop, in the order of the picture ---- */

static void on_decided(void *owner, enum err err);
static void on_appended(void *owner, enum err err);
static void append(struct record *record);

static void start(struct record *record)
{
	struct ledger *ledger = record->ledger;
	record->wall_ms = loop_wall_ms(ledger->loop);
	store_write(ledger->store, decide, ledger->loop, on_decided, record);
}

static void finish(struct record *record, enum err err)
{
	record->done(record->owner, err);
	buf_done(&record->value);
	arena_free(&record->arena);
	free(record);
}

static void try_later(struct record *record)
{
	struct ledger *ledger = record->ledger;
	if (ledger->is_stopped) {
		finish(record, E_CANCELLED);
		return;
	}
	STAILQ_INSERT_TAIL(&ledger->waiting, record, next);
	if (!timer_is_running(ledger->retry))
		timer_start(ledger->retry, RETRY_MS);
}

static void on_retry(void *owner)
{
	struct ledger *ledger = owner;
	struct record *record;
	/* None comes back to the list from inside this loop: answers come from the loop of events. */
	while ((record = STAILQ_FIRST(&ledger->waiting))) {
		STAILQ_REMOVE_HEAD(&ledger->waiting, next);
		if (record->is_decided)
			append(record); /* to decide anew could undo what was wished since */
		else
			start(record);
	}
}

static void tell_operator(const struct record *record)
{
	char origin[16];
	(void)bytes_to_cstr(record->wish.origin, origin, sizeof origin);
	if (record->is_removed)
		log_event(EV_suppression_removed, F_TEXT("origin", origin),
			  F_BYTES("address", record->wish.address));
	else
		log_event(EV_suppression_added, F_TEXT("origin", origin),
			  F_BYTES("address", record->wish.address),
			  F_BYTES("reason", record->wish.reason),
			  F_BYTES("evidence", record->wish.evidence),
			  F_BYTES("message", record->wish.message_id));
	metric_add(M_suppressions, NULL, record->in_force_change);
}

static void on_decided(void *owner, enum err err)
{
	struct record *record = owner;
	if (err == E_FULL) {
		log_event(EV_store_failed, F_TEXT("error", err_text(err)));
		try_later(record);
		return;
	}
	if (!err && record->is_written)
		tell_operator(record);
	if (err || !record->must_append) {
		finish(record, err);
		return;
	}
	record->is_decided = true;
	append(record);
}

static void append(struct record *record)
{
	struct ledger *ledger = record->ledger;
	if (ledger->is_stopped) {
		finish(record, E_CANCELLED);
		return;
	}
	struct table_entry entry = {
		.key = bytes_from(record->key, record->key_len),
		.value = record->is_removed ? BYTES_NONE : buf_bytes(&record->value),
		.version = record->version,
	};
	table_append(ledger->broker, SUPPRESSIONS_TABLE, &entry, on_appended, record);
}

static void on_appended(void *owner, enum err err)
{
	struct record *record = owner;
	if (!err || err_then(err) == ERR_THEN_BURY)
		finish(record, err);
	else
		try_later(record);
}

/* ---- public ---- */

static struct suppression copy_wish(struct arena *arena, const struct suppression *wish)
{
	struct suppression copy = *wish;
	struct bytes *const texts[] = {&copy.address, &copy.tenant,   &copy.stream,    &copy.reason,
				       &copy.origin,  &copy.evidence, &copy.message_id};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = arena_copy(arena, *texts[i]);
	return copy;
}

void ledger_record(struct ledger *ledger, const struct suppression *wish,
		   void (*done)(void *owner, enum err err), void *owner)
{
	struct record *record = memory_new(sizeof *record);
	record->ledger = ledger;
	record->arena = arena_new();
	record->wish = copy_wish(record->arena, wish);
	record->key_len = suppression_key(wish->tenant, wish->stream, wish->address, record->key);
	record->done = done;
	record->owner = owner;
	buf_init(&record->value, REPLICA_VALUE_MAX);
	start(record);
}

struct ledger *ledger_new(struct broker *broker, struct loop *loop, struct store *store)
{
	struct ledger *ledger = memory_new(sizeof *ledger);
	ledger->broker = broker;
	ledger->loop = loop;
	ledger->store = store;
	ledger->own = store_database(store, LEDGER_DATABASE);
	ledger->table = store_database(store, "table." SUPPRESSIONS_TABLE);
	STAILQ_INIT(&ledger->waiting);
	ledger->retry = timer_new(loop, on_retry, ledger);
	return ledger;
}

void ledger_stop(struct ledger *ledger)
{
	ledger->is_stopped = true;
	timer_stop(ledger->retry);
	struct record *record;
	while ((record = STAILQ_FIRST(&ledger->waiting))) {
		STAILQ_REMOVE_HEAD(&ledger->waiting, next);
		finish(record, E_CANCELLED);
	}
}

void ledger_free(struct ledger **ledger)
{
	struct ledger *freeing = *ledger;
	*ledger = NULL;
	if (!freeing)
		return;
	ledger_stop(freeing);
	store_drain(freeing->loop);
	timer_free(&freeing->retry);
	free(freeing);
}
