/* A transaction: MAIL, RCPT, DATA, the content and its end. */
#include <stdio.h>

#include "ingest/smtp/session_inner.h"

static void reset_transaction(struct smtpd_session *s)
{
	if (s->has_chunks)
		smtpd_deadline(s, SMTPD_DEADLINE_MESSAGE, 0);
	s->has_sender = false;
	s->smtputf8 = false;
	s->is_binary = false;
	s->has_chunks = false;
	s->recipient_count = 0;
}

void smtpd_forget_transaction(struct smtpd_session *s)
{
	bool was_open = s->has_sender;
	reset_transaction(s);
	if (was_open)
		s->handler->forget(s->owner);
}

/* May a message begin at all? */
static struct smtpd_reply turn_objection(const struct smtpd_session *s)
{
	if (!s->helo[0])
		return (struct smtpd_reply){503, "5.5.1 EHLO comes first"};
	if (s->options->tls == SMTPD_TLS_REQUIRED && !s->is_secured)
		return (struct smtpd_reply){530, "5.7.0 STARTTLS comes first"};
	if (s->options->auth == SMTPD_AUTH_REQUIRED && !s->is_logged_in)
		return (struct smtpd_reply){530, "5.7.0 AUTH comes first"};
	if (s->has_sender)
		return (struct smtpd_reply){503, "5.5.1 a sender was given already"};
	return SMTPD_NO_OBJECTION;
}

/* What depends on what is offered here. */
static struct smtpd_reply parameter_objection(const struct smtpd_session *s,
					      const struct smtpd_mail_parameters *p)
{
	const struct smtpd_session_options *options = s->options;
	int64_t hold_until_max_ms =
		p->hold_until_wall_ms ? s->io->wall_ms(s->io_owner) + options->hold_max_s * 1000
				      : 0;
	if (p->has_size && p->size > options->message_bytes_max)
		return (struct smtpd_reply){552, "5.3.4 the message is too big"};
	if (p->requires_tls && !(options->offers_requiretls && s->is_secured))
		return (struct smtpd_reply){555, "5.5.4 REQUIRETLS is not offered"};
	if (p->has_hold && options->hold_max_s == 0)
		return (struct smtpd_reply){555, "5.5.4 FUTURERELEASE is not offered"};
	if (p->hold_for_s > options->hold_max_s || p->hold_until_wall_ms > hold_until_max_ms)
		return (struct smtpd_reply){501, "5.5.4 nothing is held for so long"};
	return SMTPD_NO_OBJECTION;
}

/* A wrong address is not the client's fault; that it may not send at all is. */
static void refuse_envelope(struct smtpd_session *s, enum smtpd_verb verb,
			    struct smtpd_reply objection)
{
	if (objection.code == (verb == SMTPD_MAIL ? 530 : 554))
		smtpd_refuse_error(s, verb, objection.code, objection.text);
	else
		smtpd_refuse(s, verb, objection);
}

void smtpd_on_mail(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)has_more;
	struct smtpd_reply objection = turn_objection(s);
	if (smtpd_objects(objection)) {
		smtpd_refuse_error(s, SMTPD_MAIL, objection.code, objection.text);
		return;
	}
	if (s->message_count >= s->options->messages_max) {
		smtpd_say(s, 421, "4.7.0 enough messages for one connection, open another");
		smtpd_end(s, SMTPD_OUTCOME_LIMIT);
		return;
	}
	const struct smtpd_mail mail = {&command->path, &command->mail};
	objection = parameter_objection(s, &command->mail);
	if (!smtpd_objects(objection))
		objection = s->handler->sender(s->owner, &mail);
	if (smtpd_objects(objection)) {
		refuse_envelope(s, SMTPD_MAIL, objection);
		return;
	}
	s->has_sender = true;
	s->smtputf8 = command->mail.smtputf8;
	s->is_binary = command->mail.body == SMTPD_BODY_BINARYMIME;
	smtpd_say(s, 250, "2.1.0 sender ok");
}

