/* The bouncer: leases in; counts, records in the ledger and events out; settlements back.
 *
 *   lease -> decode -> each result: judge, count, note to the suppressor; all: tell -> all kept -> ack
 *              |                                                          '- stopping, store failed -> release
 *              '-- malformed -> bury
 *
 * A lease is acked when everything that follows of it is on this host's disk and confirmed by the broker; a redelivered one finds it
 * recorded. A store that fails for good ends the process at once: nothing may be acknowledged any more, and starting again
 * recovers what was. */
#include "bouncer/bouncer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bouncer/classification/judge.h"
#include "bouncer/classification/tallies.h"
#include "bouncer/classification/verdicts.h"
#include "bouncer/http/api.h"
#include "bouncer/inbound/inbound.h"
#include "bouncer/inbound/unsubscribe.h"
#include "bouncer/recalls.h"
#include "bouncer/suppressions/audit.h"
#include "bouncer/suppressions/ledger.h"
#include "bouncer/suppressions/suppressor.h"
#include "bouncer/suppressions/sweep.h"
#include "bouncer/telling/readers.h"
#include "bouncer/telling/teller.h"
#include "broker/suppressions.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define PREFETCH_BYTES	    ((size_t)32 << 20)
#define DIRECTIVES_PREFETCH 20
#define STOP_LIMIT_MS	    25000
#define EVIDENCE_MAX	    1000
enum { PLUS_TAGS_KEEP, PLUS_TAGS_STRIP }; /* order of plus_tags in bouncer.def */
enum { ON_EXCEED_HOLD, ON_EXCEED_ALERT }; /* of on_exceed in safety.def */

#define RECALL_AHEAD_MAX_MS INT64_C(3600000) /* clocks differ */

struct bouncer {
	struct node node;
	const struct bouncer_settings *settings;
	const struct returns_settings *returns_settings;
	struct store *store;
	struct broker *broker;
	struct policies policies;
	struct verdicts *verdicts;
	struct tallies *tallies;
	struct teller *teller;
	struct readers *readers;
	struct ledger *ledger;
	struct suppressor *suppressor;
	struct audit *audit;
	struct recalls *recalls;
	struct returns *returns; /* NULL: no report can be proved */
	struct inbound *inbound;
	struct unsubscribe *unsubscribe; /* NULL: it does not listen */
	struct bouncer_api *api;
	struct consumer *results, *directives;
	bool was_away, is_api_drained;
	struct held *held; /* all, in no order */
	/* stopping */
	void (*stopped)(void *owner);
	void *stopped_owner;
	struct task end;
	struct timer *stop_limit;
};

/* A lease and what it asked for. */
struct held {
	struct bouncer *bouncer;
	struct lease *lease; /* NULL: given back, because the bouncer ends */
	struct arena *arena;
	struct sweep *sweep; /* of a directive on many; NULL: none, or ended */
	size_t unrecorded;   /* one more while wishes are being made */
	enum err err;	     /* the first */
	struct held *next, **link;
};

/* ---- holding and settling ---- */

static struct held *hold(struct bouncer *bouncer, struct lease *lease)
{
	struct held *held = memory_new(sizeof *held);
	held->bouncer = bouncer;
	held->lease = lease;
	held->arena = arena_new();
	held->unrecorded = 1;
	held->next = bouncer->held;
	held->link = &bouncer->held;
	if (held->next)
		held->next->link = &held->next;
	bouncer->held = held;
	metric_add(M_leases_held, NULL, 1);
	return held;
}

static void end_if_idle(void *owner)
{
	struct bouncer *bouncer = owner;
	if (!bouncer->held && bouncer->stopped && bouncer->is_api_drained &&
	    inbound_is_idle(bouncer->inbound))
		loop_defer(bouncer->node.loop, &bouncer->end);
}

static void let_go(struct held *held)
{
	struct bouncer *bouncer = held->bouncer;
	metric_add(M_leases_held, NULL, -1);
	*held->link = held->next;
	if (held->next)
		held->next->link = held->link;
	end_if_idle(bouncer);
	arena_free(&held->arena);
	free(held);
}

