/* The conversation until it is ready for mail: greeting, EHLO, STARTTLS and EHLO again, or HELO for hosts that know no EHLO; then the
 * login. A refusal here ends the session with the remote's reply; missing TLS, where the policy asks for it, ends it without one. */
#include <stdarg.h>
#include <stdio.h>

#include "workers/smtp/steps.h"

void handshake_done(struct smtp_session *s)
{
	s->is_ready = true;
	s->must_tell_ready = true;
}

void handshake_end_without(struct smtp_session *s, enum smtp_step step, const char *format, ...)
{
	struct smtp_outcome outcome = {.kind = SMTP_NOT_SENT, .step = step, .err = E_REFUSED};
	char text[400];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	outcome_say(&outcome, "%s", text);
	step_end_with_quit(s, &outcome);
}

/* RFC 8689 4.2.1: mail that must not go on without TLS is given up when no host of the domain can promise that. */
static void end_without_requiretls(struct smtp_session *s)
{
	struct smtp_outcome outcome = {.kind = SMTP_REPLIED, .step = SMTP_STEP_STARTTLS};
	outcome.reply.code = 550;
	outcome.reply.enhanced = (struct enhanced_code){5, 7, 30};
	outcome.reply.line_count = 1;
	outcome_say(&outcome, "the message requires TLS, and the remote host does not offer %s",
		    s->is_secured ? "REQUIRETLS" : "STARTTLS");
	step_end_with_quit(s, &outcome);
}

/* The policy asks for TLS and this host has none. What policy of retry follows is decided above. */
static void end_without_tls(struct smtp_session *s, const char *what, const char *text)
{
	if (s->requires_requiretls)
		end_without_requiretls(s);
	else
		handshake_end_without(s, SMTP_STEP_STARTTLS, "TLS is required, but STARTTLS %s%s",
				      what, text);
}

static void become_ready(struct smtp_session *s)
{
	if (s->requires_requiretls && !(s->is_secured && s->capabilities.requiretls))
		end_without_requiretls(s);
	else if (s->user)
		login_begin(s);
	else
		handshake_done(s);
}

void handshake_refused(struct smtp_session *s, const struct reply *reply)
{
	struct smtp_outcome outcome = {.kind = SMTP_REPLIED, .step = step_now(s), .reply = *reply};
	step_end_with_quit(s, &outcome);
}

void step_on_greeting(struct smtp_session *s, const struct reply *reply)
{
	if (reply_is_positive(reply))
		s->next = SMTP_STEP_EHLO;
	else
		handshake_refused(s, reply);
}

enum err step_send_ehlo(struct smtp_session *s)
{
	const char *verb = s->is_lmtp ? "LHLO" : s->speaks_helo ? "HELO" : "EHLO";
	enum err err = step_write(s, "%s %s\r\n", verb, s->helo);
	if (err == OK)
		s->next = STEP_NONE;
	return err;
}

static void on_capabilities(struct smtp_session *s)
{
	if (s->tls == SMTP_TLS_NONE || s->is_secured)
		become_ready(s);
	else if (s->capabilities.starttls)
		s->next = SMTP_STEP_STARTTLS;
	else if (s->tls == SMTP_TLS_OPPORTUNISTIC)
		become_ready(s);
	else
		end_without_tls(s, "is not offered", "");
}

/* RFC 5321 4.1.4: a host that refuses EHLO may still know HELO. 521 and 554 say that it takes no mail at all (RFC 7504). */
static bool may_try_helo(const struct smtp_session *s, const struct reply *reply)
{
	return !s->speaks_helo && !s->is_lmtp && reply_is_permanent(reply) && reply->code != 521 &&
	       reply->code != 554;
}

void step_on_ehlo(struct smtp_session *s, const struct reply *reply)
{
	if (reply_is_positive(reply)) {
		if (!s->speaks_helo)
			ehlo_parse(reply, &s->capabilities);
		on_capabilities(s);
	} else if (may_try_helo(s, reply)) {
		s->speaks_helo = true;
		s->next = SMTP_STEP_EHLO;
	} else {
		handshake_refused(s, reply);
	}
}

enum err step_send_starttls(struct smtp_session *s)
{
	enum err err = step_write(s, "STARTTLS\r\n");
	if (err == OK)
		s->next = STEP_NONE;
	return err;
}

void step_on_starttls(struct smtp_session *s, const struct reply *reply)
{
	if (reply_is_positive(reply)) {
		/* Nothing said in the clear holds under TLS (RFC 3207 4.2). */
		s->capabilities = (struct ehlo_capabilities){0};
		s->is_securing = true;
		s->io->start_tls(s->owner);
	} else if (s->tls == SMTP_TLS_OPPORTUNISTIC) {
		become_ready(s);
	} else {
		end_without_tls(s, "was refused: ", reply->text);
	}
}
