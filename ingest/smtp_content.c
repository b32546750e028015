/* The content: taken in, mended where that is asked for, and handed to acceptance. */
#include <stdio.h>

#include "ingest/from_domains.h"
#include "ingest/inbound.h"
#include "ingest/smtp_visit.h"
#include "lib/mail/header.h"
#include "lib/obs/log.h"

static struct smtpd_reply reply_of(enum err err)
{
	switch (err) {
	case E_BLOCKED: /* the broker has no room */
	case E_FULL:
		return (struct smtpd_reply){452, "4.3.1 no room for the message, try again later"};
	case E_REFUSED:
		return (struct smtpd_reply){554, "5.4.6 too many hops, this message loops"};
	case E_TOO_BIG:
		return (struct smtpd_reply){552, "5.3.4 the message or its header is too big"};
	default:
		return (struct smtpd_reply){451,
					    "4.3.0 the message could not be kept, try again later"};
	}
}

struct smtpd_reply visit_on_data(void *owner)
{
	struct visit *visit = owner;
	const struct smtp_door_options *options = &visit->door->options;
	struct smtpd_reply objection = visit_acceptor_objection(visit);
	if (smtpd_objects(objection))
		return objection;
	bool is_inbound = inbound_is(visit->mail); /* nothing in it is for us, or ours to mend */
	visit->lines = (struct repair_meter){0};
	const struct intake_options intake = {
		.dialects = is_inbound ? 0 : visit->door->dialects,
		.adds_missing = options->listener->add_missing_headers && !is_inbound,
		.hostname = options->node.hostname,
	};
	visit->content = intake_new(
		&intake, visit->mail,
		blob_writer_new(options->spool, (size_t)options->settings->memory_per_message));
	return SMTPD_NO_OBJECTION;
}

/* How the client is told of E_MALFORMED and E_REFUSED; other failures are not the message's. */
static void refuse(struct visit *visit, enum err err, unsigned code, const char *enhanced,
		   const struct why *why)
{
	(void)fail(&visit->refusal, err, "%s %s", enhanced, why->text);
	visit->refusal_code = code;
	log_event(EV_message_refused, F_TEXT("door", "smtp"), F_TEXT("reason", err_text(err)),
		  F_TEXT("message", visit->mail->id), F_TEXT("why", why->text));
}

enum err visit_on_content(void *owner, struct bytes span)
{
	struct visit *visit = owner;
	struct why why = {""};
	repair_measure(&visit->lines, span);
	enum err err = intake_append(visit->content, span, &why);
	if (err != OK)
		refuse(visit, err, 550, "5.6.0", &why);
	return err;
}

struct smtpd_reply visit_on_content_objection(void *owner, enum err err)
{
	const struct visit *visit = owner;
	if (err == E_MALFORMED || err == E_REFUSED)
		return (struct smtpd_reply){visit->refusal_code, visit->refusal.text};
	return reply_of(err);
}

static void on_accepted(void *owner, enum err err, const struct mail *mail)
{
	struct visit *visit = owner;
	char text[64 + SCHEMA_ID_MAX];
	visit->acceptance = NULL;
	(void)snprintf(text, sizeof text, "2.0.0 kept as %s", mail->id);
	smtpd_session_answer(visit->session,
			     err == OK ? (struct smtpd_reply){250, text} : reply_of(err));
}

/* What the header asked for may contradict itself, or be too much. */
static const char *times_fault(const struct visit *visit)
{
	const struct mail *mail = visit->mail;
	int64_t now_ms = mail->accepted_wall_ms;
	if (mail->not_before_wall_ms > now_ms + visit->door->options.listener->max_hold)
		return "nothing is held for so long";
	if (mail->expires_wall_ms != 0 && mail->expires_wall_ms <= now_ms)
		return "it is too late already";
	if (mail->expires_wall_ms != 0 && mail->not_before_wall_ms >= mail->expires_wall_ms)
		return "it would be held until it is too late";
	return NULL;
}

/* Not in lines. It stays so: workers send it by BDAT, or write it again for hosts that do not take it (RFC 3030 3). */
static bool is_binary(const struct visit *visit, const struct smtpd_content *content)
{
	size_t line_max = (size_t)visit->door->options.settings->max_line_length;
	return content->is_binary ||
	       (content->is_declared_binary && visit->lines.longest > line_max);
}

/* What is wrong with it of what this listener mends. Mail that comes back is kept as it is, but for what is binary: who reads it expects
 * lines. */
