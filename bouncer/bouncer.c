/* The bouncer: leases in, records in the ledger, settlements out.
 *
 *   lease -> decode -> a wish for each bad mailbox -> ledger -> all recorded -> ack
 *              |                                        '- stopping, store failed -> release
 *              '-- malformed -> bury
 *
 * A lease is acked when everything it asked for is on this host's disk and confirmed by the broker; a redelivered one finds it
 * recorded. A store that fails for good ends the process at once: nothing may be acknowledged any more, and starting again
 * recovers what was. */
#include "bouncer/bouncer.h"

#include <stdio.h>
#include <unistd.h>

#include "bouncer/audit.h"
#include "bouncer/classify.h"
#include "bouncer/ledger.h"
#include "bouncer/recalls.h"
#include "lib/base/memory.h"
#include "lib/mail/address.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define PREFETCH_BYTES	    ((size_t)32 << 20)
#define DIRECTIVES_PREFETCH 20
#define STOP_LIMIT_MS	    25000
#define EVIDENCE_MAX	    1000
#define RECALL_AHEAD_MAX_MS INT64_C(3600000) /* clocks differ */

struct bouncer {
	struct node node;
	const struct bouncer_settings *settings;
	struct store *store;
	struct broker *broker;
	struct ledger *ledger;
	struct audit *audit;
	struct recalls *recalls;
	struct consumer *results, *directives;
	bool was_away;
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
	size_t unrecorded; /* one more while wishes are being made */
	enum err err;	   /* the first */
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

static void let_go(struct held *held)
{
	struct bouncer *bouncer = held->bouncer;
	metric_add(M_leases_held, NULL, -1);
	*held->link = held->next;
	if (held->next)
		held->next->link = held->link;
	if (!bouncer->held && bouncer->stopped)
		loop_defer(bouncer->node.loop, &bouncer->end);
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

static void record(struct held *held, const struct suppression *wish)
{
	held->unrecorded++;
	ledger_record(held->bouncer->ledger, wish, on_recorded, held);
}

/* ---- results ---- */

static bool canonical(struct held *held, struct bytes address, struct bytes *ret)
{
	struct address parsed;
	char text[ADDRESS_MAX + 1];
	if (address_parse(address, true, &parsed) || parsed.is_null ||
	    address_canonical(&parsed, text))
		return false;
	*ret = arena_copy(held->arena, bytes_of(text));
	return true;
}

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
static void learn(struct held *held, const struct result *result)
{
	int64_t duration_ms = held->bouncer->settings->suppress_bad_mailbox;
	struct bytes address;
	if (duration_ms == 0 || !result_is_bad_mailbox(result) ||
	    !canonical(held, result->recipient, &address))
		return;
	int64_t now = loop_wall_ms(held->bouncer->node.loop);
	int64_t at = result->at_wall_ms > 0 && result->at_wall_ms < now ? result->at_wall_ms : now;
	struct suppression wish = {
		.address = address,
		.reason = BYTES("bad_mailbox"),
		.origin = BYTES(ORIGIN_BOUNCE),
		.evidence = evidence_of(held, result),
		.message_id = result->id,
		.created_wall_ms = at,
		.expires_wall_ms = at + duration_ms,
	};
	record(held, &wish);
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
	for (size_t i = 0; i < batch.count; i++)
		learn(held, &batch.results[i]);
	on_recorded(held, OK);
}

/* ---- directives ---- */

static enum err wish_of(struct held *held, const struct directive *directive,
			struct suppression *ret, struct why *why)
{
	if (directive->kind != DIRECTIVE_SUPPRESS && directive->kind != DIRECTIVE_UNSUPPRESS)
		return fail(why, E_REFUSED, "not a directive for the bouncer");
	if (!directive->has_suppression)
		return fail(why, E_MALFORMED, "no suppression given");
	struct suppression wish = directive->suppression;
	if (wish.tenant.len || wish.stream.len)
		return fail(why, E_REFUSED,
			    "suppressions of one tenant or stream are not kept yet");
	if (!canonical(held, wish.address, &wish.address))
		return fail(why, E_MALFORMED, "not a mail address");
	wish.origin = BYTES(ORIGIN_OPERATOR);
	wish.is_removed = directive->kind == DIRECTIVE_UNSUPPRESS;
	if (!wish.reason.len)
		wish.reason = BYTES("manual");
	if (!wish.evidence.len)
		wish.evidence = directive->by;
	if (wish.created_wall_ms == 0)
		wish.created_wall_ms = loop_wall_ms(held->bouncer->node.loop);
	*ret = wish;
	return OK;
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

static void on_directive(void *owner, struct lease *lease)
{
	struct held *held = hold(owner, lease);
	struct directive directive;
	struct suppression wish;
	struct why why;
	enum err err = directive_decode(held->arena, lease_body(lease), &directive, &why);
	bool is_recall = err == OK && directive.kind == DIRECTIVE_RECALL;
	if (is_recall)
		err = recall_of(held, &directive, &why);
	else if (!err)
		err = wish_of(held, &directive, &wish, &why);
	if (err) {
		bury(held, why.text);
		return;
	}
	if (is_recall)
		record_recall(held, &directive);
	else
		record(held, &wish);
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

static enum err open_store(struct bouncer *bouncer, struct why *why)
{
	static const char *const databases[] = {LEDGER_DATABASES};
	char path[4096];
	int len = snprintf(path, sizeof path, "%s/bouncer", bouncer->node.data_dir);
	if (len < 0 || (size_t)len >= sizeof path)
		return fail(why, E_TOO_BIG, "node.data_dir is too long");
	return store_open(path, databases, sizeof databases / sizeof databases[0], &bouncer->store,
			  why);
}

static void stop_now(void *owner)
{
	struct bouncer *bouncer = owner;
	timer_stop(bouncer->stop_limit);
	task_cancel(&bouncer->end, bouncer->node.loop);
	bouncer->stopped(bouncer->stopped_owner);
}

enum err bouncer_start(const struct bouncer_options *options, struct bouncer **ret, struct why *why)
{
	struct bouncer *bouncer = memory_new(sizeof *bouncer);
	bouncer->node = options->node;
	bouncer->settings = options->settings;
	bouncer->was_away = true;
	bouncer->end = (struct task){.run = stop_now, .owner = bouncer};
	bouncer->stop_limit = timer_new(bouncer->node.loop, stop_now, bouncer);
	enum err err = open_store(bouncer, why);
	if (!err)
		err = broker_open(bouncer->node.loop, bouncer->node.broker, bouncer->node.routing,
				  "bouncer", on_state, bouncer, &bouncer->broker, why);
	if (err) {
		bouncer_free(&bouncer);
		return err;
	}
	bouncer->ledger = ledger_new(bouncer->broker, bouncer->node.loop, bouncer->store);
	bouncer->recalls = recalls_new(bouncer->broker, bouncer->node.loop);
	bouncer->audit = audit_new(bouncer->broker, bouncer->node.loop, bouncer->store);
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
	timer_start(bouncer->stop_limit, STOP_LIMIT_MS);
	if (!bouncer->held)
		loop_defer(bouncer->node.loop, &bouncer->end);
}

static void give_back_leases(struct bouncer *bouncer)
{
	for (struct held *held = bouncer->held; held; held = held->next)
		lease_release(&held->lease);
}

/* The ledger, the audit and the recalls wait for what the broker confirms, so they end around it; leases must not outlive it. */
void bouncer_free(struct bouncer **bouncer)
{
	struct bouncer *freeing = *bouncer;
	*bouncer = NULL;
	if (!freeing)
		return;
	freeing->stopped = NULL;
	consumer_free(&freeing->results);
	consumer_free(&freeing->directives);
	if (freeing->ledger)
		ledger_stop(freeing->ledger);
	if (freeing->audit)
		audit_stop(freeing->audit);
	if (freeing->recalls)
		recalls_stop(freeing->recalls);
	give_back_leases(freeing);
	broker_close(&freeing->broker);
	ledger_free(&freeing->ledger);
	audit_free(&freeing->audit);
	recalls_free(&freeing->recalls);
	store_close(&freeing->store);
	timer_free(&freeing->stop_limit);
	task_cancel(&freeing->end, freeing->node.loop);
	free(freeing);
}