static void bury(struct held *held, const char *reason)
{
	lease_bury(&held->lease, reason);
	let_go(held);
}

_Noreturn static void fail_for_good(enum err err)
{
	log_event(EV_store_failed, F_TEXT("error", err_text(err)));
	log_event(EV_role_failed, F_TEXT("name", "bouncer"),
		  F_TEXT("why", "its store has failed: nothing can be acknowledged"));
	_exit(EXIT_FAILURE);
}

static void on_recorded(void *owner, enum err err)
{
	struct held *held = owner;
	if (err == E_IO)
		fail_for_good(err);
	if (!held->err)
		held->err = err;
	if (--held->unrecorded > 0)
		return;
	if (held->lease && held->err && err_then(held->err) == ERR_THEN_BURY) {
		bury(held, err_text(held->err));
		return;
	}
	if (held->lease && held->err)
		lease_release(&held->lease);
	else if (held->lease)
		lease_ack(&held->lease);
	let_go(held);
}

static void record(struct held *held, const struct ledger_order *order)
{
	held->unrecorded++;
	ledger_record(held->bouncer->ledger, order, on_recorded, held);
}

/* ---- results ---- */

/* Whole characters only. */
static struct bytes cut(struct bytes text, size_t max)
{
	size_t len = text.len < max ? text.len : max;
	while (len < text.len && len > 0 && (text.data[len] & 0xc0) == 0x80)
		len--;
	return bytes_first(text, len);
}

static struct bytes evidence_of(struct held *held, const struct result *result)
{
	struct bytes text = cut(result->text, EVIDENCE_MAX - sizeof "550 5.1.111 ");
	return bytes_of(arena_printf(held->arena, "%u%s%.*s %.*s", (unsigned)result->code,
				     result->enhanced.len ? " " : "",
				     BYTES_ARGS(bytes_first(result->enhanced, 11)),
				     BYTES_ARGS(text)));
}

/* Its times come from the result, so that a result seen twice asks for the same twice. */
static int64_t time_of(const struct held *held, const struct result *result)
{
	int64_t now = loop_wall_ms(held->bouncer->node.loop);
	return result->at_wall_ms > 0 && result->at_wall_ms < now ? result->at_wall_ms : now;
}

static void note_failure(struct held *held, const struct result *result,
			 const struct bounce_verdict *verdict)
{
	const struct happening happening = {
		.outcome = outcome_of_verdict(verdict),
		.address = result->recipient,
		.tenant = result->labels.tenant,
		.stream = result->pool,
		.message_id = result->id,
		.evidence = evidence_of(held, result),
		.rule = bytes_of(verdict->rule),
		.site = result->site,
		.origin = ORIGIN_BOUNCE,
		.at_wall_ms = time_of(held, result),
		.attempt = result->attempt,
	};
	held->unrecorded++;
	suppressor_note(held->bouncer->suppressor, &happening, on_recorded, held);
}

static void note_success(struct held *held, const struct result *result)
{
	held->unrecorded++;
	if (!suppressor_note_success(held->bouncer->suppressor, result->labels.tenant, result->pool,
				     result->recipient, time_of(held, result), on_recorded, held))
		held->unrecorded--;
}

/* Only what ends a message counts: a deferral is tried again, and decides nothing of the address. */
static void learn(struct held *held, const struct result *result, struct bouncer_event *event)
{
	struct bounce_verdict verdict;
	*event = (struct bouncer_event){
		.kind = (enum bouncer_event_kind)result->event,
		.at_wall_ms = result->at_wall_ms,
		.has_result = true,
		.result = *result,
	};
	if (result->event == RESULT_DELIVERED)
		note_success(held, result);
	if (!judge_result(verdicts_classifier(held->bouncer->verdicts), result, &verdict))
		return;
	tallies_count(held->bouncer->tallies, result, &verdict);
	event->class = bytes_of(bounce_class_name(verdict.class));
	event->hardness = bytes_of(bounce_family_name(verdict.family));
	event->rule = bytes_of(verdict.rule);
	event->confidence = verdict.confidence;
	if (result->event != RESULT_DEFERRED)
		note_failure(held, result, &verdict);
}

