/* The server side of SMTP: lines are cut off the input, each goes through the table of commands,
 * content goes to the scanner. Fails only by ending the conversation, with a 421 wherever the
 * client may still hear it. */
#include "ingest/smtp/session.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"

enum state { STATE_NEW, STATE_COMMAND, STATE_CONTENT, STATE_WAITING, STATE_ENDED };

struct smtpd_session {
	const struct smtpd_session_options *options;
	const struct smtpd_io *io;
	void *io_owner;
	const struct smtpd_handler *handler;
	void *owner;
	enum state state;
	enum smtpd_outcome outcome;
	char helo[SMTPD_HELO_MAX + 1];
	bool is_extended, was_early, is_stopping;

	/* the transaction */
	bool has_sender, smtputf8;
	unsigned recipient_count;
	enum err content_err;
	struct smtpd_data data;

	/* a line that was refused before its end: it is passed over up to its CRLF */
	bool is_skipping, skipped_cr;

	unsigned error_count;
	uint64_t message_count;
};

/* ---- saying ---- */

static void say(struct smtpd_session *s, unsigned code, const char *text)
{
	char line[SMTPD_REPLY_MAX];
	int len = snprintf(line, sizeof line - 2, "%u %s", code, text);
	size_t end = len < (int)sizeof line - 2 ? (size_t)len : sizeof line - 3;
	memcpy(line + end, "\r\n", 2);
	s->io->write(s->io_owner, bytes_from(line, end + 2));
}

static void deadline(struct smtpd_session *s, enum smtpd_deadline which, int64_t delay_ms)
{
	s->io->deadline(s->io_owner, which, delay_ms);
}

static void reset_transaction(struct smtpd_session *s)
{
	s->has_sender = false;
	s->smtputf8 = false;
	s->recipient_count = 0;
}

static void forget_transaction(struct smtpd_session *s)
{
	bool was_open = s->has_sender;
	reset_transaction(s);
	if (was_open)
		s->handler->forget(s->owner);
}

static void end_session(struct smtpd_session *s, enum smtpd_outcome outcome)
{
	if (s->state == STATE_ENDED)
		return;
	s->state = STATE_ENDED;
	s->outcome = outcome;
	forget_transaction(s);
	deadline(s, SMTPD_DEADLINE_STEP, 0);
	deadline(s, SMTPD_DEADLINE_MESSAGE, 0);
	s->io->close(s->io_owner);
}

/* A refusal by policy: the client did nothing wrong, and a list with many bad recipients must not
 * cost it the connection. */
static void refuse(struct smtpd_session *s, enum smtpd_verb verb, struct smtpd_reply objection)
{
	say(s, objection.code, objection.text);
	s->handler->refused(s->owner, smtpd_verb_name(verb), objection);
}

/* A refusal by protocol: who goes on like that is sent away. */
static void refuse_error(struct smtpd_session *s, enum smtpd_verb verb, unsigned code,
			 const char *text)
{
	refuse(s, verb, (struct smtpd_reply){code, text});
	if (++s->error_count < s->options->errors_max)
		return;
	say(s, 421, "4.7.0 too many errors");
	end_session(s, SMTPD_OUTCOME_ERRORS);
}

/* ---- commands ---- */

static void on_helo(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)has_more;
	forget_transaction(s);
	memcpy(s->helo, command->helo.data, command->helo.len);
	s->helo[command->helo.len] = '\0';
	s->is_extended = command->verb == SMTPD_EHLO;
	if (!s->is_extended) {
		say(s, 250, s->options->hostname);
		return;
	}
	char text[SMTPD_REPLY_MAX];
	int len = snprintf(text, sizeof text,
			   "250-%s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n250-8BITMIME\r\n"
			   "250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n",
			   s->options->hostname, (unsigned long long)s->options->message_bytes_max);
	s->io->write(s->io_owner, bytes_from(text, (size_t)len));
}

static void on_mail(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)has_more;
	if (!s->helo[0]) {
		refuse_error(s, SMTPD_MAIL, 503, "5.5.1 EHLO comes first");
		return;
	}
	if (s->has_sender) {
		refuse_error(s, SMTPD_MAIL, 503, "5.5.1 a sender was given already");
		return;
	}
	if (s->message_count >= s->options->messages_max) {
		say(s, 421, "4.7.0 enough messages for one connection, open another");
		end_session(s, SMTPD_OUTCOME_LIMIT);
		return;
	}
	if (command->has_size && command->size > s->options->message_bytes_max) {
		refuse(s, SMTPD_MAIL, (struct smtpd_reply){552, "5.3.4 the message is too big"});
		return;
	}
	struct smtpd_mail mail = {
		.sender = &command->path,
		.size = command->size,
		.smtputf8 = command->smtputf8,
		.eightbit = command->body == SMTPD_BODY_8BITMIME,
	};
	struct smtpd_reply objection = s->handler->sender(s->owner, &mail);
	if (smtpd_objects(objection)) {
		refuse(s, SMTPD_MAIL, objection);
		return;
	}
	s->has_sender = true;
	s->smtputf8 = command->smtputf8;
	say(s, 250, "2.1.0 sender ok");
}

