/* See inbound.h. A mail goes through two stages: first all that follows of it is asked for and kept, then it is noted that it was
 * there. Between the two a crash makes it come again, and all that it asked for is asked for again with the same times. */
#include "bouncer/inbound/inbound.h"

#include <string.h>

#include "bouncer/inbound/mail.h"
#include "lib/base/memory.h"
#include "lib/loop/offload.h"
#include "lib/obs/log.h"

#define PREFETCH       50
#define PREFETCH_BYTES ((size_t)64 << 20)
#define INLINE_MAX     ((size_t)32 << 10) /* larger ones are read on a thread */
#define RETRY_MS       5000
#define DAY_MS	       INT64_C(86400000)

static const char *const queues[] = {QUEUE_BOUNCER_DSN, QUEUE_BOUNCER_FBL, QUEUE_BOUNCER_UNSUB,
				     QUEUE_BOUNCER_MAIL};
#define QUEUE_COUNT (sizeof queues / sizeof queues[0])

struct inbound {
	struct inbound_options options;
	struct consumer *consumers[QUEUE_COUNT];
	struct offload *offload;
	int database;
	LIST_HEAD(, returned) all;
};

/* ---- settling ---- */

static void let_go(struct returned *returned)
{
	struct inbound *inbound = returned->inbound;
	struct arena *arena = returned->arena; /* `returned` lives in it */
	LIST_REMOVE(returned, next);
	arena_free(&arena);
	if (LIST_EMPTY(&inbound->all) && inbound->options.idle)
		inbound->options.idle(inbound->options.owner);
}

static void settle(struct returned *returned)
{
	enum err err = returned->err;
	if (returned->lease && err && err_then(err) == ERR_THEN_BURY)
		lease_bury(&returned->lease, err_text(err));
	else if (returned->lease && err == E_CANCELLED)
		lease_release(&returned->lease);
	else if (returned->lease && err)
		lease_retry(&returned->lease, RETRY_MS);
	else if (returned->lease)
		lease_ack(&returned->lease);
	let_go(returned);
}

/* ---- the second stage ---- */

static enum err note_seen(void *owner, struct store_txn *txn)
{
	struct returned *returned = owner;
	const struct inbound *inbound = returned->inbound;
	enum err err = OK;
	for (size_t i = 0; i < returned->seen_count && !err; i++)
		err = seen_put(txn, inbound->database, returned->seen[i]);
	if (!err)
		err = seen_forget(txn, inbound->database, returned->forget_before_wall_ms);
	return err;
}

static void on_seen(void *owner, enum err err)
{
	struct returned *returned = owner;
	if (err == E_IO)
		returned->inbound->options.store_failed(err);
	returned->err = err;
	settle(returned);
}

static void go_on(struct returned *returned)
{
	struct inbound *inbound = returned->inbound;
	if (returned->err || returned->seen_count == 0 || !returned->lease) {
		settle(returned);
		return;
	}
	int64_t days = returns_settings(inbound->options.returns)->days;
	returned->forget_before_wall_ms = loop_wall_ms(inbound->options.loop) - (days + 1) * DAY_MS;
	store_write(inbound->options.store, note_seen, inbound->options.loop, on_seen, returned);
}

/* ---- the first stage ---- */

static void on_kept(void *owner, enum err err)
{
	struct returned *returned = owner;
	if (err == E_IO)
		returned->inbound->options.store_failed(err);
	if (!returned->err)
		returned->err = err;
	if (--returned->unkept == 0)
		go_on(returned);
}

static void on_told(void *owner, enum err err)
{
	on_kept(owner, err == E_TOO_BIG ? OK : err);
}

/* Whole, with the reason, for people or the programs of others. */
static void keep(struct returned *returned, const char *key, const char *reason)
{
	const struct publication publication = {
		.exchange = EXCHANGE_INBOUND,
		.key = key,
		.message_id = lease_message_id(returned->lease),
		.reason = reason,
		.head = lease_body(returned->lease),
	};
	returned->unkept++;
	broker_publish(returned->inbound->options.broker, &publication, on_kept, returned);
}

static void note(struct returned *returned, const struct finding *finding,
		 const struct happening *happening)
{
	(void)finding;
	returned->unkept++;
	suppressor_note(returned->inbound->options.suppressor, happening, on_kept, returned);
}

static void tell(struct returned *returned, struct bouncer_event *event)
{
	returned->unkept++;
	teller_tell(returned->inbound->options.teller, event, 1, on_told, returned);
}

/* To whom a suppression would apply is not known from a token alone. */
static bool knows_owner(const struct inbound *inbound, const struct finding *finding,
			unsigned outcome)
{
	return finding->pool.len > 0 || !finding->is_proved ||
	       inbound->options.policies->of[outcome].scope == SUPPRESS_FOR_ALL;
}

static bool may_act(const struct inbound *inbound, const struct finding *finding)
{
	if (finding->address.len == 0)
		return false;
	if (finding->is_proved)
		return true;
	if (inbound->options.unverified == UNVERIFIED_BOUNCES)
		return finding->kind == FINDING_BOUNCE;
	return inbound->options.unverified == UNVERIFIED_ALL;
}

/* An unsubscription counts again: who came back may leave again. */
static bool is_replayed(struct returned *returned, const struct finding *finding)
{
	if (!finding->is_proved || finding->kind == FINDING_UNSUBSCRIBE)
		return false;
	uint8_t *key = returned->seen[returned->seen_count];
	seen_key(finding, key);
	if (seen_has(returned->inbound->options.store, key))
		return true;
	returned->seen_count++;
	return false;
}