void smtpd_on_rcpt(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)has_more;
	if (!s->has_sender) {
		smtpd_refuse_error(s, SMTPD_RCPT, 503, "5.5.1 MAIL comes first");
		return;
	}
	if (s->has_chunks) {
		smtpd_refuse_error(s, SMTPD_RCPT, 503, "5.5.1 the message has begun already");
		return;
	}
	if (command->path.needs_smtputf8 && !s->smtputf8) {
		smtpd_refuse(s, SMTPD_RCPT,
			     (struct smtpd_reply){553, "5.6.7 the address needs SMTPUTF8"});
		return;
	}
	if (s->recipient_count >= s->options->recipients_max) {
		smtpd_refuse(s, SMTPD_RCPT, (struct smtpd_reply){452, "4.5.3 too many recipients"});
		return;
	}
	const struct smtpd_recipient recipient = {&command->path, &command->rcpt};
	struct smtpd_reply objection = s->handler->recipient(s->owner, &recipient);
	if (smtpd_objects(objection)) {
		refuse_envelope(s, SMTPD_RCPT, objection);
		return;
	}
	s->recipient_count++;
	smtpd_say(s, 250, "2.1.5 recipient ok");
}

/* Out of turn, or more than was told of: the client's own fault. That none of its recipients was right is not. */
static void refuse_content(struct smtpd_session *s, enum smtpd_verb verb,
			   struct smtpd_reply objection)
{
	if (objection.code == 503 || objection.code == 552)
		smtpd_refuse_error(s, verb, objection.code, objection.text);
	else
		smtpd_refuse(s, verb, objection);
}

/* What a client sent behind a DATA that is refused is a message, not commands: there is no way to
 * go on. */
static void refuse_data(struct smtpd_session *s, struct smtpd_reply objection, bool has_more)
{
	refuse_content(s, SMTPD_DATA, objection);
	if (!has_more || s->state == STATE_ENDED)
		return;
	smtpd_say(s, 421, "4.5.0 a message came without leave");
	smtpd_end(s, SMTPD_OUTCOME_ERRORS);
}

/* May content come now? */
static struct smtpd_reply content_turn_objection(const struct smtpd_session *s)
{
	if (!s->has_sender)
		return (struct smtpd_reply){503, "5.5.1 MAIL comes first"};
	if (s->recipient_count == 0)
		return (struct smtpd_reply){554, "5.5.1 no valid recipients"};
	return SMTPD_NO_OBJECTION;
}

static void begin_content(struct smtpd_session *s)
{
	smtpd_data_init(&s->data, s->options->message_bytes_max, s->options->line_max,
			s->is_binary);
	s->content_err = OK;
	smtpd_deadline(s, SMTPD_DEADLINE_MESSAGE, s->options->message_ms);
}

void smtpd_on_data(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)command;
	struct smtpd_reply objection = content_turn_objection(s);
	if (!smtpd_objects(objection) && s->has_chunks)
		objection = (struct smtpd_reply){503, "5.5.1 the message has begun with BDAT"};
	if (!smtpd_objects(objection) && s->is_binary)
		objection = (struct smtpd_reply){503, "5.5.1 BINARYMIME needs BDAT"};
	if (!smtpd_objects(objection))
		objection = s->handler->data(s->owner);
	if (smtpd_objects(objection)) {
		refuse_data(s, objection, has_more);
		return;
	}
	begin_content(s);
	s->state = STATE_CONTENT;
	smtpd_say(s, 354, "send the message, end it with a line of one dot");
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
	if (s->handler->content_objection)
		return s->handler->content_objection(s->owner, s->content_err);
	return s->content_err == E_FULL
		       ? (struct smtpd_reply){452, "4.3.1 no room for the message"}
		       : (struct smtpd_reply){451, "4.3.0 the message could not be kept"};
}

static void on_end_of_content(struct smtpd_session *s, enum smtpd_verb verb)
{
	smtpd_deadline(s, SMTPD_DEADLINE_STEP, 0);
	smtpd_deadline(s, SMTPD_DEADLINE_MESSAGE, 0);
	s->message_count++;
	struct smtpd_reply objection = content_objection(s);
	if (smtpd_objects(objection)) {
		smtpd_refuse(s, verb, objection);
		smtpd_forget_transaction(s);
		smtpd_go_on(s);
		return;
	}
	struct smtpd_content content = {
		.has_8bit = s->data.has_8bit,
		.is_binary = smtpd_data_is_binary(&s->data),
		.has_bare_line_ends = s->data.has_bare_cr || s->data.has_bare_lf,
		.is_declared_binary = s->is_binary,
		.hops = s->data.header.received_count,
		.bytes = s->data.bytes,
	};
	s->state = STATE_WAITING;
	reset_transaction(s);
	s->handler->complete(s->owner, &content);
}