static void on_told(void *owner, enum err err)
{
	on_recorded(owner, err == E_TOO_BIG ? OK : err);
}

static void on_results(void *owner, struct lease *lease)
{
	struct held *held = hold(owner, lease);
	struct result_batch batch;
	struct why why;
	if (result_batch_decode(held->arena, lease_body(lease), &batch, &why)) {
		bury(held, why.text);
		return;
	}
	struct bouncer_event *events = arena_zalloc(held->arena, batch.count, sizeof *events);
	for (size_t i = 0; i < batch.count; i++)
		learn(held, &batch.results[i], &events[i]);
	held->unrecorded++;
	teller_tell(held->bouncer->teller, events, batch.count, on_told, held);
	on_recorded(held, OK);
}

/* ---- directives ---- */

/* What an operator gives, completed. */
static enum err complete(struct held *held, const struct directive *directive, const char *origin,
			 struct suppression *entry, struct why *why)
{
	const struct bouncer *bouncer = held->bouncer;
	char address[SUPPRESSION_ADDRESS_SIZE];
	bool drops_tag = bouncer->settings->plus_tags == PLUS_TAGS_STRIP;
	if (suppression_address(entry->address, drops_tag, address))
		return fail(why, E_MALFORMED, "not a mail address");
	entry->address = arena_copy(held->arena, bytes_of(address));
	entry->covers_tags |= drops_tag;
	entry->origin = bytes_of(origin);
	entry->is_removed = directive->kind == DIRECTIVE_UNSUPPRESS;
	entry->is_held = false;
	entry->version = 0;
	if (!entry->reason.len)
		entry->reason = BYTES("manual");
	if (!entry->evidence.len && strcmp(origin, ORIGIN_OPERATOR) == 0)
		entry->evidence = directive->by;
	if (entry->created_wall_ms == 0)
		entry->created_wall_ms = loop_wall_ms(bouncer->node.loop);
	return OK;
}

static enum err obey_one(struct held *held, struct directive *directive, struct why *why)
{
	enum err err = complete(held, directive, ORIGIN_OPERATOR, &directive->suppression, why);
	if (err)
		return err;
	const struct ledger_order order = {.entry = directive->suppression};
	record(held, &order);
	return OK;
}

/* All or none is understood. */
static enum err obey_import(struct held *held, struct directive *directive, struct why *why)
{
	for (size_t i = 0; i < directive->suppression_count; i++) {
		enum err err =
			complete(held, directive, ORIGIN_IMPORT, &directive->suppressions[i], why);
		if (err)
			return err;
	}
	for (size_t i = 0; i < directive->suppression_count; i++) {
		const struct ledger_order order = {.entry = directive->suppressions[i]};
		record(held, &order);
	}
	log_event(EV_suppressions_imported, F_INT("count", directive->suppression_count),
		  F_BYTES("by", directive->by));
	return OK;
}

static void on_swept(void *owner, enum err err, uint64_t count)
{
	struct held *held = owner;
	(void)count;
	held->sweep = NULL;
	on_recorded(held, err);
}

static void obey_many(struct held *held, const struct directive *directive)
{
	const struct bouncer *bouncer = held->bouncer;
	const struct sweep_options options = {
		.loop = bouncer->node.loop,
		.store = bouncer->store,
		.ledger = bouncer->ledger,
		.act = directive->kind == DIRECTIVE_UNDO	   ? SWEEP_LIFT
		       : directive->kind == DIRECTIVE_RELEASE_HELD ? SWEEP_RELEASE
								   : SWEEP_DROP,
		.filter = &directive->filter,
		.by = directive->by,
	};
	held->unrecorded++;
	held->sweep = sweep_start(&options, on_swept, held);
}

/* What is accepted later is no business of a recall, so its time may not lie ahead. */
static enum err recall_of(const struct held *held, struct directive *directive, struct why *why)
{
	int64_t now = loop_wall_ms(held->bouncer->node.loop);
	if (directive->until_wall_ms <= 0)
		directive->until_wall_ms = now;
	if (directive->until_wall_ms > now + RECALL_AHEAD_MAX_MS)
		return fail(why, E_REFUSED, "until_wall_ms: lies ahead");
	return OK;
}

