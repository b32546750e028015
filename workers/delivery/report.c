/* From what happened to a recipient to its result, its log line and its fate. */
#include "workers/delivery/request_inner.h"

#include <stdio.h>

#include "lib/obs/log.h"
#include "workers/delivery/told_headers.h"

static void on_kept(void *owner)
{
	request_note_kept(owner);
}

/* One look serves all its recipients. A skeleton has no header of its own: see tell_sent(). */
static void tell_headers(struct request *request, struct result *result)
{
	if (!request->knows_headers && !request->rendering)
		request->told_headers =
			told_headers(request->arena, request->set->options.result_headers,
				     request->mail.content, &request->told_header_count);
	request->knows_headers = true;
	result->headers = request->told_headers;
	result->header_count = request->told_header_count;
}

static struct result result_for(struct request *request, size_t index)
{
	const struct delivery_request *mail = &request->mail;
	const struct recipient *recipient = &mail->recipients[index];
	struct result result = {
		.id = recipient->id.len > 0 ? recipient->id : mail->id,
		.recipient = recipient->address,
		.sender = mail->sender,
		.attempt = recipient->attempt + 1,
		.at_wall_ms = loop_wall_ms(request->set->options.loop),
		.accepted_wall_ms = mail->accepted_wall_ms,
		.pool = mail->pool,
		.site = request->told_site,
		.labels = labels_with(request->arena, &mail->labels, &recipient->labels),
		.content_bytes = mail->content.len,
		.worker = bytes_of(request->set->options.worker_name),
		.original = recipient->original,
		.origin = mail->origin,
	};
	tell_headers(request, &result);
	return result;
}

static struct bytes text_in(struct request *request, const char *text)
{
	return arena_copy(request->arena, bytes_of(text));
}

static struct bytes enhanced_in(struct request *request, struct enhanced_code enhanced)
{
	char text[16];
	enhanced_code_text(enhanced, text);
	return text_in(request, text);
}

static void publish(struct request *request, size_t index, const struct result *result)
{
	struct fate *fate = &request->fates[index];
	fate->kind = result->event == RESULT_DEFERRED ? FATE_DEFERRED : FATE_FINAL;
	fate->retry_wall_ms = result->next_attempt_wall_ms;
	fate->echo = result->labels.echo;
	/* One echo cannot grow out of what a request may hold; of many nobody asks for it. */
	if (fate->kind == FATE_DEFERRED && request->mail.recipient_count == 1)
		fate->echo = echo_with(request->arena, fate->echo, result);
	notices_note(request, index, result);
	if (taps_are_on(request->set->options.taps))
		tap_result(request, result);
	request->has_begun = true;
	request->unkept_count++;
	results_add(request->set->options.results, result, on_kept, request);
}

static void log_attempt(const struct result *result, bool is_in_doubt)
{
	log_event(EV_attempt_finished, F_TEXT("outcome", result_event_name(result->event)),
		  F_BYTES("message", result->id), F_BYTES("recipient", result->recipient),
		  F_INT("attempt", result->attempt), F_INT("code", result->code),
		  F_BYTES("enhanced", result->enhanced), F_BYTES("text", result->text),
		  F_BYTES("step", result->step), F_BYTES("host", result->remote_host),
		  F_BYTES("address", result->remote_address), F_BYTES("source", result->source),
		  F_BYTES("pool", result->pool), F_BYTES("site", result->site),
		  F_BOOL("in_doubt", is_in_doubt));
}

/* ---- attempts ---- */

static void note_in_journal(struct request *request, size_t index, const struct result *result)
{
	struct journal_entry entry = {
		.attempt = result->attempt,
		.code = result->code,
		.at_wall_ms = result->at_wall_ms,
		.enhanced = result->enhanced,
		.text = result->text,
		.remote_host = result->remote_host,
	};
	journal_note(request->set->options.journal, request->journal_id, result->recipient, &entry);
	request->fates[index].is_in_journal = true;
}

static void decide(struct request *request, size_t index, const struct smtp_outcome *outcome,
		   const struct ruling *ruling, struct result *result)
{
	static const enum result_event events[] = {
		[VERDICT_DELIVERED] = RESULT_DELIVERED,
		[VERDICT_RETRY] = RESULT_DEFERRED,
		[VERDICT_BOUNCED] = RESULT_BOUNCED,
		[VERDICT_EXPIRED] = RESULT_EXPIRED,
	};
	int64_t retry_wall_ms = deferral_time(request, result->attempt, ruling->retry_after_ms);
	enum verdict verdict = verdict_of(outcome, retry_wall_ms, request->expires_wall_ms);
	result->event =
		events[verdict_ruled(verdict, ruling, retry_wall_ms, request->expires_wall_ms)];
	if (result->event == RESULT_DEFERRED)
		result->next_attempt_wall_ms = retry_wall_ms;
	if (result->event == RESULT_DELIVERED)
		note_in_journal(request, index, result);
	else if (ruling->class)
		result->class = text_in(request, ruling->class);
}

static void take_reply(struct request *request, const struct reply *reply, struct result *result)
{
	result->code = reply->code;
	result->enhanced = enhanced_in(request, reply->enhanced);
	result->text = arena_copy(request->arena, bytes_from(reply->text, reply->text_len));
}

static void remember_reply(const struct request *request, const struct result *result)
{
	struct last_reply reply = {.at_wall_ms = result->at_wall_ms, .code = result->code};
	if (!request->set->options.replies)
		return;
	(void)snprintf(reply.step, sizeof reply.step, "%.*s", BYTES_ARGS(result->step));
	(void)snprintf(reply.source, sizeof reply.source, "%.*s", BYTES_ARGS(result->source));
	last_replies_note(request->set->options.replies, request->site, &reply, result->text);
}

