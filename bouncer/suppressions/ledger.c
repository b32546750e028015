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

#include "bouncer/suppressions/decision.h"
#include "bouncer/suppressions/outbox.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define RETRY_MS       1000
#define ALERT_AGAIN_MS INT64_C(600000) /* what follows closer belongs to the alert before */
#define ALERT_TEXT     "more suppressions than bouncer.safety.max_suppressions allows"

struct record {
	struct ledger *ledger;
	struct arena *arena;
	struct ledger_order order;
	struct decision made;
	void (*done)(void *owner, enum err err);
	void *owner;
	bool is_decided;	   /* and stands in the store: only the table still lacks it */
	STAILQ_ENTRY(record) next; /* of those that wait */
};

struct ledger {
	struct ledger_options options;
	struct broker *broker;
	struct loop *loop;
	struct store *store;
	struct ledger_databases databases;
	struct outbox *outbox;			/* NULL: nobody is told */
	int64_t alerted_at_ms, exceeding_count; /* since the last alert */
	bool has_alerted;
	struct timer *retry;
	STAILQ_HEAD(, record) waiting; /* to be tried again, in the order in which they came */
	bool is_stopped;
};

/* ---- on the loop, in the order of the picture ---- */

static void on_decided(void *owner, enum err err);
static void on_appended(void *owner, enum err err);
static void append(struct record *record);

/* On the store's thread. */
static enum err decide(void *owner, struct store_txn *txn)
{
	struct record *record = owner;
	return decision_make(&record->made, txn);
}

static void start(struct record *record)
{
	struct ledger *ledger = record->ledger;
	record->made.wall_ms = loop_wall_ms(ledger->loop);
	store_write(ledger->store, decide, ledger->loop, on_decided, record);
}

static void finish(struct record *record, enum err err)
{
	record->done(record->owner, err);
	buf_done(&record->made.value);
	arena_free(&record->arena);
	free(record);
}

/* It is kept all the same; that nobody could be told is no reason to do it again for ever. */
static void finish_telling(void *owner, enum err err)
{
	const struct record *record = owner;
	if (err == E_TOO_BIG)
		err = OK;
	if (!err)
		outbox_told(record->ledger->outbox,
			    bytes_from(record->made.key, record->made.key_len),
			    record->made.entry.version);
	finish(owner, err);
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
	return bytes_is(record->made.entry.origin, ORIGIN_IMPORT);
}

static void log_change(const struct record *record)
{
	const struct suppression *entry = &record->made.entry;
	char origin[16];
	(void)bytes_to_cstr(entry->origin, origin, sizeof origin);
	if (entry->is_held)
		log_event(EV_suppression_held, F_BOOL("now", !record->made.is_removed),
			  F_BYTES("address", entry->address), F_BYTES("reason", entry->reason));
	else if (record->made.is_removed)
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
	if (!is_import(record) && !record->order.is_one_of_many) /* there may be millions */
		log_change(record);
	metric_add(record->made.entry.is_held ? M_suppressions_held : M_suppressions, NULL,
		   record->made.in_force_change);
	if (record->made.is_exceeding)
		alert(record->ledger);
}

/* Also when it came before: the program may have ended before it was told. */
static void tell(struct record *record)
{
	struct teller *teller = record->ledger->options.teller;
	bool is_news = record->made.is_written || record->made.is_known;
	if (!teller || !is_news || is_import(record) || record->made.entry.is_held) {
		finish(record, OK);
		return;
	}
	struct bouncer_event event = {
		.kind = record->made.is_removed ? EVENT_SUPPRESSION_REMOVED
						: EVENT_SUPPRESSION_ADDED,
		.at_wall_ms = record->made.wall_ms,
		.has_suppression = true,
		.suppression = record->made.entry,
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
	if (!err && record->made.is_written)
		note_change(record);
	if (err) {
		finish(record, err);
		return;
	}
	if (!record->made.must_append) {
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
		.key = bytes_from(record->made.key, record->made.key_len),
		.value = record->made.is_removed ? BYTES_NONE : buf_bytes(&record->made.value),
		.version = record->made.version,
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
	record->made.databases = ledger->databases;
	record->made.limit = &ledger->options;
	record->made.order = &record->order;
	record->made.arena = record->arena;
	record->made.entry = record->order.entry;
	record->done = done;
	record->owner = owner;
	buf_init(&record->made.value, REPLICA_VALUE_MAX);
	start(record);
}

struct ledger *ledger_new(const struct ledger_options *options)
{
	struct ledger *ledger = memory_new(sizeof *ledger);
	ledger->options = *options;
	ledger->broker = options->broker;
	ledger->loop = options->loop;
	ledger->store = options->store;
	ledger->databases.own = store_database(ledger->store, LEDGER_DATABASE);
	ledger->databases.table = store_database(ledger->store, "table." SUPPRESSIONS_TABLE);
	ledger->databases.safety = store_database(ledger->store, SAFETY_DATABASE);
	ledger->databases.outbox = store_database(ledger->store, OUTBOX_DATABASE);
	if (options->teller)
		ledger->outbox = outbox_new(ledger->loop, ledger->store, options->teller);
	STAILQ_INIT(&ledger->waiting);
	ledger->retry = timer_new(ledger->loop, on_retry, ledger);
	return ledger;
}

void ledger_stop(struct ledger *ledger)
{
	ledger->is_stopped = true;
	if (ledger->outbox)
		outbox_stop(ledger->outbox);
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
	outbox_free(&freeing->outbox);
	timer_free(&freeing->retry);
	free(freeing);
}