static void record_recall(struct held *held, const struct directive *directive)
{
	held->unrecorded++;
	recalls_record(held->bouncer->recalls, directive, on_recorded, held);
}

static enum err obey_on_webhook(struct held *held, const struct directive *directive,
				struct why *why)
{
	enum err err = readers_obey(held->bouncer->readers, directive, on_recorded, held);
	if (err)
		return fail(why, err, "there is no webhook of that name");
	held->unrecorded++;
	return OK;
}

static enum err obey(struct held *held, struct directive *directive, struct why *why)
{
	enum err err;
	switch (directive->kind) {
	case DIRECTIVE_RECALL:
		err = recall_of(held, directive, why);
		if (!err)
			record_recall(held, directive);
		return err;
	case DIRECTIVE_SUPPRESS:
	case DIRECTIVE_UNSUPPRESS:
		return obey_one(held, directive, why);
	case DIRECTIVE_IMPORT:
		return obey_import(held, directive, why);
	case DIRECTIVE_UNDO:
	case DIRECTIVE_RELEASE_HELD:
	case DIRECTIVE_DROP_HELD:
		obey_many(held, directive);
		return OK;
	case DIRECTIVE_PAUSE_WEBHOOK:
	case DIRECTIVE_RESUME_WEBHOOK:
		return obey_on_webhook(held, directive, why);
	default:
		return fail(why, E_REFUSED, "not a directive for the bouncer");
	}
}

static void on_directive(void *owner, struct lease *lease)
{
	struct held *held = hold(owner, lease);
	struct directive directive;
	struct why why;
	enum err err = directive_decode(held->arena, lease_body(lease), &directive, &why);
	if (!err)
		err = obey(held, &directive, &why);
	if (err)
		bury(held, why.text);
	else
		on_recorded(held, OK);
}

/* ---- starting and stopping ---- */

static void on_state(void *owner, enum broker_state state)
{
	struct bouncer *bouncer = owner;
	node_tell_state(&bouncer->node, state);
	if (state == BROKER_AWAY) {
		bouncer->was_away = true;
	} else if (bouncer->was_away && bouncer->audit) {
		bouncer->was_away = false;
		audit_start(bouncer->audit);
	}
}

static void consume(struct bouncer *bouncer)
{
	struct consumer_options results = {.queue = QUEUE_BOUNCER_RESULTS,
					   .prefetch = (unsigned)bouncer->settings->prefetch,
					   .prefetch_bytes = PREFETCH_BYTES};
	struct consumer_options directives = {.queue = QUEUE_BOUNCER_DIRECTIVES,
					      .prefetch = DIRECTIVES_PREFETCH,
					      .prefetch_bytes = PREFETCH_BYTES};
	bouncer->results = consumer_new(bouncer->broker, &results, on_results, bouncer);
	bouncer->directives = consumer_new(bouncer->broker, &directives, on_directive, bouncer);
}

const char *const bouncer_databases[] = {LEDGER_DATABASES, SOFT_COUNTS_DATABASE, TALLIES_DATABASES,
					 READERS_DATABASES, INBOUND_DATABASES};
const size_t bouncer_database_count = sizeof bouncer_databases / sizeof bouncer_databases[0];

static enum err open_store(struct bouncer *bouncer, struct why *why)
{
	char path[4096];
	int len = snprintf(path, sizeof path, "%s/bouncer", bouncer->node.data_dir);
	if (len < 0 || (size_t)len >= sizeof path)
		return fail(why, E_TOO_BIG, "node.data_dir is too long");
	return store_open(path, bouncer_databases, bouncer_database_count, &bouncer->store, why);
}

static void stop_now(void *owner)
{
	struct bouncer *bouncer = owner;
	timer_stop(bouncer->stop_limit);
	task_cancel(&bouncer->end, bouncer->node.loop);
	bouncer->stopped(bouncer->stopped_owner);
}