static void on_rcpt(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)has_more;
	if (!s->has_sender) {
		refuse_error(s, SMTPD_RCPT, 503, "5.5.1 MAIL comes first");
		return;
	}
	if (command->path.needs_smtputf8 && !s->smtputf8) {
		refuse(s, SMTPD_RCPT,
		       (struct smtpd_reply){553, "5.6.7 the address needs SMTPUTF8"});
		return;
	}
	if (s->recipient_count >= s->options->recipients_max) {
		refuse(s, SMTPD_RCPT, (struct smtpd_reply){452, "4.5.3 too many recipients"});
		return;
	}
	struct smtpd_reply objection = s->handler->recipient(s->owner, &command->path);
	if (smtpd_objects(objection)) {
		refuse(s, SMTPD_RCPT, objection);
		return;
	}
	s->recipient_count++;
	say(s, 250, "2.1.5 recipient ok");
}

/* What a client sent behind a DATA that is refused is a message, not commands: there is no way to
 * go on. */
static void refuse_data(struct smtpd_session *s, struct smtpd_reply objection, bool has_more)
{
	refuse(s, SMTPD_DATA, objection);
	if (!has_more)
		return;
	say(s, 421, "4.5.0 a message came without leave");
	end_session(s, SMTPD_OUTCOME_ERRORS);
}

static void on_data(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command;
	struct smtpd_reply objection = SMTPD_NO_OBJECTION;
	if (!s->has_sender)
		objection = (struct smtpd_reply){503, "5.5.1 MAIL comes first"};
	else if (s->recipient_count == 0)
		objection = (struct smtpd_reply){554, "5.5.1 no valid recipients"};
	else
		objection = s->handler->data(s->owner);
	if (smtpd_objects(objection)) {
		refuse_data(s, objection, has_more);
		return;
	}
	smtpd_data_init(&s->data, s->options->message_bytes_max, s->options->line_max);
	s->content_err = OK;
	s->state = STATE_CONTENT;
	deadline(s, SMTPD_DEADLINE_MESSAGE, s->options->message_ms);
	say(s, 354, "send the message, end it with a line of one dot");
}

static void on_rset(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command, (void)has_more;
	forget_transaction(s);
	say(s, 250, "2.0.0 ok");
}

static void on_noop(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command, (void)has_more;
	say(s, 250, "2.0.0 ok");
}

static void on_quit(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command, (void)has_more;
	say(s, 221, "2.0.0 bye");
	end_session(s, SMTPD_OUTCOME_QUIT);
}

static void on_vrfy(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command, (void)has_more;
	say(s, 252, "2.5.0 send mail and see");
}

static void on_help(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command, (void)has_more;
	say(s, 214, "2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP");
}

static void (*const on_command[])(struct smtpd_session *s, const struct smtpd_command *command,
				  bool has_more) = {
	[SMTPD_HELO] = on_helo, [SMTPD_EHLO] = on_helo, [SMTPD_MAIL] = on_mail,
	[SMTPD_RCPT] = on_rcpt, [SMTPD_DATA] = on_data, [SMTPD_RSET] = on_rset,
	[SMTPD_NOOP] = on_noop, [SMTPD_QUIT] = on_quit, [SMTPD_VRFY] = on_vrfy,
	[SMTPD_HELP] = on_help,
};

/* has_more: bytes of the client stand behind the line already. */
static void take_command(struct smtpd_session *s, struct bytes line, bool has_more)
{
	struct smtpd_command command;
	struct smtpd_reply objection = smtpd_command_parse(line, &command);
	if (!smtpd_objects(objection)) {
		on_command[command.verb](s, &command, has_more);
	} else if (command.verb == SMTPD_FOREIGN) {
		refuse(s, command.verb, objection);
		say(s, 421, "4.5.0 this cannot go on");
		end_session(s, SMTPD_OUTCOME_ERRORS);
	} else {
		refuse_error(s, command.verb, objection.code, objection.text);
	}
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
	s->is_skipping = true;
	s->skipped_cr = used > 0 && in.data[used - 1] == '\r';
	refuse_error(s, SMTPD_UNKNOWN, 500, text);
	return used;
}

/* One line from the front of the input; 0 when its end has not come yet. */
static size_t take_line(struct smtpd_session *s, struct bytes in)
{
	if (s->is_skipping)
		return skip_line(s, in);
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
	take_command(s, bytes_first(in, used - 2), in.len > used);
	return used;
}

/* ---- content ---- */

static void take_span(void *owner, struct bytes span)
{
	struct smtpd_session *s = owner;
	if (s->content_err == OK)
		s->content_err = s->handler->content(s->owner, span);
}

static struct smtpd_reply content_objection(const struct smtpd_session *s)
{
	struct smtpd_reply objection = smtpd_data_objection(&s->data);
	if (smtpd_objects(objection) || s->content_err == OK)
		return objection;
	return s->content_err == E_FULL
		       ? (struct smtpd_reply){452, "4.3.1 no room for the message"}
		       : (struct smtpd_reply){451, "4.3.0 the message could not be kept"};
}