static const char *act(struct returned *returned, const struct finding *finding)
{
	struct inbound *inbound = returned->inbound;
	struct happening happening;
	struct bouncer_event event;
	const struct classifier *classifier = verdicts_classifier(inbound->options.verdicts);
	if (!may_act(inbound, finding))
		return "unproved";
	if (is_replayed(returned, finding))
		return "replayed";
	returned_judge(returned, finding, classifier, &happening, &event);
	if (finding->kind != FINDING_DELAY) {
		if (!knows_owner(inbound, finding, happening.outcome))
			return "unproved";
		note(returned, finding, &happening);
	}
	tell(returned, &event);
	return "acted";
}

static void act_on_all(struct returned *returned)
{
	bool has_unproved = false;
	for (size_t i = 0; i < returned->findings.count; i++) {
		const struct finding *finding = &returned->findings.items[i];
		const char *outcome = act(returned, finding);
		has_unproved = has_unproved || strcmp(outcome, "unproved") == 0;
		returned_log(returned, finding, outcome);
	}
	if (has_unproved)
		keep(returned, "unknown", "a report that is not proved");
}

static void follow(struct returned *returned)
{
	returned->unkept = 1;
	switch (returned->findings.fate) {
	case MAIL_FOUND:
		act_on_all(returned);
		break;
	case MAIL_NOTICE:
		returned_log(returned, NULL, "nothing");
		break;
	case MAIL_REPORT:
		returned_log(returned, NULL, "passed_on");
		keep(returned, "report", report_kind_name(returned->report.kind));
		break;
	case MAIL_UNKNOWN:
		returned_log(returned, NULL, "kept");
		keep(returned, "unknown", "nothing is made of it");
		break;
	case MAIL_UNPROVED:
		returned_log(returned, NULL, "unproved");
		keep(returned, "unknown", "a report on another than its address was given to");
		break;
	}
	on_kept(returned, OK);
}

/* ---- reading ---- */

static void read_report(void *owner)
{
	struct returned *returned = owner;
	report_read(returned->arena, returned->mail.content, &returned->report);
}

static void on_read(void *owner)
{
	struct returned *returned = owner;
	struct inbound *inbound = returned->inbound;
	if (!returned->lease) {
		let_go(returned);
		return;
	}
	findings_of(returned->arena, inbound->options.returns, &returned->mail, &returned->report,
		    loop_wall_ms(inbound->options.loop), &returned->findings);
	returned->seen =
		arena_zalloc(returned->arena, returned->findings.count + 1, sizeof *returned->seen);
	follow(returned);
}

static struct returned *hold(struct inbound *inbound, struct lease *lease)
{
	struct arena *arena = arena_new();
	struct returned *returned = arena_zalloc(arena, 1, sizeof *returned);
	returned->inbound = inbound;
	returned->arena = arena;
	returned->lease = lease;
	returned->now_wall_ms = loop_wall_ms(inbound->options.loop);
	LIST_INSERT_HEAD(&inbound->all, returned, next);
	return returned;
}

static void on_mail(void *owner, struct lease *lease)
{
	struct inbound *inbound = owner;
	struct returned *returned = hold(inbound, lease);
	struct why why;
	if (inbound_mail_decode(returned->arena, lease_body(lease), &returned->mail, &why)) {
		lease_bury(&returned->lease, why.text);
		let_go(returned);
	} else if (returned->mail.content.len > INLINE_MAX) {
		returned->work =
			(struct work){.run = read_report, .done = on_read, .owner = returned};
		offload_ask(inbound->offload, &returned->work);
	} else {
		read_report(returned);
		on_read(returned);
	}
}

/* ---- public ---- */

struct inbound *inbound_new(const struct inbound_options *options)
{
	struct inbound *inbound = memory_new(sizeof *inbound);
	inbound->options = *options;
	inbound->offload = offload_new(options->loop, 1);
	inbound->database = store_database(options->store, SEEN_DATABASE);
	LIST_INIT(&inbound->all);
	for (size_t i = 0; i < QUEUE_COUNT; i++) {
		const struct consumer_options consumer = {
			.queue = queues[i], .prefetch = PREFETCH, .prefetch_bytes = PREFETCH_BYTES};
		inbound->consumers[i] = consumer_new(options->broker, &consumer, on_mail, inbound);
	}
	return inbound;
}

void inbound_stop(struct inbound *inbound)
{
	for (size_t i = 0; i < QUEUE_COUNT; i++)
		consumer_free(&inbound->consumers[i]);
}

bool inbound_is_idle(const struct inbound *inbound)
{
	return LIST_EMPTY(&inbound->all);
}

/* What is on the thread reads bytes of a lease, so that ends first. */
void inbound_give_back(struct inbound *inbound)
{
	struct returned *returned;
	inbound_stop(inbound);
	inbound->options.idle = NULL;
	offload_free(&inbound->offload);
	LIST_FOREACH(returned, &inbound->all, next)
	{
		lease_release(&returned->lease);
	}
}

void inbound_free(struct inbound **inbound)
{
	struct inbound *freeing = *inbound;
	*inbound = NULL;
	if (!freeing)
		return;
	store_drain(freeing->options.loop);
	struct returned *returned;
	while ((returned = LIST_FIRST(&freeing->all)))
		let_go(returned);
	free(freeing);
}