static void make_parts(struct bouncer *bouncer)
{
	const struct bouncer_settings *settings = bouncer->settings;
	struct loop *loop = bouncer->node.loop;
	policies_init(&bouncer->policies, &settings->policies);
	bouncer->teller = teller_new(bouncer->broker, loop);
	bouncer->tallies = tallies_new(loop, bouncer->store, bouncer->node.routing);
	const struct ledger_options ledger = {
		.broker = bouncer->broker,
		.loop = loop,
		.store = bouncer->store,
		.teller = bouncer->teller,
		.hourly_max = (uint64_t)((settings->safety.max_suppressions + 23) / 24),
		.holds = settings->safety.on_exceed == ON_EXCEED_HOLD,
	};
	bouncer->ledger = ledger_new(&ledger);
	const struct suppressor_options suppressor = {
		.loop = loop,
		.store = bouncer->store,
		.ledger = bouncer->ledger,
		.policies = &bouncer->policies,
		.covers_tags = settings->plus_tags == PLUS_TAGS_STRIP,
	};
	bouncer->suppressor = suppressor_new(&suppressor);
	bouncer->recalls = recalls_new(bouncer->broker, loop);
	bouncer->audit = audit_new(bouncer->broker, loop, bouncer->store);
	const struct inbound_options inbound = {
		.broker = bouncer->broker,
		.loop = loop,
		.store = bouncer->store,
		.returns = bouncer->returns,
		.verdicts = bouncer->verdicts,
		.policies = &bouncer->policies,
		.suppressor = bouncer->suppressor,
		.teller = bouncer->teller,
		.unverified = (enum unverified_policy)settings->act_on_unverified,
		.store_failed = fail_for_good,
		.idle = end_if_idle,
		.owner = bouncer,
	};
	bouncer->inbound = inbound_new(&inbound);
}

static enum err open_unsubscribe(struct bouncer *bouncer, const struct conf_items *certificates,
				 struct why *why)
{
	const struct bouncer_settings *settings = bouncer->settings;
	const struct unsubscribe_options options = {
		.loop = bouncer->node.loop,
		.address = settings->unsubscribe_listen,
		.certificate = settings->unsubscribe_certificate,
		.certificates = certificates,
		.returns = bouncer->returns,
		.suppressor = bouncer->suppressor,
		.teller = bouncer->teller,
		.store_failed = fail_for_good,
	};
	if (!settings->unsubscribe_listen || !settings->unsubscribe_listen[0])
		return OK;
	if (!bouncer->returns)
		return fail(why, E_MALFORMED, "bouncer.unsubscribe_listen needs returns.keys");
	return unsubscribe_open(&options, &bouncer->unsubscribe, why);
}

static enum err open_readers(struct bouncer *bouncer, const struct bouncer_options *options,
			     struct why *why)
{
	const struct readers_settings readers = {.webhooks = options->webhooks,
						 .accounting = options->accounting,
						 .resolver = options->resolver};
	return readers_new(&bouncer->node, &readers, bouncer->store, bouncer->teller,
			   &bouncer->readers, why);
}

static void on_api_drained(void *owner)
{
	struct bouncer *bouncer = owner;
	bouncer->is_api_drained = true;
	end_if_idle(bouncer);
}

static enum err open_api(struct bouncer *bouncer, const struct bouncer_options *options,
			 struct why *why)
{
	const struct bouncer_api_options api = {
		.node = bouncer->node,
		.listeners = &bouncer->settings->listeners,
		.certificates = options->certificates,
		.api_keys = options->api_keys,
		.store = bouncer->store,
		.ledger = bouncer->ledger,
		.broker = bouncer->broker,
		.covers_tags = bouncer->settings->plus_tags == PLUS_TAGS_STRIP,
		.drained = on_api_drained,
		.owner = bouncer,
	};
	return bouncer_api_open(&api, &bouncer->api, why);
}

