/* The machine that runs the steps: the queue of those sent and not answered, the replies handed to their handlers, the
 * deadline of whatever is waited for. Owns nothing but memory; every failure ends in step_end_session() (endings.c).
 *
 * An entry point takes what came from below, then carry_on() sends what may go and tells the holder what came of it, until
 * neither changes anything. So upcalls see a session at rest, and may ask for the next transaction at once. */
#include "workers/smtp/session.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "workers/smtp/steps.h"

static const struct step {
	const char *name;
	size_t timeout; /* its place in struct smtp_timeouts */
	enum err (*send)(struct smtp_session *session);
	void (*on_reply)(struct smtp_session *session, const struct reply *reply);
} steps[SMTP_STEP_COUNT] = {
#define STEP_ROW(step, name, timeout, broken, ...)                                                 \
	[SMTP_STEP_##step] = {name, offsetof(struct smtp_timeouts, timeout), __VA_ARGS__},
	SMTP_STEPS(STEP_ROW)
#undef STEP_ROW
};

const char *smtp_step_name(enum smtp_step step)
{
	return steps[step].name;
}

/* ---- steps sent and not answered ---- */

static void sent_push(struct step_queue *sent, enum smtp_step step)
{
	assert(sent->count < STEPS_SENT_MAX);
	sent->steps[(sent->first + sent->count++) % STEPS_SENT_MAX] = (uint8_t)step;
}

static void sent_pop(struct step_queue *sent)
{
	sent->first = (sent->first + 1) % STEPS_SENT_MAX;
	sent->count--;
}

void step_expect_more(struct smtp_session *s)
{
	sent_push(&s->sent, step_now(s));
}

static bool is_sending_body(const struct smtp_session *s)
{
	bool is_next = s->next == SMTP_STEP_BODY || s->next == SMTP_STEP_CHUNK;
	return is_next && (!s->mailing.is_chunked || s->mailing.is_in_chunk);
}

enum smtp_step step_now(const struct smtp_session *s)
{
	if (s->sent.count > 0)
		return s->sent.steps[s->sent.first];
	if (!s->is_connected)
		return SMTP_STEP_CONNECT;
	if (s->is_securing)
		return SMTP_STEP_STARTTLS;
	if (s->next != STEP_NONE)
		return s->next;
	return s->mailing.open_count > 0 ? SMTP_STEP_MAIL : SMTP_STEP_RSET;
}

static bool is_idle(const struct smtp_session *s)
{
	return s->is_ready && s->sent.count == 0 && s->next == STEP_NONE && !s->mailing.transaction;
}

/* ---- sending ---- */

enum err step_write(struct smtp_session *s, const char *format, ...)
{
	char command[COMMAND_MAX];
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(command, sizeof command, format, arguments);
	va_end(arguments);
	assert(len > 0 && (size_t)len < sizeof command);
	enum err err = s->io->write(s->owner, bytes_from(command, (size_t)len));
	if (s->is_watched && err == OK)
		said_command(s, bytes_from(command, (size_t)len));
	return err;
}

/* Without PIPELINING one at a time. With it only a transaction's commands get here while others wait (RFC 2920 3.1). */
static bool may_send(const struct smtp_session *s)
{
	if (s->next == STEP_NONE || s->has_ended)
		return false;
	if (s->mailing.is_chunked && (s->next == SMTP_STEP_CHUNK || s->next == SMTP_STEP_BODY))
		return chunks_may_go(s);
	return s->sent.count == 0 || (s->capabilities.pipelining && s->sent.count < STEPS_SENT_MAX);
}

/* A write that fails with anything but E_FULL is told of by smtp_session_broken(). */
static void send_what_may_go(struct smtp_session *s)
{
	while (may_send(s)) {
		enum smtp_step step = s->next;
		if (steps[step].send(s) != OK)
			return;
		sent_push(&s->sent, step);
		s->has_progress = true;
	}
}

/* ---- replies ---- */

/* 3xx asks for more, which DATA has (and it has nothing else), and a login may have. */
static bool makes_sense(enum smtp_step step, const struct reply *reply)
{
	unsigned class = reply->code / 100;
	bool may_ask = step == SMTP_STEP_DATA || step == SMTP_STEP_AUTH;
	return class >= 4 || (class == 3 && may_ask) || (class == 2 && step != SMTP_STEP_DATA);
}

/* A host that cannot take more of a body may say so at once; anything else here answers a question we did not ask. */
static void on_unexpected(struct smtp_session *s, const struct reply *reply)
{
	if (is_sending_body(s) && chunks_are_unknown(s, reply))
		return;
	if (reply->code == 421 || (is_sending_body(s) && reply->code >= 400))
		step_end_by_reply(s, reply);
	else
		step_fail(s, E_MALFORMED, "unexpected reply: %u %s", reply->code, reply->text);
}

static void take_reply(struct smtp_session *s, const struct reply *reply)
{
	if (s->sent.count == 0) {
		on_unexpected(s, reply);
		return;
	}
	enum smtp_step step = step_now(s);
	if (!makes_sense(step, reply))
		step_fail(s, E_MALFORMED, "senseless reply to %s: %u %s", steps[step].name,
			  reply->code, reply->text);
	else if (reply->code == 421 && s->is_untried)
		step_fail(s, E_CLOSED, "the remote host had ended the session: %s", reply->text);
	else if (reply->code == 421 && step != SMTP_STEP_RSET)
		step_end_by_reply(s, reply);
	else
		steps[step].on_reply(s, reply);
	s->is_untried = false;
	sent_pop(&s->sent);
	s->has_progress = true;
}

/* ---- going on ---- */

static bool conclude(struct smtp_session *s)
{
	if (s->has_ended || s->sent.count > 0 || s->next != STEP_NONE)
		return false;
	if (s->mailing.transaction && s->mailing.open_count == 0) {
		mailing_done(s);
		return true;
	}
	if (s->mailing.transaction) {
		mailing_go_on(s);
		return true;
	}
	if (s->must_tell_ready) {
		s->must_tell_ready = false;
		s->handler->ready(s->owner);
		return true;
	}
	return false;
}

/* Of the step that is waited for; a body has its own limit as long as it goes out. */
static int64_t time_limit(const struct smtp_session *s)
{
	if (is_idle(s))
		return 0;
	if (is_sending_body(s))
		return s->timeouts->block;
	const char *timeouts = (const char *)s->timeouts;
	return *(const conf_duration *)(timeouts + steps[step_now(s)].timeout);
}

static void carry_on(struct smtp_session *s)
{
	s->is_busy = true;
	do {
		if (s->mailing.transaction && !s->mailing.has_begun)
			mailing_begin(s);
		send_what_may_go(s);
	} while (conclude(s));
	s->is_busy = false;
	if (s->has_progress && !s->has_ended)
		s->io->deadline(s->owner, time_limit(s));
	s->has_progress = false;
}

/* ---- from below ---- */

void smtp_session_connected(struct smtp_session *s)
{
	if (s->has_ended)
		return;
	assert(!s->is_connected);
	s->is_connected = true;
	s->has_progress = true;
	if (s->has_implicit_tls) {
		s->is_securing = true;
		s->io->start_tls(s->owner);
	} else {
		sent_push(&s->sent, SMTP_STEP_GREETING);
	}
	carry_on(s);
}

size_t smtp_session_received(struct smtp_session *s, struct bytes in)
{
	size_t used = 0;
	s->is_busy = true;
	while (!s->has_ended && !s->is_securing) {
		struct reply reply;
		size_t count = 0;
		struct bytes rest = bytes_skip(in, used);
		enum err err = reply_parse(&s->parser, rest, &count, &reply);
		if (s->is_watched)
			said_replies(s, err == E_MALFORMED ? rest : bytes_first(rest, count));
		used += count;
		if (err == E_NOT_FOUND)
			break;
		if (err == OK) {
			login_hide(s, &reply);
			take_reply(s, &reply);
		} else
			step_fail(s, err, "what came in answer to %s is not SMTP",
				  steps[step_now(s)].name);
	}
	carry_on(s);
	return s->has_ended || s->is_securing ? in.len : used;
}

void smtp_session_go_on(struct smtp_session *s)
{
	if (!s->has_ended && !s->is_busy)
		carry_on(s);
}

void smtp_session_secured(struct smtp_session *s)
{
	if (s->has_ended)
		return;
	assert(s->is_securing);
	s->is_securing = false;
	s->is_secured = true;
	s->speaks_helo = false;
	s->mail_count = 0;
	if (s->has_implicit_tls)
		sent_push(&s->sent, SMTP_STEP_GREETING);
	else
		s->next = SMTP_STEP_EHLO;
	s->has_progress = true;
	reply_parser_init(&s->parser);
	carry_on(s);
}

void smtp_session_timed_out(struct smtp_session *s)
{
	if (is_sending_body(s))
		step_fail(s, E_TIMEOUT, "the remote host stopped taking the message");
	else
		step_fail(s, E_TIMEOUT, "no answer to %s in time", steps[step_now(s)].name);
}

void smtp_session_broken(struct smtp_session *s, enum err err, const char *text)
{
	if (is_idle(s))
		step_end_cleanly(s, text);
	else
		step_fail(s, err, "%s", text);
}

void smtp_session_quit(struct smtp_session *s)
{
	if (s->has_ended)
		return;
	if (s->mailing.transaction)
		step_fail(s, E_CLOSED, "given up");
	else if (is_idle(s) && step_write(s, "QUIT\r\n") == OK)
		step_end_cleanly(s, "we said QUIT");
	else
		step_end_cleanly(s, "we closed the connection");
}

/* ---- from above ---- */

struct smtp_session *smtp_session_new(const struct smtp_session_options *options,
				      const struct smtp_io *io,
				      const struct smtp_session_handler *handler, void *owner)
{
	struct smtp_session *s = memory_new(sizeof *s);
	s->helo = memory_text(options->helo);
	s->tls = options->tls;
	s->is_lmtp = options->is_lmtp;
	s->has_implicit_tls = options->has_implicit_tls;
	s->requires_requiretls = options->requires_requiretls;
	s->may_auth_in_clear = options->may_auth_in_clear;
	s->chunking = options->chunking;
	s->user = options->user && options->user[0] ? options->user : NULL;
	s->password = options->password;
	s->timeouts = options->timeouts;
	s->io = io;
	s->handler = handler;
	s->owner = owner;
	s->next = STEP_NONE;
	reply_parser_init(&s->parser);
	return s;
}

void smtp_session_free(struct smtp_session **session)
{
	struct smtp_session *s = *session;
	if (!s)
		return;
	assert(!s->is_busy);
	*session = NULL;
	free(s->mailing.states);
	free(s->helo);
	free(s);
}

void smtp_session_send(struct smtp_session *s, const struct smtp_transaction *transaction)
{
	assert(smtp_session_is_reusable(s) && transaction->recipient_count > 0);
	s->mailing = (struct mailing){
		.transaction = transaction,
		.states = memory_array(transaction->recipient_count, sizeof(uint8_t)),
		.open_count = transaction->recipient_count,
	};
}

void smtp_session_resume(struct smtp_session *s, bool is_tried)
{
	assert(smtp_session_is_reusable(s));
	s->is_untried = true;
	s->is_remote_open |= is_tried;
	s->must_tell_ready = true;
}

void smtp_session_watch(struct smtp_session *s, bool is_watched)
{
	s->is_watched = is_watched;
}

enum smtp_step smtp_session_step(const struct smtp_session *s)
{
	return step_now(s);
}

const struct ehlo_capabilities *smtp_session_capabilities(const struct smtp_session *s)
{
	return &s->capabilities;
}

bool smtp_session_is_reusable(const struct smtp_session *s)
{
	return is_idle(s) && !s->must_tell_ready && !s->is_spoiled && !s->has_ended &&
	       !session_is_used_up(s);
}
