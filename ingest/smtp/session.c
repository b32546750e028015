/* The server side of SMTP: lines are cut off the input, each goes through the table of commands,
 * content goes to the scanner. Fails only by ending the conversation, with a 421 wherever the
 * client may still hear it. */
#include "ingest/smtp/session_inner.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"

#define HANDSHAKE_MS_MAX 60000
#define FREE_ERRORS	 3 /* without a delay */

/* ---- saying ---- */

void smtpd_say(struct smtpd_session *s, unsigned code, const char *text)
{
	char line[SMTPD_REPLY_MAX];
	int len = snprintf(line, sizeof line - 2, "%u %s", code, text);
	size_t end = len < (int)sizeof line - 2 ? (size_t)len : sizeof line - 3;
	memcpy(line + end, "\r\n", 2);
	s->io->write(s->io_owner, bytes_from(line, end + 2));
}

void smtpd_deadline(struct smtpd_session *s, enum smtpd_deadline which, int64_t delay_ms)
{
	s->io->deadline(s->io_owner, which, delay_ms);
}

void smtpd_end(struct smtpd_session *s, enum smtpd_outcome outcome)
{
	if (s->state == STATE_ENDED)
		return;
	s->state = STATE_ENDED;
	s->outcome = outcome;
	smtpd_forget_transaction(s);
	smtpd_deadline(s, SMTPD_DEADLINE_STEP, 0);
	smtpd_deadline(s, SMTPD_DEADLINE_MESSAGE, 0);
	s->io->close(s->io_owner);
}

void smtpd_refuse(struct smtpd_session *s, enum smtpd_verb verb, struct smtpd_reply objection)
{
	smtpd_say(s, objection.code, objection.text);
	s->handler->refused(s->owner, smtpd_verb_name(verb), objection);
}

static void slow_down(struct smtpd_session *s)
{
	if (s->options->error_delay_ms == 0 || s->error_count <= FREE_ERRORS ||
	    s->state != STATE_COMMAND)
		return;
	s->state = STATE_PAUSED;
	s->io->pause(s->io_owner, s->options->error_delay_ms);
}

void smtpd_session_resume(struct smtpd_session *s)
{
	if (s->state != STATE_PAUSED)
		return;
	s->state = STATE_COMMAND;
	s->io->resume(s->io_owner);
}

void smtpd_refuse_error(struct smtpd_session *s, enum smtpd_verb verb, unsigned code,
			const char *text)
{
	smtpd_refuse(s, verb, (struct smtpd_reply){code, text});
	if (++s->error_count < s->options->errors_max) {
		slow_down(s);
		return;
	}
	smtpd_say(s, 421, "4.7.0 too many errors");
	smtpd_end(s, SMTPD_OUTCOME_ERRORS);
}

void smtpd_go_on(struct smtpd_session *s)
{
	s->state = STATE_COMMAND;
	smtpd_deadline(s, SMTPD_DEADLINE_STEP, s->options->command_ms);
	if (!s->is_stopping)
		return;
	smtpd_say(s, 421, "4.3.2 closing, come again");
	smtpd_end(s, SMTPD_OUTCOME_STOPPED);
}

/* ---- lines ---- */

/* Pass over the rest of a refused line, CRLF included. */
static size_t skip_line(struct smtpd_session *s, struct bytes in)
{
	for (size_t at = 0; at < in.len; at++) {
		bool is_end = s->skipped_cr && in.data[at] == '\n';
		s->skipped_cr = in.data[at] == '\r';
		if (is_end) {
			s->is_skipping = false;
			return at + 1;
		}
	}
	return in.len;
}

/* Refuse the line that `used` bytes were seen of. What was hidden behind a bare LF in it is no
 * command: all up to the CRLF goes. */
static size_t refuse_line(struct smtpd_session *s, struct bytes in, size_t used, const char *text)
{
	struct bytes line = bytes_first(in, used);
	enum smtpd_verb verb = s->state == STATE_LOGIN ? SMTPD_AUTH : smtpd_command_guess(line);
	s->is_skipping = true;
	s->skipped_cr = used > 0 && in.data[used - 1] == '\r';
	smtpd_end_login(s);
	if (s->state != STATE_ENDED)
		smtpd_refuse_line(s, verb, (struct smtpd_reply){500, text}, true);
	return used;
}