enum err bouncer_start(const struct bouncer_options *options, struct bouncer **ret, struct why *why)
{
	struct bouncer *bouncer = memory_new(sizeof *bouncer);
	bouncer->node = options->node;
	bouncer->settings = options->settings;
	bouncer->returns_settings = options->returns;
	bouncer->was_away = true;
	bouncer->end = (struct task){.run = stop_now, .owner = bouncer};
	bouncer->stop_limit = timer_new(bouncer->node.loop, stop_now, bouncer);
	enum err err = open_store(bouncer, why);
	if (!err)
		err = returns_open(bouncer->returns_settings, &bouncer->returns, why);
	if (!err)
		err = verdicts_new(bouncer->node.loop, bouncer->settings->rules, &bouncer->verdicts,
				   why);
	if (!err)
		err = broker_open(bouncer->node.loop, bouncer->node.broker, bouncer->node.routing,
				  "bouncer", on_state, bouncer, &bouncer->broker, why);
	if (err) {
		bouncer_free(&bouncer);
		return err;
	}
	make_parts(bouncer);
	err = open_readers(bouncer, options, why);
	if (!err)
		err = open_unsubscribe(bouncer, options->certificates, why);
	if (!err)
		err = open_api(bouncer, options, why);
	if (err) {
		bouncer_free(&bouncer);
		return err;
	}
	on_state(bouncer, broker_state(bouncer->broker));
	consume(bouncer);
	*ret = bouncer;
	return OK;
}

void bouncer_stop(struct bouncer *bouncer, void (*stopped)(void *owner), void *owner)
{
	bouncer->stopped = stopped;
	bouncer->stopped_owner = owner;
	consumer_free(&bouncer->results);
	consumer_free(&bouncer->directives);
	inbound_stop(bouncer->inbound);
	if (bouncer->unsubscribe)
		unsubscribe_stop(bouncer->unsubscribe);
	timer_start(bouncer->stop_limit, STOP_LIMIT_MS);
	bouncer_api_stop(bouncer->api);
	end_if_idle(bouncer);
}

static void give_back_leases(struct bouncer *bouncer)
{
	for (struct held *held = bouncer->held; held; held = held->next)
		lease_release(&held->lease);
}

static void end_sweeps(struct bouncer *bouncer)
{
	struct held *next;
	for (struct held *held = bouncer->held; held; held = next) {
		next = held->next;
		if (held->sweep)
			sweep_cancel(held->sweep);
	}
}

static void stop_parts(struct bouncer *bouncer)
{
	if (!bouncer->ledger)
		return;
	inbound_give_back(bouncer->inbound);
	if (bouncer->unsubscribe)
		unsubscribe_close(bouncer->unsubscribe);
	ledger_stop(bouncer->ledger);
	audit_stop(bouncer->audit);
	recalls_stop(bouncer->recalls);
	if (bouncer->readers)
		readers_stop(bouncer->readers);
	teller_stop(bouncer->teller);
	end_sweeps(bouncer);
	if (bouncer->api)
		bouncer_api_close(bouncer->api);
}

/* The parts wait for what the broker confirms, so they end around it; leases must not outlive it. */
void bouncer_free(struct bouncer **bouncer)
{
	struct bouncer *freeing = *bouncer;
	*bouncer = NULL;
	if (!freeing)
		return;
	freeing->stopped = NULL;
	consumer_free(&freeing->results);
	consumer_free(&freeing->directives);
	give_back_leases(freeing);
	stop_parts(freeing);
	broker_close(&freeing->broker);
	readers_free(&freeing->readers);
	suppressor_free(&freeing->suppressor);
	ledger_free(&freeing->ledger);
	inbound_free(&freeing->inbound);
	unsubscribe_free(&freeing->unsubscribe);
	bouncer_api_free(&freeing->api);
	audit_free(&freeing->audit);
	recalls_free(&freeing->recalls);
	teller_free(&freeing->teller);
	tallies_free(&freeing->tallies);
	verdicts_free(&freeing->verdicts);
	returns_close(&freeing->returns);
	store_close(&freeing->store);
	timer_free(&freeing->stop_limit);
	task_cancel(&freeing->end, freeing->node.loop);
	free(freeing);
}

void bouncer_reload(struct bouncer *bouncer)
{
	verdicts_reload(bouncer->verdicts);
	if (bouncer->unsubscribe)
		unsubscribe_reload(bouncer->unsubscribe);
	bouncer_api_reload(bouncer->api);
}
