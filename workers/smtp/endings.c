/* How a conversation ends, and what is said of it. step_end_session() is the one way out. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "workers/smtp/steps.h"

static const enum smtp_outcome_kind broken[SMTP_STEP_COUNT] = {
#define STEP_ROW(step, name, timeout, broken, ...) [SMTP_STEP_##step] = broken,
	SMTP_STEPS(STEP_ROW)
#undef STEP_ROW
};

/* A text that is cut keeps whole characters. */
static void say(struct smtp_outcome *outcome, const char *format, va_list arguments)
{
	struct reply *reply = &outcome->reply;
	(void)vsnprintf(reply->text, sizeof reply->text, format, arguments);
	reply->text_len = strlen(reply->text);
	while (reply->text_len > 0 && !bytes_is_utf8(bytes_from(reply->text, reply->text_len)))
		reply->text[--reply->text_len] = '\0';
}

void outcome_say(struct smtp_outcome *outcome, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say(outcome, format, arguments);
	va_end(arguments);
}

void step_end_session(struct smtp_session *s, const struct smtp_outcome *outcome)
{
	if (s->has_ended)
		return;
	s->has_ended = true;
	mailing_decide(s, outcome);
	mailing_done(s);
	s->io->deadline(s->owner, 0);
	s->handler->ended(s->owner, outcome);
	s->io->close(s->owner);
}

void step_end_with_quit(struct smtp_session *s, const struct smtp_outcome *outcome)
{
	if (step_write(s, "QUIT\r\n") != OK)
		s->is_spoiled = true; /* it is closed without a word */
	step_end_session(s, outcome);
}

void step_fail(struct smtp_session *s, enum err err, const char *format, ...)
{
	enum smtp_step step = step_now(s);
	bool was_sent = s->sent.count > 0 && s->mailing.accepted_count > 0;
	struct smtp_outcome outcome = {
		.kind = was_sent ? broken[step] : SMTP_NOT_SENT, .step = step, .err = err};
	va_list arguments;
	va_start(arguments, format);
	say(&outcome, format, arguments);
	va_end(arguments);
	step_end_session(s, &outcome);
}

/* x0z is about syntax and order, 555 about parameters: this host and we do not understand each other. */
void step_note_refusal(struct smtp_session *s, const struct reply *reply)
{
	if (reply->code / 10 % 10 == 0 || reply->code == 555)
		s->is_spoiled = true;
}

void step_end_by_reply(struct smtp_session *s, const struct reply *reply)
{
	struct smtp_outcome outcome = {.kind = SMTP_REPLIED, .step = step_now(s), .reply = *reply};
	step_end_session(s, &outcome);
}

void step_end_cleanly(struct smtp_session *s, const char *text)
{
	struct smtp_outcome outcome = {.kind = SMTP_REPLIED, .step = SMTP_STEP_QUIT};
	outcome.reply.code = 221;
	outcome.reply.line_count = 1;
	outcome_say(&outcome, "%s", text);
	step_end_session(s, &outcome);
}
