/* One transaction: MAIL, a RCPT for each recipient, DATA, the body, the final dot (or, in place of these, the chunks of chunks.c); and RSET before the next when the remote was
 * left with an open one. Who takes part in it, and who gets which outcome, is in mailing.c. */
#include "workers/smtp/steps.h"

/* ---- RSET: before MAIL, in one flight with it where that may be ---- */

enum err step_send_rset(struct smtp_session *s)
{
	enum err err = step_write(s, "RSET\r\n");
	if (err == OK)
		s->next = SMTP_STEP_MAIL;
	return err;
}

void step_on_rset(struct smtp_session *s, const struct reply *reply)
{
	if (!reply_is_positive(reply)) {
		step_fail(s, E_REFUSED, "RSET was refused: %u %s", reply->code, reply->text);
		return;
	}
	s->is_remote_open = false;
}

/* ---- MAIL ---- */

enum err step_send_mail(struct smtp_session *s)
{
	char parameters[MAIL_PARAMETERS_MAX], path[ADDRESS_MAX + 1];
	mail_parameters(&s->mailing, &s->capabilities, parameters);
	enum err err =
		step_write(s, "MAIL FROM:<%s>%s\r\n",
			   mailing_path(s, s->mailing.transaction->sender, path), parameters);
	if (err != OK)
		return err;
	s->mail_count++;
	s->next = SMTP_STEP_RCPT;
	return OK;
}

void step_on_mail(struct smtp_session *s, const struct reply *reply)
{
	if (reply_is_positive(reply)) {
		s->is_remote_open = true;
		return;
	}
	mailing_refuse(s, SMTP_STEP_MAIL, reply);
	s->next = STEP_NONE;
}

/* ---- RCPT, once per recipient ---- */

enum err step_send_rcpt(struct smtp_session *s)
{
	struct mailing *x = &s->mailing;
	char parameters[RCPT_PARAMETERS_MAX], path[ADDRESS_MAX + 1];
	size_t index = mailing_next(x, x->asked);
	rcpt_parameters(x, index, &s->capabilities, parameters);
	enum err err =
		step_write(s, "RCPT TO:<%s>%s\r\n",
			   mailing_path(s, x->transaction->recipients[index], path), parameters);
	if (err != OK)
		return err;
	x->asked = mailing_next(x, index + 1);
	if (x->asked < x->transaction->recipient_count)
		s->next = SMTP_STEP_RCPT;
	else
		s->next = x->is_chunked ? chunks_begin(x) : SMTP_STEP_DATA;
	return OK;
}

/* "Too many recipients" (RFC 5321 4.5.3.1.10): the rest goes in a transaction of its own. 552 does not mean that, nor does a full mailbox. */
static bool is_too_many(const struct smtp_session *s, const struct reply *reply)
{
	const struct enhanced_code *enhanced = &reply->enhanced;
	bool says_so = enhanced->class == 4 && enhanced->subject == 5 && enhanced->detail == 3;
	bool may_say_so = reply->code == 452 && enhanced->class == 0;
	return (says_so || may_say_so) && s->mailing.accepted_count > 0 && mailing_may_wait(s);
}

static void take_recipient(struct smtp_session *s, size_t index, const struct reply *reply)
{
	struct mailing *x = &s->mailing;
	if (reply_is_positive(reply)) {
		x->states[index] = RECIPIENT_ACCEPTED;
		x->accepted_count++;
	} else if (is_too_many(s, reply)) {
		x->states[index] = RECIPIENT_LATER;
		x->later_count++;
	} else {
		mailing_refuse_one(s, index, reply);
	}
}

void step_on_rcpt(struct smtp_session *s, const struct reply *reply)
{
	struct mailing *x = &s->mailing;
	size_t index = mailing_next(x, x->answered);
	x->answered = mailing_next(x, index + 1);
	if (x->states[index] == RECIPIENT_OPEN)
		take_recipient(s, index, reply);
	if (x->open_count == x->later_count)
		s->next = STEP_NONE; /* none is left to send DATA for, unless it was sent already */
}

/* ---- DATA, the body, the final dot ---- */

enum err step_send_data(struct smtp_session *s)
{
	enum err err = step_write(s, "DATA\r\n");
	if (err == OK)
		s->next = STEP_NONE;
	return err;
}

/* A host may say 354 although it took no recipient, when DATA was pipelined (RFC 2920 3.1): it gets a lone dot. */
void step_on_data(struct smtp_session *s, const struct reply *reply)
{
	struct mailing *x = &s->mailing;
	if (reply->code < 400) {
		bool is_wanted = x->accepted_count > 0;
		body_init(&x->body, BODY_DOTTED, is_wanted ? x->transaction->head : BYTES_NONE,
			  is_wanted ? x->transaction->content : BYTES_NONE);
		s->next = SMTP_STEP_BODY;
	} else {
		mailing_refuse(s, SMTP_STEP_DATA, reply);
	}
}

enum err step_send_body(struct smtp_session *s)
{
	struct body *body = &s->mailing.body;
	if (s->mailing.is_chunked)
		return step_send_chunk(s);
	for (;;) {
		struct bytes piece = body_piece(body);
		if (piece.len == 0)
			break;
		enum err err = s->io->write(s->owner, piece);
		if (err != OK)
			return err;
		mailing_note_taken(s, piece.len);
		body_take_piece(body);
	}
	if (s->is_watched)
		said_body(s);
	s->next = STEP_NONE;
	return OK;
}

/* After a refused chunk the host has the transaction still (RFC 3030 2). */
void step_on_body(struct smtp_session *s, const struct reply *reply)
{
	s->is_remote_open = s->mailing.is_chunked && !reply_is_positive(reply);
	if (chunks_are_unknown(s, reply))
		return;
	if (s->is_lmtp && s->mailing.accepted_count > 0) {
		if (s->mailing.accepted_count > 1)
			step_expect_more(s);
		mailing_answer_next(s, reply);
	} else if (reply_is_positive(reply))
		mailing_deliver(s, reply);
	else
		mailing_refuse(s, SMTP_STEP_BODY, reply);
}
