/* One transaction: MAIL, a RCPT for each recipient, DATA, the body, the final dot; and RSET before the next when the remote was
 * left with an open one. Every recipient gets exactly one outcome, as soon as it is known; what the remote host is known
 * not to take is answered here without asking. */
#include <assert.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/mail/address.h"
#include "workers/smtp/steps.h"

/* ---- outcomes ---- */

/* Holders may quit inside the upcall: nothing but s->has_ended and the counts holds after it. */
static void decide_one(struct smtp_session *s, size_t index, enum recipient_state state,
		       const struct smtp_outcome *outcome)
{
	struct mailing *x = &s->mailing;
	if (x->states[index] >= RECIPIENT_DONE)
		return;
	x->states[index] = (uint8_t)state;
	x->open_count--;
	s->handler->recipient_done(s->owner, index, outcome);
}

void mailing_decide(struct smtp_session *s, const struct smtp_outcome *outcome)
{
	struct mailing *x = &s->mailing;
	for (size_t i = 0; x->open_count > 0 && i < x->transaction->recipient_count; i++)
		decide_one(s, i, RECIPIENT_DONE, outcome);
}

void mailing_done(struct smtp_session *s)
{
	if (!s->mailing.transaction)
		return;
	assert(s->mailing.open_count == 0);
	s->mailing.transaction = NULL;
	free(s->mailing.states);
	s->mailing.states = NULL;
	s->handler->transaction_done(s->owner);
}

static struct smtp_outcome replied(enum smtp_step step, const struct reply *reply)
{
	return (struct smtp_outcome){.kind = SMTP_REPLIED, .step = step, .reply = *reply};
}

/* The remote's refusal of everything that is still open. */
static void refuse_open(struct smtp_session *s, enum smtp_step step, const struct reply *reply)
{
	struct smtp_outcome outcome = replied(step, reply);
	if (s->mailing.open_count > 0)
		step_note_refusal(s, reply);
	mailing_decide(s, &outcome);
}

/* ---- what need not be asked ---- */

static struct smtp_outcome known_refusal(unsigned code, uint16_t subject, uint16_t detail)
{
	struct smtp_outcome outcome = {.kind = SMTP_REPLIED, .step = SMTP_STEP_MAIL};
	outcome.reply.code = code;
	outcome.reply.enhanced = (struct enhanced_code){5, subject, detail};
	outcome.reply.line_count = 1;
	return outcome;
}

/* Can stand in a command as it is: no control, no bracket, no length that could make it another command. */
static bool is_sendable(struct bytes text, bool allow_null, bool *needs_smtputf8)
{
	struct address address;
	if (address_parse(text, true, &address) != OK || (address.is_null && !allow_null))
		return false;
	*needs_smtputf8 |= address.needs_smtputf8;
	return true;
}

static void skip_bad_recipients(struct smtp_session *s)
{
	struct mailing *x = &s->mailing;
	for (size_t i = 0; !s->has_ended && i < x->transaction->recipient_count; i++) {
		if (is_sendable(x->transaction->recipients[i], false, &x->needs_smtputf8))
			continue;
		struct smtp_outcome outcome = known_refusal(553, 1, 3);
		outcome_say(&outcome, "the recipient's address is malformed");
		decide_one(s, i, RECIPIENT_SKIPPED, &outcome);
	}
}

static size_t size_of(const struct smtp_transaction *transaction)
{
	return transaction->head.len + transaction->content.len;
}

static bool refuse_whole(struct smtp_session *s)
{
	const struct smtp_transaction *transaction = s->mailing.transaction;
	const struct ehlo_capabilities *offers = &s->capabilities;
	struct smtp_outcome outcome;
	if (!is_sendable(transaction->sender, true, &s->mailing.needs_smtputf8)) {
		outcome = known_refusal(553, 1, 7);
		outcome_say(&outcome, "the sender's address is malformed");
	} else if (s->mailing.needs_smtputf8 && !offers->smtputf8) {
		outcome = known_refusal(553, 6, 7);
		outcome_say(&outcome, "needs SMTPUTF8, which the remote host does not offer");
	} else if (offers->size_max_bytes > 0 && size_of(transaction) > offers->size_max_bytes) {
		outcome = known_refusal(552, 3, 4);
		outcome_say(&outcome, "%zu bytes are over the remote host's SIZE limit of %llu",
			    size_of(transaction), (unsigned long long)offers->size_max_bytes);
	} else {
		return false;
	}
	mailing_decide(s, &outcome);
	return true;
}

