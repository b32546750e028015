/* Directives: what operators and other programs of ours want of the bouncer. Each kind has its obey_...(), which begins what is asked and
 * counts in held->unrecorded what has to be kept before the lease is acked; one that it gives an err for is buried, with the why. */
#include <string.h>

#include "bouncer/bouncer_inner.h"
#include "bouncer/site_learner.h"
#include "broker/suppressions.h"
#include "lib/mail/address.h"
#include "lib/obs/log.h"

#define RECALL_AHEAD_MAX_MS INT64_C(3600000) /* clocks differ */

static void record(struct held *held, const struct ledger_order *order)
{
	held->unrecorded++;
	ledger_record(held->bouncer->ledger, order, held_recorded, held);
}

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
	held_recorded(held, err);
}

static enum err obey_many(struct held *held, const struct directive *directive)
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
	return OK;
}

/* What is accepted later is no business of a recall, so its time may not lie ahead. */
static enum err obey_recall(struct held *held, struct directive *directive, struct why *why)
{
	int64_t now = loop_wall_ms(held->bouncer->node.loop);
	if (directive->until_wall_ms <= 0)
		directive->until_wall_ms = now;
	if (directive->until_wall_ms > now + RECALL_AHEAD_MAX_MS)
		return fail(why, E_REFUSED, "until_wall_ms: lies ahead");
	held->unrecorded++;
	recalls_record(held->bouncer->appender, directive, held_recorded, held);
	return OK;
}

/* A domain has so much mail that a worker wants a queue for it. */
static void lend(struct held *held, const struct directive *directive, int64_t now_wall_ms)
{
	struct lending *lending = held->bouncer->lending;
	char domain[ADDRESS_DOMAIN_MAX + 1];
	if (!lending || domain_canonical(directive->domain, domain))
		return;
	held->unrecorded++;
	lending_note(lending, directive, domain, now_wall_ms, held_recorded, held);
}

/* A worker's word, not an operator's: nothing of it is worth burying. */
static enum err obey_lesson(struct held *held, const struct directive *directive)
{
	const struct bouncer *bouncer = held->bouncer;
	int64_t now = loop_wall_ms(bouncer->node.loop);
	if (lending_is_asked(directive)) {
		lend(held, directive, now);
		return OK;
	}
	held->unrecorded++;
	site_learner_note(bouncer->appender, bouncer->sites, directive, now, held_recorded, held);
	return OK;
}

static enum err obey_on_webhook(struct held *held, const struct directive *directive,
				struct why *why)
{
	enum err err = readers_obey(held->bouncer->readers, directive, held_recorded, held);
	if (err)
		return fail(why, err, "there is no webhook of that name");
	held->unrecorded++;
	return OK;
}

/* Of a suspension that names nothing everything would stand still. */
static enum err obey_suspension(struct held *held, const struct directive *directive,
				struct why *why)
{
	if (directive->pool.len + directive->site.len + directive->source.len +
		    directive->tenant.len + directive->campaign.len ==
	    0)
		return fail(why, E_REFUSED, "it names nothing to suspend");
	held->unrecorded++;
	brakes_put(held->bouncer->brakes, directive, held_recorded, held);
	return OK;
}

static enum err obey_on_alert(struct held *held, const struct directive *directive, struct why *why)
{
	struct alerts *alerts = held->bouncer->alerts;
	if (directive->kind == DIRECTIVE_CLEAR_ALERT)
		(void)alerts_clear(alerts, directive->alert, directive->by);
	else if (!alerts_test(alerts, directive->alert, directive->by))
		return fail(why, E_REFUSED, "there is no alert of that name");
	return OK;
}

/* Of a day before 1970 nothing was counted. */
static enum err obey_on_tls_report(struct held *held, const struct directive *directive,
				   struct why *why)
{
	int64_t day = directive->until_wall_ms / TLS_DAY_MS;
	if (!held->bouncer->tls_reports)
		return fail(why, E_REFUSED, "there are no reports on TLS");
	held->unrecorded++;
	tls_reports_send_now(held->bouncer->tls_reports, (uint32_t)day, directive->domain,
			     held_recorded, held);
	return OK;
}

static enum err obey(struct held *held, struct directive *directive, struct why *why)
{
	switch (directive->kind) {
	case DIRECTIVE_RECALL:
		return obey_recall(held, directive, why);
	case DIRECTIVE_LEARN:
		return obey_lesson(held, directive);
	case DIRECTIVE_SUPPRESS:
	case DIRECTIVE_UNSUPPRESS:
		return obey_one(held, directive, why);
	case DIRECTIVE_IMPORT:
		return obey_import(held, directive, why);
	case DIRECTIVE_UNDO:
	case DIRECTIVE_RELEASE_HELD:
	case DIRECTIVE_DROP_HELD:
		return obey_many(held, directive);
	case DIRECTIVE_SUSPEND:
	case DIRECTIVE_RESUME:
		return obey_suspension(held, directive, why);
	case DIRECTIVE_CLEAR_ALERT:
	case DIRECTIVE_TEST_ALERT:
		return obey_on_alert(held, directive, why);
	case DIRECTIVE_PAUSE_WEBHOOK:
	case DIRECTIVE_RESUME_WEBHOOK:
		return obey_on_webhook(held, directive, why);
	case DIRECTIVE_TLS_REPORT:
		return obey_on_tls_report(held, directive, why);
	default:
		return fail(why, E_REFUSED, "not a directive for the bouncer");
	}
}

void bouncer_obey(void *owner, struct lease *lease)
{
	struct held *held = held_new(owner, lease);
	struct directive directive;
	struct why why;
	enum err err = directive_decode(held->arena, lease_body(lease), &directive, &why);
	if (!err)
		err = obey(held, &directive, &why);
	if (err)
		held_bury(held, why.text);
	else
		held_recorded(held, OK);
}