/* One line from the front of the input; 0 when its end has not come yet. */
static size_t read_line(struct smtpd_session *s, struct bytes in)
{
	struct bytes window = bytes_first(in, SMTPD_LINE_MAX);
	ptrdiff_t lf = bytes_find(window, '\n');
	if (lf < 0 && window.len < SMTPD_LINE_MAX)
		return 0;
	if (lf < 0)
		return refuse_line(s, in, window.len, "5.5.2 the line is too long");
	size_t used = (size_t)lf + 1;
	if (lf == 0 || in.data[lf - 1] != '\r')
		return refuse_line(s, in, used,
				   "5.5.2 lines end in CR LF, and neither stands alone");
	if (s->state == STATE_LOGIN)
		smtpd_take_login_line(s, bytes_first(in, used - 2));
	else
		smtpd_take_command(s, bytes_first(in, used - 2), in.len > used);
	return used;
}

/* No password stays behind in a buffer. */
static size_t take_line(struct smtpd_session *s, struct bytes in)
{
	if (s->is_skipping)
		return skip_line(s, in);
	bool is_secret = s->state == STATE_LOGIN || smtpd_command_guess(in) == SMTPD_AUTH;
	size_t used = read_line(s, in);
	if (is_secret && used > 0)
		s->io->wipe(s->io_owner, bytes_first(in, used));
	return used;
}

/* ---- from below ---- */

static bool may_take(const struct smtpd_session *s)
{
	if (s->state == STATE_CONTENT || s->state == STATE_CHUNK)
		return true;
	bool wants_line = s->state == STATE_COMMAND || s->state == STATE_LOGIN;
	return wants_line && s->io->output_room(s->io_owner) >= SMTPD_REPLY_MAX;
}

static size_t take_some(struct smtpd_session *s, struct bytes in)
{
	if (s->state == STATE_CONTENT)
		return smtpd_take_content(s, in);
	return s->state == STATE_CHUNK ? smtpd_take_chunk(s, in) : take_line(s, in);
}

size_t smtpd_session_received(struct smtpd_session *s, struct bytes in)
{
	if (s->state == STATE_NEW)
		s->was_early = true;
	size_t used = 0;
	while (used < in.len && may_take(s)) {
		struct bytes rest = bytes_skip(in, used);
		size_t took = take_some(s, rest);
		if (took == 0)
			break;
		used += took;
	}
	/* A command's deadline runs from the last one, a slow line does not move it; content must
	 * only go on coming. */
	if (s->state == STATE_CONTENT || s->state == STATE_CHUNK)
		smtpd_deadline(s, SMTPD_DEADLINE_STEP, s->options->data_ms);
	else if (s->state == STATE_COMMAND && used > 0 && !s->is_skipping)
		smtpd_deadline(s, SMTPD_DEADLINE_STEP, s->options->command_ms);
	/* Behind STARTTLS nothing of the clear text is ever looked at. */
	bool is_over = s->state == STATE_ENDED || s->state == STATE_SECURING;
	return is_over ? in.len : used;
}

void smtpd_secure(struct smtpd_session *s)
{
	bool is_short = s->options->command_ms < HANDSHAKE_MS_MAX;
	s->state = STATE_SECURING;
	smtpd_deadline(s, SMTPD_DEADLINE_STEP,
		       is_short ? s->options->command_ms : HANDSHAKE_MS_MAX);
	s->io->start_tls(s->io_owner);
}

void smtpd_session_start_tls(struct smtpd_session *s)
{
	smtpd_secure(s);
}

/* RFC 3207 4.2: knowledge from before the handshake is discarded. */
void smtpd_session_secured(struct smtpd_session *s)
{
	if (s->state != STATE_SECURING)
		return;
	smtpd_forget_transaction(s);
	s->is_secured = true;
	s->is_extended = false;
	s->is_logged_in = false;
	s->helo[0] = '\0';
	if (s->is_greeted) {
		smtpd_go_on(s);
	} else {
		s->state = STATE_NEW;
		smtpd_deadline(s, SMTPD_DEADLINE_STEP, 0);
	}
}

void smtpd_greet(struct smtpd_session *s)
{
	char text[SMTPD_REPLY_MAX];
	(void)snprintf(text, sizeof text, "%s ESMTP", s->options->hostname);
	s->is_greeted = true;
	s->state = STATE_COMMAND;
	smtpd_say(s, 220, text);
	smtpd_deadline(s, SMTPD_DEADLINE_STEP, s->options->command_ms);
}

