/* A transaction: MAIL, RCPT, DATA, the content and its end. */
#include <stdio.h>

#include "ingest/smtp/session_inner.h"

static void reset_transaction(struct smtpd_session *s)
{
	s->has_sender = false;
	s->smtputf8 = false;
	s->recipient_count = 0;
}

void smtpd_forget_transaction(struct smtpd_session *s)
{
	bool was_open = s->has_sender;
	reset_transaction(s);
	if (was_open)
		s->handler->forget(s->owner);
}

void smtpd_on_mail(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)has_more;
	if (!s->helo[0]) {
		smtpd_refuse_error(s, SMTPD_MAIL, 503, "5.5.1 EHLO comes first");
		return;
	}
	if (s->options->tls == SMTPD_TLS_REQUIRED && !s->is_secured) {
		smtpd_refuse_error(s, SMTPD_MAIL, 530, "5.7.0 STARTTLS comes first");
		return;
	}
	if (s->options->auth == SMTPD_AUTH_REQUIRED && !s->is_logged_in) {
		smtpd_refuse_error(s, SMTPD_MAIL, 530, "5.7.0 AUTH comes first");
		return;
	}
	if (s->has_sender) {
		smtpd_refuse_error(s, SMTPD_MAIL, 503, "5.5.1 a sender was given already");
		return;
	}
	if (s->message_count >= s->options->messages_max) {
		smtpd_say(s, 421, "4.7.0 enough messages for one connection, open another");
		smtpd_end(s, SMTPD_OUTCOME_LIMIT);
		return;
	}
	if (command->has_size && command->size > s->options->message_bytes_max) {
		smtpd_refuse(s, SMTPD_MAIL,
			     (struct smtpd_reply){552, "5.3.4 the message is too big"});
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
		smtpd_refuse(s, SMTPD_MAIL, objection);
		return;
	}
	s->has_sender = true;
	s->smtputf8 = command->smtputf8;
	smtpd_say(s, 250, "2.1.0 sender ok");
}

void smtpd_on_rcpt(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
{
	(void)has_more;
	if (!s->has_sender) {
		smtpd_refuse_error(s, SMTPD_RCPT, 503, "5.5.1 MAIL comes first");
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
	struct smtpd_reply objection = s->handler->recipient(s->owner, &command->path);
	if (smtpd_objects(objection)) {
		smtpd_refuse(s, SMTPD_RCPT, objection);
		return;
	}
	s->recipient_count++;
	smtpd_say(s, 250, "2.1.5 recipient ok");
}

/* What a client sent behind a DATA that is refused is a message, not commands: there is no way to
 * go on. */
static void refuse_data(struct smtpd_session *s, struct smtpd_reply objection, bool has_more)
{
	smtpd_refuse(s, SMTPD_DATA, objection);
	if (!has_more)
		return;
	smtpd_say(s, 421, "4.5.0 a message came without leave");
	smtpd_end(s, SMTPD_OUTCOME_ERRORS);
}

void smtpd_on_data(struct smtpd_session *s, const struct smtpd_command *command, bool has_more)
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
	smtpd_deadline(s, SMTPD_DEADLINE_MESSAGE, s->options->message_ms);
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
	return s->content_err == E_FULL
		       ? (struct smtpd_reply){452, "4.3.1 no room for the message"}
		       : (struct smtpd_reply){451, "4.3.0 the message could not be kept"};
}

static void on_end_of_content(struct smtpd_session *s)
{
	smtpd_deadline(s, SMTPD_DEADLINE_STEP, 0);
	smtpd_deadline(s, SMTPD_DEADLINE_MESSAGE, 0);
	s->message_count++;
	struct smtpd_reply objection = content_objection(s);
	if (smtpd_objects(objection)) {
		smtpd_refuse(s, SMTPD_DATA, objection);
		smtpd_forget_transaction(s);
		smtpd_go_on(s);
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

size_t smtpd_take_content(struct smtpd_session *s, struct bytes in)
{
	bool has_ended = false;
	size_t used = smtpd_data_feed(&s->data, in, take_span, s, &has_ended);
	if (has_ended)
		on_end_of_content(s);
	return used;
}