static unsigned find_faults(const struct visit *visit, const struct smtpd_content *content)
{
	const struct mail *mail = visit->mail;
	size_t line_max = (size_t)visit->door->options.settings->max_line_length;
	unsigned faults = visit->lines.longest > line_max ? REPAIR_LONG_LINES : 0;
	if (is_binary(visit, content))
		return inbound_is(mail) ? faults | REPAIR_BINARY : 0;
	if (content->has_8bit && !mail->eightbit && !mail->smtputf8)
		faults |= REPAIR_EIGHT_BIT;
	return inbound_is(mail) ? 0 : faults & visit->door->repairs;
}

/* A header has lines, whatever the body is: nobody behind us could be told of it otherwise. */
static enum err take_binary(struct visit *visit, const struct smtpd_content *content)
{
	struct mail *mail = visit->mail;
	size_t line_max = (size_t)visit->door->options.settings->max_line_length;
	struct why why = {""};
	if (!is_binary(visit, content) || inbound_is(mail))
		return OK;
	struct arena *scratch = arena_new();
	struct bytes header = mail_header(mail, scratch);
	bool is_fit = header_length(header, 0) > 0 && /* all of it was looked at */
		      !repair_is_needed(header, REPAIR_BINARY | REPAIR_LONG_LINES, line_max);
	arena_free(&scratch);
	mail->is_binary = true;
	mail->has_bare_line_ends = content->has_bare_line_ends;
	if (is_fit)
		return OK;
	enum err err = fail(&why, E_MALFORMED,
			    "its header has no end, is not in lines, or has a long one");
	refuse(visit, err, 554, "5.6.3", &why);
	return err;
}

static enum err mend_content(struct visit *visit, unsigned faults)
{
	const struct smtp_door_options *options = &visit->door->options;
	const struct repair_options repair = {
		.kinds = faults,
		.line_max = (size_t)options->settings->max_line_length,
		.spool = options->spool,
		.memory_per_message = (size_t)options->settings->memory_per_message,
	};
	struct why why = {""};
	if (faults == 0)
		return OK;
	enum err err = repair_mail(visit->mail, &repair, &why);
	if (err == E_MALFORMED)
		refuse(visit, err, 554, "5.6.3 it cannot be mended:", &why);
	return err;
}

/* What readers see and DKIM signs by is the client's own, as its envelope is. */
static enum err check_author(struct visit *visit)
{
	struct why why = {""};
	if (!visit->credential || inbound_is(visit->mail))
		return OK;
	enum err err = mail_sender_is_allowed(&visit->credential->domains, visit->mail, &why);
	if (err != OK)
		refuse(visit, err, 550, "5.7.1 you may not send as this:", &why);
	return err;
}

static enum err finish_content(struct visit *visit)
{
	struct mail *mail = visit->mail;
	struct why why = {""};
	enum err err = intake_finish(&visit->content, &mail->content, &why);
	const char *fault = err == OK ? times_fault(visit) : NULL;
	if (fault)
		err = fail(&why, E_MALFORMED, "%s", fault);
	if (err == OK && mail->pool_asked.len > 0 &&
	    mail_reroute(mail, visit->door->options.node.routing) != OK)
		err = fail(&why, E_MALFORMED, "no such pool can be asked for");
	if (err != OK)
		refuse(visit, err, 550, "5.6.0", &why);
	return err;
}

void visit_on_complete(void *owner, const struct smtpd_content *content)
{
	struct visit *visit = owner;
	struct mail *mail = visit->mail;
	unsigned faults = find_faults(visit, content);
	enum err err = finish_content(visit);
	if (err == OK)
		err = check_author(visit);
	if (err == OK)
		err = take_binary(visit, content);
	if (err == OK)
		err = mend_content(visit, faults);
	if (err != OK) {
		visit_on_forget(visit);
		smtpd_session_answer(visit->session, visit_on_content_objection(visit, err));
		return;
	}
	if (inbound_is(mail))
		inbound_sort(mail);
	mail->hops = content->hops;
	if (faults == 0)
		mail->eightbit |= content->has_8bit;
	mail->protocol = visit_protocol(visit, mail->smtputf8);
	/* The client may go, or call itself something else, before the message is published. */
	mail->client_helo = arena_cstr(mail->arena, bytes_of(smtpd_session_helo(visit->session)));
	mail->client_ip = arena_cstr(mail->arena, bytes_of(visit->ip));
	err = acceptance_start(visit->door->options.acceptor, &visit->mail, on_accepted, visit,
			       &visit->acceptance);
	if (err == OK)
		return;
	mail_free(&visit->mail);
	smtpd_session_answer(visit->session, reply_of(err));
}
