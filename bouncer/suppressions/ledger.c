/* One entry's way: wish -> job (compare, write) -> append -> tell -> done.
 *
 *   deciding -- E_FULL --------> waiting -- a second later --> deciding
 *   deciding -- nothing to do -> done
 *   deciding -- written -------> appending -- kept --> telling -- done
 *                                appending -- away, blocked, full --> waiting -- a second later --> appending
 *
 * What was decided is not decided anew: a later wish for the same address may have been written since. Its version is higher, so an older
 * entry that is appended behind it changes nothing, nor does one that is appended twice. */
#include "bouncer/suppressions/ledger.h"

#include <string.h>
#include <sys/queue.h>

#include "bouncer/suppressions/allowance.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define RETRY_MS       1000
#define ALERT_AGAIN_MS INT64_C(600000) /* what follows closer belongs to the alert before */
#define ALERT_TEXT     "more suppressions than bouncer.safety.max_suppressions allows"
#define SAFETY_KEY     BYTES("hour")

struct record {
	struct ledger *ledger;
	struct arena *arena;
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t key_len;
	struct ledger_order order;
	struct suppression entry; /* what this try works on: the wish, maybe held */
	int64_t wall_ms;	  /* of this try */
	void (*done)(void *owner, enum err err);
	void *owner;
	/* left by the job */
	bool is_exceeding;	   /* the hour has had its share */
	bool is_known;		   /* the wish stands there already: it came before */
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
	struct ledger_options options;
	struct broker *broker;
	struct loop *loop;
	struct store *store;
	int own, table, safety;
	int64_t alerted_at_ms, exceeding_count; /* since the last alert */
	bool has_alerted;
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

/* Of what is held: it waits there. */
static bool is_in_force(const struct present *present, int64_t wall_ms)
{
	struct suppression entry = present->suppression;
	entry.is_held = false;
	return present->is_known && suppression_is_in_force(&entry, wall_ms);
}

static bool says_the_same(const struct suppression *a, const struct suppression *b)
{
	return bytes_equal(a->reason, b->reason) && bytes_equal(a->origin, b->origin) &&
	       bytes_equal(a->evidence, b->evidence) && a->expires_wall_ms == b->expires_wall_ms;
}

static bool lasts_longer(const struct suppression *wish, const struct suppression *present)
{
	return wish->expires_wall_ms == 0 && present->expires_wall_ms > 0 &&
	       !bytes_is(present->origin, ORIGIN_OPERATOR);
}

/* A version begins as the wall time of its writing, so it tells whether a bounce is older than a removal. */
static bool must_write(const struct record *record, const struct present *present)
{
	const struct suppression *wish = &record->entry;
	if (wish->is_removed && record->order.only_version > 0)
		return present->is_known && !present->suppression.is_removed &&
		       present->suppression.version == record->order.only_version;
	if (wish->is_removed)
		return !present->is_known || !present->suppression.is_removed;
	bool is_now = is_in_force(present, record->wall_ms);
	if (wish->expires_wall_ms > 0 && wish->expires_wall_ms <= record->wall_ms)
		return false; /* come too late */
	if (bytes_is(wish->origin, ORIGIN_OPERATOR))
		return !is_now || !says_the_same(wish, &present->suppression);
	if (bytes_is(wish->origin, ORIGIN_IMPORT))
		return !is_now;
	if (present->is_known && present->suppression.is_removed)
		return (uint64_t)wish->created_wall_ms > present->suppression.version;
	return !is_now || lasts_longer(wish, &present->suppression);
}

static bool is_same_cause(const struct record *record, const struct present *present)
{
	const struct suppression *wish = &record->entry;
	return is_in_force(present, record->wall_ms) && wish->message_id.len > 0 &&
	       wish->created_wall_ms == present->suppression.created_wall_ms &&
	       bytes_equal(wish->message_id, present->suppression.message_id);
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
	struct suppression entry = record->entry;
	entry.version = (uint64_t)record->wall_ms;
	if (present->is_known && present->suppression.version >= entry.version)
		entry.version = present->suppression.version + 1;
	enum err err = encode(record, &entry);
	if (err)
		return err;
	record->is_written = true;
	record->must_append = true;
	record->in_force_change = (entry.is_removed ? 0 : 1) - (is_now ? 1 : 0);
	record->entry.version = entry.version;
	return store_put(txn, record->ledger->own, bytes_from(record->key, record->key_len),
			 buf_bytes(&record->value));
}

static enum err read_present(struct record *record, struct store_txn *txn, struct present *ret)
{
	*ret = (struct present){0};
	record->key_len = suppression_entry_key(&record->entry, record->key);
	enum err err = read_own(record, txn, ret);
	return err ? err : read_table(record, txn, ret);
}

/* One of the hour's, taken in the transaction of what it is taken for. */
static enum err take_allowance(struct record *record, struct store_txn *txn)
{
	struct ledger *ledger = record->ledger;
	struct bytes stored = BYTES_NONE;
	struct allowance allowance;
	uint8_t out[ALLOWANCE_BYTES];
	enum err err = store_get(txn, ledger->safety, SAFETY_KEY, &stored);
	if (err && err != E_NOT_FOUND)
		return err;
	allowance_parse(stored, &allowance);
	record->is_exceeding =
		!allowance_take(&allowance, record->wall_ms, ledger->options.hourly_max);
	if (record->is_exceeding)
		return OK;
	allowance_write(&allowance, out);
	return store_put(txn, ledger->safety, SAFETY_KEY, bytes_from(out, sizeof out));
}

/* What is held already stays so until an operator decides; what exceeds the allowance is held from now on. */
static enum err limit(struct record *record, struct present *present, struct store_txn *txn,
		      bool *ret_must_write)
{
	struct present open = *present;
	enum err err = OK;
	record->entry.is_held = true;
	err = read_present(record, txn, present);
	bool is_held = !err && is_in_force(present, record->wall_ms);
	if (!err && !is_held)
		err = take_allowance(record, txn);
	*ret_must_write = !is_held;
	if (err || is_held || (record->is_exceeding && record->ledger->options.holds))
		return err;
	record->entry.is_held = false;
	record->key_len = suppression_entry_key(&record->entry, record->key);
	*present = open;
	return OK;
}

/* May run again from its start. */
static enum err decide(void *owner, struct store_txn *txn)
{
	struct record *record = owner;
	struct present present;
	record->entry = record->order.entry;
	record->is_exceeding = record->is_known = false;
	enum err err = read_present(record, txn, &present);
	bool is_wanted = !err && must_write(record, &present);
	if (!err && is_wanted && record->order.is_limited)
		err = limit(record, &present, txn, &is_wanted);
	if (err)
		return err;
	if (is_wanted)
		return write_wish(record, &present, txn);
	record->is_known = is_same_cause(record, &present);
	record->entry.version = present.suppression.version;

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

/* It is kept all the same; that nobody could be told is no reason to do it again for ever. */
static void finish_telling(void *owner, enum err err)
{
	finish(owner, err == E_TOO_BIG ? OK : err);
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

static void alert(struct ledger *ledger)
{
	int64_t now_ms = loop_now_ms(ledger->loop);
	ledger->exceeding_count++;
	if (ledger->has_alerted && now_ms - ledger->alerted_at_ms < ALERT_AGAIN_MS)
		return;
	log_event(EV_suppressions_exceeded, F_INT("max_per_hour", ledger->options.hourly_max),
		  F_INT("count", ledger->exceeding_count), F_BOOL("held", ledger->options.holds));
	if (ledger->options.teller) {
		struct bouncer_event event = {
			.kind = EVENT_ALERT,
			.at_wall_ms = loop_wall_ms(ledger->loop),
			.alert = BYTES("suppressions_exceeded"),
			.text = BYTES(ALERT_TEXT),
			.count = (uint64_t)ledger->exceeding_count,
		};
		char id[ID_SIZE];
		id_new(event.at_wall_ms, id);
		event.id = bytes_of(id);
		teller_tell(ledger->options.teller, &event, 1, NULL, NULL);
	}
	ledger->has_alerted = true;
	ledger->alerted_at_ms = now_ms;
	ledger->exceeding_count = 0;
}

static bool is_import(const struct record *record)
{
	return bytes_is(record->entry.origin, ORIGIN_IMPORT);
}

static void log_change(const struct record *record)
{
	const struct suppression *entry = &record->entry;
	char origin[16];
	(void)bytes_to_cstr(entry->origin, origin, sizeof origin);
	if (entry->is_held)
		log_event(EV_suppression_held, F_BOOL("now", !record->is_removed),
			  F_BYTES("address", entry->address), F_BYTES("reason", entry->reason));
	else if (record->is_removed)
		log_event(EV_suppression_removed, F_TEXT("origin", origin),
			  F_BYTES("address", entry->address));
	else
		log_event(EV_suppression_added, F_TEXT("origin", origin),
			  F_BYTES("address", entry->address), F_BYTES("reason", entry->reason),
			  F_BYTES("evidence", entry->evidence),
			  F_BYTES("message", entry->message_id));
}

static void note_change(const struct record *record)
{
	if (!is_import(record)) /* which has millions: it is told as a whole */
		log_change(record);
	metric_add(record->entry.is_held ? M_suppressions_held : M_suppressions, NULL,
		   record->in_force_change);
	if (record->is_exceeding)
		alert(record->ledger);
}

/* Also when it came before: the program may have ended before it was told. */
static void tell(struct record *record)
{
	struct teller *teller = record->ledger->options.teller;
	bool is_news = record->is_written || record->is_known;
	if (!teller || !is_news || is_import(record) || record->entry.is_held) {
		finish(record, OK);
		return;
	}
	struct bouncer_event event = {
		.kind = record->is_removed ? EVENT_SUPPRESSION_REMOVED : EVENT_SUPPRESSION_ADDED,
		.at_wall_ms = record->wall_ms,
		.has_suppression = true,
		.suppression = record->entry,
	};
	teller_tell(teller, &event, 1, finish_telling, record);
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
		note_change(record);
	if (err) {
		finish(record, err);
		return;
	}
	if (!record->must_append) {
		tell(record);
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
	if (!err)
		tell(record);
	else if (err_then(err) == ERR_THEN_BURY)
		finish(record, err);
	else
		try_later(record);
}

/* ---- public ---- */

static struct suppression copy_entry(struct arena *arena, const struct suppression *entry)
{
	struct suppression copy = *entry;
	struct bytes *const texts[] = {&copy.address,	 &copy.tenant, &copy.stream,
				       &copy.reason,	 &copy.origin, &copy.evidence,
				       &copy.message_id, &copy.rule,   &copy.site};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = arena_copy(arena, *texts[i]);
	return copy;
}

void ledger_record(struct ledger *ledger, const struct ledger_order *order,
		   void (*done)(void *owner, enum err err), void *owner)
{
	struct record *record = memory_new(sizeof *record);
	record->ledger = ledger;
	record->arena = arena_new();
	record->order = *order;
	record->order.entry = copy_entry(record->arena, &order->entry);
	record->entry = record->order.entry;
	record->done = done;
	record->owner = owner;
	buf_init(&record->value, REPLICA_VALUE_MAX);
	start(record);
}

struct ledger *ledger_new(const struct ledger_options *options)
{
	struct ledger *ledger = memory_new(sizeof *ledger);
	ledger->options = *options;
	ledger->broker = options->broker;
	ledger->loop = options->loop;
	ledger->store = options->store;
	ledger->own = store_database(ledger->store, LEDGER_DATABASE);
	ledger->table = store_database(ledger->store, "table." SUPPRESSIONS_TABLE);
	ledger->safety = store_database(ledger->store, SAFETY_DATABASE);
	STAILQ_INIT(&ledger->waiting);
	ledger->retry = timer_new(ledger->loop, on_retry, ledger);
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