static void go_on(struct smtpd_session *s)
{
	s->state = STATE_COMMAND;
	deadline(s, SMTPD_DEADLINE_STEP, s->options->command_ms);
	if (!s->is_stopping)
		return;
	say(s, 421, "4.3.2 closing, come again");
	end_session(s, SMTPD_OUTCOME_STOPPED);
}

static void on_end_of_content(struct smtpd_session *s)
{
	deadline(s, SMTPD_DEADLINE_STEP, 0);
	deadline(s, SMTPD_DEADLINE_MESSAGE, 0);
	s->message_count++;
	struct smtpd_reply objection = content_objection(s);
	if (smtpd_objects(objection)) {
		refuse(s, SMTPD_DATA, objection);
		forget_transaction(s);
		go_on(s);
		return;
	}
	struct smtpd_content content = {
		.has_8bit = s->data.has_8bit,
		.hops = s->data.header.received_count,
		.bytes = s->data.bytes,
	};
	s->state = STATE_WAITING;
	reset_transaction(s);
	s->handler->complete(s->owner, &content);
}

static size_t take_content(struct smtpd_session *s, struct bytes in)
{
	bool has_ended = false;
	size_t used = smtpd_data_feed(&s->data, in, take_span, s, &has_ended);
	if (has_ended)
		on_end_of_content(s);
	return used;
}

/* ---- from below ---- */

static bool may_take(const struct smtpd_session *s)
{
	if (s->state == STATE_CONTENT)
		return true;
	return s->state == STATE_COMMAND && s->io->output_room(s->io_owner) >= SMTPD_REPLY_MAX;
}

size_t smtpd_session_received(struct smtpd_session *s, struct bytes in)
{
	if (s->state == STATE_NEW)
		s->was_early = true;
	size_t used = 0;
	while (used < in.len && may_take(s)) {
		struct bytes rest = bytes_skip(in, used);
		size_t took =
			s->state == STATE_CONTENT ? take_content(s, rest) : take_line(s, rest);
		if (took == 0)
			break;
		used += took;
	}
	/* A command's deadline runs from the last one, a slow line does not move it; content must
	 * only go on coming. */
	if (s->state == STATE_CONTENT)
		deadline(s, SMTPD_DEADLINE_STEP, s->options->data_ms);
	else if (s->state == STATE_COMMAND && used > 0 && !s->is_skipping)
		deadline(s, SMTPD_DEADLINE_STEP, s->options->command_ms);
	return s->state == STATE_ENDED ? in.len : used;
}

void smtpd_session_start(struct smtpd_session *s)
{
	char text[SMTPD_REPLY_MAX];
	(void)snprintf(text, sizeof text, "%s ESMTP", s->options->hostname);
	s->state = STATE_COMMAND;
	say(s, 220, text);
	deadline(s, SMTPD_DEADLINE_STEP, s->options->command_ms);
}

void smtpd_session_timed_out(struct smtpd_session *s)
{
	if (s->state == STATE_ENDED)
		return;
	say(s, 421, "4.4.2 you took too long");
	end_session(s, SMTPD_OUTCOME_TIMEOUT);
}

void smtpd_session_lost(struct smtpd_session *s)
{
	if (s->state == STATE_ENDED)
		return;
	s->state = STATE_ENDED;
	s->outcome = SMTPD_OUTCOME_LOST;
	forget_transaction(s);
}

/* ---- from above ---- */

void smtpd_session_answer(struct smtpd_session *s, struct smtpd_reply answer)
{
	if (s->state != STATE_WAITING)
		return;
	if (answer.code >= 400)
		refuse(s, SMTPD_DATA, answer);
	else
		say(s, answer.code, answer.text);
	go_on(s);
	if (s->state == STATE_COMMAND)
		s->io->resume(s->io_owner);
}

void smtpd_session_stop(struct smtpd_session *s)
{
	s->is_stopping = true;
	if (s->state == STATE_COMMAND)
		go_on(s);
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

void smtpd_session_set_owner(struct smtpd_session *s, void *owner)
{
	s->owner = owner;
}

void smtpd_session_free(struct smtpd_session **session)
{
	if (!*session)
		return;
	forget_transaction(*session);
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

bool smtpd_session_was_early(const struct smtpd_session *s)
{
	return s->was_early;
}

bool smtpd_session_is_waiting(const struct smtpd_session *s)
{
	return s->state == STATE_WAITING;
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
		[SMTPD_OUTCOME_OPEN] = "open",	     [SMTPD_OUTCOME_QUIT] = "quit",
		[SMTPD_OUTCOME_LOST] = "lost",	     [SMTPD_OUTCOME_TIMEOUT] = "timeout",
		[SMTPD_OUTCOME_ERRORS] = "errors",   [SMTPD_OUTCOME_LIMIT] = "limit",
		[SMTPD_OUTCOME_STOPPED] = "stopped",
	};
	return names[outcome];
}