void smtpd_session_start(struct smtpd_session *s)
{
	if (s->state != STATE_NEW)
		return; /* it ended before it began */
	if (s->was_early && s->options->refuses_early) {
		smtpd_say(s, 554, "5.5.1 wait for the greeting");
		smtpd_end(s, SMTPD_OUTCOME_ERRORS);
	} else {
		smtpd_greet(s);
	}
}

void smtpd_session_timed_out(struct smtpd_session *s)
{
	if (s->state == STATE_ENDED)
		return;
	if (s->state != STATE_SECURING)
		smtpd_say(s, 421, "4.4.2 you took too long");
	smtpd_end(s, SMTPD_OUTCOME_TIMEOUT);
}

void smtpd_session_lost(struct smtpd_session *s)
{
	if (s->state == STATE_ENDED)
		return;
	s->outcome = s->state == STATE_SECURING ? SMTPD_OUTCOME_TLS : SMTPD_OUTCOME_LOST;
	s->state = STATE_ENDED;
	smtpd_forget_transaction(s);
}

/* ---- from above ---- */

void smtpd_session_answer(struct smtpd_session *s, struct smtpd_reply answer)
{
	if (s->state != STATE_WAITING)
		return;
	if (answer.code >= 400)
		smtpd_refuse(s, SMTPD_DATA, answer);
	else
		smtpd_say(s, answer.code, answer.text);
	smtpd_go_on(s);
	if (s->state == STATE_COMMAND)
		s->io->resume(s->io_owner);
}

void smtpd_session_stop(struct smtpd_session *s)
{
	s->is_stopping = true;
	if (s->state == STATE_SECURING)
		smtpd_end(s, SMTPD_OUTCOME_STOPPED);
	else if (s->state == STATE_NEW || s->state == STATE_COMMAND || s->state == STATE_LOGIN ||
		 s->state == STATE_PAUSED)
		smtpd_go_on(s);
}

struct smtpd_session *smtpd_session_new(const struct smtpd_session_options *options,
					const struct smtpd_io *io, void *io_owner,
					const struct smtpd_handler *handler, void *owner)
{
	struct smtpd_session *s = memory_new(sizeof *s);
	s->options = options;
	s->io = io;
	s->io_owner = io_owner;
	s->handler = handler;
	s->owner = owner;
	return s;
}

void smtpd_session_allow_xclient(struct smtpd_session *s)
{
	s->may_xclient = true;
}

void smtpd_session_set_owner(struct smtpd_session *s, void *owner)
{
	s->owner = owner;
}

void smtpd_session_free(struct smtpd_session **session)
{
	if (!*session)
		return;
	smtpd_forget_transaction(*session);
	free((*session)->login_name);
	free(*session);
	*session = NULL;
}

const char *smtpd_session_helo(const struct smtpd_session *s)
{
	return s->helo;
}

bool smtpd_session_is_extended(const struct smtpd_session *s)
{
	return s->is_extended;
}

bool smtpd_session_is_secured(const struct smtpd_session *s)
{
	return s->is_secured;
}

bool smtpd_session_was_early(const struct smtpd_session *s)
{
	return s->was_early;
}

bool smtpd_session_is_logged_in(const struct smtpd_session *s)
{
	return s->is_logged_in;
}

bool smtpd_session_is_waiting(const struct smtpd_session *s)
{
	return s->state == STATE_WAITING || s->state == STATE_CHECKING || s->state == STATE_PAUSED;
}

uint64_t smtpd_session_message_count(const struct smtpd_session *s)
{
	return s->message_count;
}

enum smtpd_outcome smtpd_session_outcome(const struct smtpd_session *s)
{
	return s->outcome;
}

const char *smtpd_outcome_name(enum smtpd_outcome outcome)
{
	static const char *const names[] = {
		[SMTPD_OUTCOME_OPEN] = "open",
		[SMTPD_OUTCOME_QUIT] = "quit",
		[SMTPD_OUTCOME_LOST] = "lost",
		[SMTPD_OUTCOME_TIMEOUT] = "timeout",
		[SMTPD_OUTCOME_ERRORS] = "errors",
		[SMTPD_OUTCOME_LIMIT] = "limit",
		[SMTPD_OUTCOME_STOPPED] = "stopped",
		[SMTPD_OUTCOME_TLS] = "tls_failed",
		[SMTPD_OUTCOME_LOGINS] = "failed_logins",
	};
	return names[outcome];
}