/* The message as this recipient's host got it. */
static void tell_sent(struct request *request, const struct smtp_transaction *sent,
		      struct result *result)
{
	if (sent->content.len == 0)
		return;
	result->content_bytes = sent->head.len + sent->content.len;
	if (request->rendering)
		result->headers = told_headers(request->arena, request->set->options.result_headers,
					       sent->content, &result->header_count);
}

void report_attempt(struct request *request, size_t index, const struct attempt *attempt,
		    const struct smtp_transaction *sent)
{
	struct result result = result_for(request, index);
	char address[NET_ADDRESS_SIZE] = "";
	if (attempt->remote)
		net_address_text(attempt->remote, address);
	take_reply(request, &attempt->outcome->reply, &result);
	result.step = bytes_of(attempt->step);
	result.remote_host = text_in(request, attempt->remote_host);
	result.remote_address = text_in(request, address);
	result.source = bytes_of(attempt->source->name);
	result.tls = text_in(request, attempt->tls);
	result.esmtp = text_in(request, attempt->esmtp);
	result.took_ms = attempt->took_ms;
	tell_sent(request, sent, &result);
	request->fates[index].passes_dsn = attempt->outcome->passes_dsn;
	request->fates[index].is_last_host = attempt->outcome->is_last_host;
	decide(request, index, attempt->outcome, &attempt->ruling, &result);
	log_attempt(&result, attempt->outcome->kind == SMTP_IN_DOUBT);
	remember_reply(request, &result);
	publish(request, index, &result);
}

static void report_answer(struct request *request, size_t index, const char *step,
			  const struct smtp_outcome *outcome, const char *text)
{
	struct result result = result_for(request, index);
	take_reply(request, &outcome->reply, &result);
	result.text = bytes_of(text);
	result.step = bytes_of(step);
	decide(request, index, outcome, &(const struct ruling){0}, &result);
	log_attempt(&result, false);
	publish(request, index, &result);
}

void report_local(struct request *request, size_t index, const char *step, unsigned code,
		  struct enhanced_code enhanced, const char *text)
{
	const struct smtp_outcome outcome = {.kind = SMTP_REPLIED,
					     .reply = {.code = code, .enhanced = enhanced}};
	report_answer(request, index, step, &outcome, text);
}

void report_route(struct request *request, size_t index, const struct route_settings *route)
{
	static const struct smtp_outcome thrown_away = {
		.kind = SMTP_REPLIED,
		.step = SMTP_STEP_BODY,
		.reply = {.code = 250, .enhanced = {2, 0, 0}}};
	request->fates[index].is_last_host = true;
	if (route->action == ROUTE_DISCARD)
		report_answer(request, index, "route", &thrown_away, "discarded by its route");
	else if (route->action == ROUTE_BOUNCE)
		report_local(request, index, "route", 550, (struct enhanced_code){5, 7, 1},
			     "refused by its route");
	else
		report_local(request, index, "route", 450, (struct enhanced_code){4, 7, 1},
			     "put off by its route");
}

/* ---- without an attempt ---- */

void report_expired(struct request *request, size_t index)
{
	struct result result = result_for(request, index);
	result.event = RESULT_EXPIRED;
	result.step = BYTES("expiry");
	result.text = BYTES("its time was over before it could be delivered");
	log_attempt(&result, false);
	publish(request, index, &result);
}

static void report_cancelled(struct request *request, size_t index)
{
	struct result result = result_for(request, index);
	result.event = RESULT_CANCELLED;
	result.step = BYTES("recall");
	result.text = BYTES("its campaign was recalled");
	log_attempt(&result, false);
	publish(request, index, &result);
}

void report_recall(struct request *request, size_t index, enum err found)
{
	if (found == OK)
		report_cancelled(request, index);
	else
		report_local(request, index, "recall", 451, (struct enhanced_code){4, 3, 0},
			     "the directives cannot be read");
}

void report_suppressed(struct request *request, size_t index, const struct suppression *why)
{
	struct result result = result_for(request, index);
	result.event = RESULT_SUPPRESSED;
	result.step = BYTES("suppression");
	result.text = why->reason;
	log_event(EV_recipient_suppressed, F_TEXT("by", "worker"), F_BYTES("message", result.id),
		  F_BYTES("recipient", result.recipient), F_BYTES("reason", why->reason));
	publish(request, index, &result);
}

/* The result may have been lost with its first holder; who got it drops this one by id, recipient and attempt. */
void report_journaled(struct request *request, size_t index, const struct journal_entry *entry)
{
	struct result result = result_for(request, index);
	result.event = RESULT_DELIVERED;
	result.attempt = entry->attempt;
	result.code = entry->code;
	result.enhanced = entry->enhanced;
	result.text = entry->text;
	result.step = bytes_of(smtp_step_name(SMTP_STEP_BODY));
	result.remote_host = entry->remote_host;
	result.at_wall_ms = entry->at_wall_ms;
	log_event(EV_attempt_skipped, F_TEXT("reason", "delivered"), F_BYTES("message", result.id),
		  F_BYTES("recipient", result.recipient), F_INT("attempt", entry->attempt));
	request->fates[index].is_in_journal = true;
	request->fates[index].passes_dsn = true; /* nobody remembers whether it does */
	publish(request, index, &result);
}