size_t smtpd_take_content(struct smtpd_session *s, struct bytes in)
{
	bool has_ended = false;
	size_t used = smtpd_data_feed(&s->data, in, take_span, s, &has_ended);
	if (has_ended)
		on_end_of_content(s, SMTPD_DATA);
	return used;
}

/* ---- chunks (RFC 3030) ---- */

/* Whatever comes of it, the bytes of a chunk are no commands: they are read to their end, and then it is refused. After that the
 * transaction is over, so that chunks that were sent behind it are refused too. */
static struct smtpd_reply chunk_objection(struct smtpd_session *s, uint64_t bytes)
{
	struct smtpd_reply objection = content_turn_objection(s);
	if (smtpd_objects(objection))
		return objection;
	if (!s->has_chunks)
		objection = s->handler->data(s->owner);
	if (smtpd_objects(objection))
		return objection;
	if (!s->has_chunks) {
		begin_content(s);
		s->has_chunks = true;
		s->chunk_count = 0;
	}
	if (++s->chunk_count > SMTPD_CHUNKS_MAX)
		return (struct smtpd_reply){552, "5.3.4 too many chunks"};
	if (bytes > s->options->message_bytes_max - s->data.bytes)
		return (struct smtpd_reply){552, "5.3.4 the message is too big"};
	return SMTPD_NO_OBJECTION;
}

static void refuse_chunk(struct smtpd_session *s, struct smtpd_reply objection)
{
	smtpd_forget_transaction(s);
	smtpd_deadline(s, SMTPD_DEADLINE_MESSAGE, 0);
	smtpd_go_on(s);
	if (s->state == STATE_ENDED)
		return;
	refuse_content(s, SMTPD_BDAT, objection);
}

static void on_end_of_chunk(struct smtpd_session *s)
{
	struct smtpd_reply objection = s->chunk_objection;
	if (!smtpd_objects(objection) && s->chunk_is_last)
		smtpd_data_end_chunks(&s->data, take_span, s);
	if (!smtpd_objects(objection)) {
		objection = content_objection(s);
		s->message_count += smtpd_objects(objection); /* it ends here */
	}
	if (smtpd_objects(objection)) {
		refuse_chunk(s, objection);
	} else if (s->chunk_is_last) {
		on_end_of_content(s, SMTPD_BDAT);
	} else {
		smtpd_say(s, 250, "2.0.0 go on");
		smtpd_go_on(s);
	}
}

void smtpd_on_bdat(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)has_more;
	s->chunk_objection = chunk_objection(s, command->chunk_bytes);
	s->chunk_is_last = command->is_last;
	s->chunk_left = command->chunk_bytes;
	if (smtpd_objects(s->chunk_objection) &&
	    s->chunk_left > 2 * s->options->message_bytes_max) {
		smtpd_refuse(s, SMTPD_BDAT, s->chunk_objection);
		smtpd_say(s, 421, "4.5.0 nobody would read so much");
		smtpd_end(s, SMTPD_OUTCOME_ERRORS);
		return;
	}
	if (smtpd_objects(s->chunk_objection))
		smtpd_deadline(s, SMTPD_DEADLINE_MESSAGE, s->options->message_ms);
	s->state = STATE_CHUNK;
	if (s->chunk_left == 0)
		on_end_of_chunk(s);
}

size_t smtpd_take_chunk(struct smtpd_session *s, struct bytes in)
{
	bool is_whole = in.len >= s->chunk_left;
	struct bytes part = is_whole ? bytes_first(in, (size_t)s->chunk_left) : in;
	if (!smtpd_objects(s->chunk_objection))
		smtpd_data_feed_chunk(&s->data, part, take_span, s);
	s->chunk_left -= part.len;
	if (is_whole)
		on_end_of_chunk(s);
	return part.len;
}