void mailing_begin(struct smtp_session *s)
{
	const struct smtp_transaction *transaction = s->mailing.transaction;
	s->mailing.has_begun = true;
	s->mailing.needs_smtputf8 = transaction->smtputf8;
	skip_bad_recipients(s);
	if (s->mailing.open_count == 0 || refuse_whole(s))
		return;
	s->next = s->is_remote_open ? SMTP_STEP_RSET : SMTP_STEP_MAIL;
}

/* ---- RSET: before the next transaction, or to try a session that was idle ---- */

enum err step_send_rset(struct smtp_session *s)
{
	enum err err = step_write(s, "RSET\r\n");
	if (err == OK)
		s->next = s->mailing.transaction ? SMTP_STEP_MAIL : STEP_NONE;
	return err;
}

void step_on_rset(struct smtp_session *s, const struct reply *reply)
{
	if (!reply_is_positive(reply)) {
		step_fail(s, E_REFUSED, "RSET was refused: %u %s", reply->code, reply->text);
		return;
	}
	s->is_remote_open = false;
	if (!s->is_ready) {
		s->is_ready = true;
		s->must_tell_ready = true;
	}
}

/* ---- MAIL ---- */

enum err step_send_mail(struct smtp_session *s)
{
	const struct smtp_transaction *transaction = s->mailing.transaction;
	const struct ehlo_capabilities *offers = &s->capabilities;
	char size[32] = "";
	if (offers->size)
		(void)snprintf(size, sizeof size, " SIZE=%zu", size_of(transaction));
	bool says_8bit = transaction->eightbit && offers->eightbitmime;
	bool says_utf8 = s->mailing.needs_smtputf8;
	enum err err =
		step_write(s, "MAIL FROM:<%.*s>%s%s%s\r\n", BYTES_ARGS(transaction->sender), size,
			   says_8bit ? " BODY=8BITMIME" : "", says_utf8 ? " SMTPUTF8" : "");
	if (err == OK)
		s->next = SMTP_STEP_RCPT;
	return err;
}

void step_on_mail(struct smtp_session *s, const struct reply *reply)
{
	if (reply_is_positive(reply)) {
		s->is_remote_open = true;
		return;
	}
	refuse_open(s, SMTP_STEP_MAIL, reply);
	s->next = STEP_NONE;
}

/* ---- RCPT, once per recipient ---- */

/* The first recipient from `index` on that a RCPT is sent for. */
static size_t next_recipient(const struct mailing *x, size_t index)
{
	while (index < x->transaction->recipient_count && x->states[index] == RECIPIENT_SKIPPED)
		index++;
	return index;
}

enum err step_send_rcpt(struct smtp_session *s)
{
	struct mailing *x = &s->mailing;
	size_t index = next_recipient(x, x->asked);
	enum err err =
		step_write(s, "RCPT TO:<%.*s>\r\n", BYTES_ARGS(x->transaction->recipients[index]));
	if (err != OK)
		return err;
	x->asked = next_recipient(x, index + 1);
	s->next = x->asked < x->transaction->recipient_count ? SMTP_STEP_RCPT : SMTP_STEP_DATA;
	return OK;
}

void step_on_rcpt(struct smtp_session *s, const struct reply *reply)
{
	struct mailing *x = &s->mailing;
	size_t index = next_recipient(x, x->answered);
	x->answered = next_recipient(x, index + 1);
	if (x->states[index] == RECIPIENT_OPEN && reply_is_positive(reply)) {
		x->states[index] = RECIPIENT_ACCEPTED;
		x->accepted_count++;
	} else if (x->states[index] == RECIPIENT_OPEN) {
		struct smtp_outcome outcome = replied(SMTP_STEP_RCPT, reply);
		step_note_refusal(s, reply);
		decide_one(s, index, RECIPIENT_DONE, &outcome);
	}
	if (x->open_count == 0)
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
		body_init(&x->body, is_wanted ? x->transaction->head : BYTES_NONE,
			  is_wanted ? x->transaction->content : BYTES_NONE);
		s->next = SMTP_STEP_BODY;
	} else {
		refuse_open(s, SMTP_STEP_DATA, reply);
	}
}

enum err step_send_body(struct smtp_session *s)
{
	struct body *body = &s->mailing.body;
	for (;;) {
		struct bytes piece = body_piece(body);
		if (piece.len == 0)
			break;
		enum err err = s->io->write(s->owner, piece);
		if (err != OK)
			return err;
		body_take_piece(body);
		s->has_progress = true;
	}
	s->next = STEP_NONE;
	return OK;
}

void step_on_body(struct smtp_session *s, const struct reply *reply)
{
	s->is_remote_open = false;
	if (reply_is_positive(reply)) {
		struct smtp_outcome outcome = replied(SMTP_STEP_BODY, reply);
		mailing_decide(s, &outcome);
	} else {
		refuse_open(s, SMTP_STEP_BODY, reply);
	}
}
