/* See mail.h. */
#include "bouncer/inbound/mail.h"

#include <stdio.h>
#include <string.h>

#include "lib/obs/log.h"

#define EVIDENCE_MAX 1000

static const char *const kind_names[] = {
	[FINDING_BOUNCE] = "bounce",
	[FINDING_DELAY] = "delay",
	[FINDING_COMPLAINT] = "complaint",
	[FINDING_UNSUBSCRIBE] = "unsubscribe",
};

/* A report may hold any bytes; what goes on to others is printable. */
static struct bytes printable(struct arena *arena, struct bytes text)
{
	text = bytes_first(text, EVIDENCE_MAX);
	uint8_t *out = arena_alloc(arena, text.len + 1);
	for (size_t i = 0; i < text.len; i++)
		out[i] = text.data[i] >= ' ' && text.data[i] <= '~' ? text.data[i] : '?';
	return bytes_from(out, text.len);
}

/* Its times come from the mail, so that one that is read again asks for the same. */
static int64_t time_of(const struct returned *returned)
{
	int64_t at = returned->mail.received_wall_ms;
	return at > 0 && at < returned->now_wall_ms ? at : returned->now_wall_ms;
}

/* What comes by AMQP has no client. */
static struct mail_origin origin_of(const struct returned *returned)
{
	struct bytes client = returned->mail.client_address;
	return (struct mail_origin){.door = client.len > 0 ? BYTES("smtp") : BYTES("amqp"),
				    .client = client};
}

static const char *report_name(const struct returned *returned, const struct finding *finding)
{
	if (finding->kind == FINDING_COMPLAINT)
		return "arf";
	if (finding->kind == FINDING_UNSUBSCRIBE)
		return returned->report.kind == REPORT_COMPLAINT ? "arf" : "unsubscribe";
	return "dsn";
}

static void judge_bounce(struct returned *returned, const struct finding *finding,
			 const struct classifier *classifier, struct happening *happening,
			 struct bouncer_event *event)
{
	struct bounce_verdict verdict;
	char status[16] = "";
	const struct report_recipient nobody = {.kind = REPORT_BOUNCE};
	const struct report_recipient *told = finding->told ? finding->told : &nobody;
	const struct reply_facts facts = report_facts(told);
	classifier_ask(classifier, &facts, &verdict);
	if (finding->kind == FINDING_DELAY && verdict.family == FAMILY_HARD)
		verdict.family = FAMILY_SOFT;
	if (verdict.enhanced.class != 0)
		enhanced_code_text(verdict.enhanced, status);
	event->class = bytes_of(bounce_class_name(verdict.class));
	event->hardness = bytes_of(bounce_family_name(verdict.family));
	event->rule = bytes_of(verdict.rule);
	event->confidence = verdict.confidence;
	event->result.code = verdict.code;
	event->result.enhanced = arena_copy(returned->arena, bytes_of(status));
	event->result.text = printable(returned->arena, told->diagnostic);
	event->result.remote_host = printable(returned->arena, bytes_first(told->remote, 255));
	happening->outcome = outcome_of_verdict(&verdict);
	happening->rule = event->rule;
	happening->evidence = event->result.text;
}

void returned_judge(struct returned *returned, const struct finding *finding,
		    const struct classifier *classifier, struct happening *ret_happening,
		    struct bouncer_event *ret_event)
{
	static const enum bouncer_event_kind kinds[] = {
		[FINDING_BOUNCE] = EVENT_BOUNCED,
		[FINDING_DELAY] = EVENT_DEFERRED,
		[FINDING_COMPLAINT] = EVENT_COMPLAINED,
		[FINDING_UNSUBSCRIBE] = EVENT_UNSUBSCRIBED,
	};
	struct bytes feedback = printable(returned->arena, returned->report.feedback_type);
	*ret_happening = (struct happening){
		.outcome = finding->kind == FINDING_COMPLAINT ? OUTCOME_COMPLAINT
							      : OUTCOME_UNSUBSCRIBE,
		.address = finding->address,
		.tenant = finding->tenant,
		.stream = finding->pool,
		.message_id = finding->message_id,
		.evidence = feedback,
		.origin = ORIGIN_REPORT,
		.at_wall_ms = time_of(returned),
	};
	*ret_event = (struct bouncer_event){
		.kind = kinds[finding->kind],
		.at_wall_ms = time_of(returned),
		.has_result = true,
		.result = {.id = finding->message_id,
			   .recipient = finding->address,
			   .event = finding->kind == FINDING_BOUNCE  ? RESULT_BOUNCED
				    : finding->kind == FINDING_DELAY ? RESULT_DEFERRED
								     : RESULT_DELIVERED,
			   .at_wall_ms = time_of(returned),
			   .pool = finding->pool,
			   .labels = {.tenant = finding->tenant, .campaign = finding->campaign},
			   .origin = origin_of(returned)},
		.report = bytes_of(report_name(returned, finding)),
		.feedback_type = feedback,
		.reporter = printable(returned->arena, bytes_first(returned->report.reporter, 255)),
		.is_verified = finding->is_proved,
	};
	if (finding->kind == FINDING_BOUNCE || finding->kind == FINDING_DELAY)
		judge_bounce(returned, finding, classifier, ret_happening, ret_event);
}

void returned_log(const struct returned *returned, const struct finding *finding,
		  const char *outcome)
{
	const char *kind =
		finding ? kind_names[finding->kind] : report_kind_name(returned->report.kind);
	log_event(EV_returned_mail_read, F_TEXT("kind", kind), F_TEXT("outcome", outcome),
		  F_BYTES("mail", returned->mail.id),
		  F_BYTES("message", finding ? finding->message_id : BYTES_NONE),
		  F_BYTES("recipient", finding ? finding->address : BYTES_NONE));
}
