/* Who takes part in a transaction, and who gets which outcome. Every recipient gets exactly one, as soon as it is known; what the
 * remote host is known not to take is answered here without asking.
 *
 * A message whose recipients do not all fit into one transaction goes in rounds, one transaction each, in the same session:
 *
 *   open -- round --> accepted --> done
 *                 --> done                     refused
 *                 --> later --> open           the host said "too many", or its LIMITS told before */
#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "lib/base/memory.h"
#include "workers/smtp/downgrade.h"
#include "workers/smtp/steps.h"

#define ROUNDS_MAX 100 /* after that "too many" is the answer */

/* ---- outcomes ---- */

/* Holders may quit inside the upcall: nothing but s->has_ended and the counts holds after it. */
static void decide_one(struct smtp_session *s, size_t index, enum recipient_state state,
		       const struct smtp_outcome *outcome)
{
	struct mailing *x = &s->mailing;
	if (x->states[index] >= RECIPIENT_DONE)
		return;
	if (x->states[index] == RECIPIENT_LATER)
		x->later_count--;
	x->states[index] = (uint8_t)state;
	x->open_count--;
	s->handler->recipient_done(s->owner, index, outcome);
}

/* Of a recipient whose turn had not come when the session ended: whatever the others' outcome is, nothing was said of it. */
static struct smtp_outcome turn_never_came(const struct smtp_outcome *outcome)
{
	struct smtp_outcome none = {.kind = SMTP_NOT_SENT, .step = SMTP_STEP_RCPT, .err = E_CLOSED};
	outcome_say(&none, "the session ended before its turn: %s", outcome->reply.text);
	return none;
}

void mailing_decide(struct smtp_session *s, const struct smtp_outcome *outcome)
{
	struct mailing *x = &s->mailing;
	struct smtp_outcome none = turn_never_came(outcome);
	for (size_t i = 0; x->open_count > 0 && i < x->transaction->recipient_count; i++)
		decide_one(s, i, RECIPIENT_DONE, x->states[i] == RECIPIENT_LATER ? &none : outcome);
}

/* Those that the transaction under way is for: a refused MAIL is an answer to all of them. */
static void decide_round(struct smtp_session *s, const struct smtp_outcome *outcome)
{
	struct mailing *x = &s->mailing;
	for (size_t i = 0; x->open_count > x->later_count && i < x->transaction->recipient_count;
	     i++)
		if (x->states[i] == RECIPIENT_OPEN || x->states[i] == RECIPIENT_ACCEPTED)
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

static struct smtp_outcome answered(const struct smtp_session *s, const struct reply *reply)
{
	struct smtp_outcome outcome = replied(SMTP_STEP_BODY, reply);
	outcome.passes_dsn = s->capabilities.dsn;
	outcome.is_last_host = s->is_lmtp;
	return outcome;
}

void mailing_deliver(struct smtp_session *s, const struct reply *reply)
{
	struct smtp_outcome outcome = answered(s, reply);
	decide_round(s, &outcome);
}

void mailing_refuse(struct smtp_session *s, enum smtp_step step, const struct reply *reply)
{
	struct smtp_outcome outcome = replied(step, reply);
	if (s->mailing.open_count > s->mailing.later_count)
		step_note_refusal(s, reply);
	decide_round(s, &outcome);
}

void mailing_answer_next(struct smtp_session *s, const struct reply *reply)
{
	struct mailing *x = &s->mailing;
	struct smtp_outcome outcome = answered(s, reply);
	for (size_t i = 0; i < x->transaction->recipient_count; i++) {
		if (x->states[i] != RECIPIENT_ACCEPTED)
			continue;
		x->accepted_count--;
		if (!reply_is_positive(reply))
			step_note_refusal(s, reply);
		decide_one(s, i, RECIPIENT_DONE, &outcome);
		return;
	}
}

void mailing_refuse_one(struct smtp_session *s, size_t index, const struct reply *reply)
{
	struct smtp_outcome outcome = replied(SMTP_STEP_RCPT, reply);
	step_note_refusal(s, reply);
	decide_one(s, index, RECIPIENT_DONE, &outcome);
}

/* ---- what need not be asked ---- */

static struct smtp_outcome known_refusal(unsigned code, uint16_t subject, uint16_t detail)
{
	struct smtp_outcome outcome = {.kind = SMTP_REPLIED, .step = SMTP_STEP_MAIL};
	outcome.reply.code = code;
	outcome.reply.enhanced = (struct enhanced_code){(uint16_t)(code / 100), subject, detail};
	outcome.reply.line_count = 1;
	return outcome;
}

/* Can stand in a command as it is: no control, no bracket, no length that could make it another command. */
static bool is_sendable(struct bytes text, bool allow_null, struct address *ret)
{
	return address_parse(text, true, ret) == OK && (!ret->is_null || allow_null);
}

/* The host can be told of it: with SMTPUTF8, or with its domain as A-labels. */
static bool is_tellable(struct smtp_session *s, const struct address *address)
{
	char path[ADDRESS_MAX + 1];
	s->mailing.needs_smtputf8 |= address->needs_smtputf8;
	return s->capabilities.smtputf8 || downgrade_address(address, path);
}

static struct smtp_outcome not_tellable(void)
{
	struct smtp_outcome outcome = known_refusal(553, 6, 7);
	outcome_say(&outcome, "the address needs SMTPUTF8, which the remote host does not offer");
	return outcome;
}

static void skip_bad_recipients(struct smtp_session *s)
{
	struct mailing *x = &s->mailing;
	for (size_t i = 0; !s->has_ended && i < x->transaction->recipient_count; i++) {
		struct address address;
		struct smtp_outcome outcome;
		if (!is_sendable(x->transaction->recipients[i], false, &address)) {
			outcome = known_refusal(553, 1, 3);
			outcome_say(&outcome, "the recipient's address is malformed");
		} else if (!is_tellable(s, &address)) {
			outcome = not_tellable();
		} else {
			continue;
		}
		decide_one(s, i, RECIPIENT_SKIPPED, &outcome);
	}
}

const char *mailing_path(const struct smtp_session *s, struct bytes text, char out[ADDRESS_MAX + 1])
{
	struct address address;
	if (s->mailing.needs_smtputf8 || address_parse(text, true, &address) != OK ||
	    !downgrade_address(&address, out))
		(void)bytes_to_cstr(text, out, ADDRESS_MAX + 1);
	return out;
}

size_t mailing_size(const struct smtp_transaction *transaction)
{
	return transaction->head.len + transaction->content.len;
}

static bool is_sender_refused(struct smtp_session *s, struct smtp_outcome *ret)
{
	struct address sender;
	if (!is_sendable(s->mailing.transaction->sender, true, &sender)) {
		*ret = known_refusal(553, 1, 7);
		outcome_say(ret, "the sender's address is malformed");
		return true;
	}
	if (is_tellable(s, &sender))
		return false;
	*ret = not_tellable();
	return true;
}

/* Written again it could go. */
static struct smtp_outcome needs_conversion(const char *why)
{
	struct smtp_outcome outcome = known_refusal(554, 6, 3);
	outcome_say(&outcome, "%s", why);
	return outcome;
}

static bool is_content_refused(struct smtp_session *s, struct smtp_outcome *ret)
{
	const struct smtp_transaction *transaction = s->mailing.transaction;
	const struct ehlo_capabilities *offers = &s->capabilities;
	size_t size = mailing_size(transaction);
	if (transaction->smtputf8 && !offers->smtputf8 && downgrade_is_impossible(transaction)) {
		*ret = known_refusal(554, 6, 9);
		outcome_say(ret, "its header needs SMTPUTF8, which the remote host does not offer");
	} else if (offers->size_max_bytes > 0 && size > offers->size_max_bytes) {
		*ret = known_refusal(552, 3, 4);
		outcome_say(ret, "%zu bytes are over the remote host's SIZE limit of %llu", size,
			    (unsigned long long)offers->size_max_bytes);
	} else if (transaction->is_binary && !s->mailing.is_chunked) {
		*ret = needs_conversion("is binary, and cannot be sent to the remote host so");
		ret->wants_lines = true;
	} else if (transaction->needs_eightbitmime && !transaction->is_binary &&
		   !offers->eightbitmime) {
		*ret = needs_conversion("is 8-bit, and the remote host does not offer 8BITMIME");
		ret->wants_seven_bit = true;
	} else {
		return false;
	}
	return true;
}

static bool refuse_whole(struct smtp_session *s)
{
	struct smtp_outcome outcome;
	if (!is_sender_refused(s, &outcome) && !is_content_refused(s, &outcome))
		return false;
	mailing_decide(s, &outcome);
	return true;
}

/* ---- rounds: a host may take fewer recipients at once than we have ---- */

size_t mailing_next(const struct mailing *x, size_t index)
{
	while (index < x->transaction->recipient_count &&
	       (x->states[index] == RECIPIENT_SKIPPED || x->states[index] == RECIPIENT_LATER))
		index++;
	return index;
}

static struct bytes domain_of(struct bytes address)
{
	for (size_t i = address.len; i > 0; i--)
		if (address.data[i - 1] == '@')
			return bytes_skip(address, i);
	return BYTES_NONE;
}

static bool is_same_domain(const struct mailing *x, size_t a, size_t b)
{
	struct bytes left = domain_of(x->transaction->recipients[a]);
	struct bytes right = domain_of(x->transaction->recipients[b]);
	return left.len == right.len &&
	       (left.len == 0 ||
		strncasecmp((const char *)left.data, (const char *)right.data, left.len) == 0);
}

/* The domain of a recipient is among those of the round's recipients before it. */
static bool has_domain(const struct mailing *x, size_t index)
{
	for (size_t i = index; i > 0; i--)
		if (x->states[i - 1] == RECIPIENT_OPEN && is_same_domain(x, i - 1, index))
			return true;
	return false;
}

/* Who takes part in the round: as many in order as the host's LIMITS (RFC 9422) allow. */
static void choose_recipients(struct mailing *x, const struct ehlo_capabilities *offers)
{
	uint64_t count = 0, domain_count = 0;
	x->later_count = 0;
	for (size_t i = 0; i < x->transaction->recipient_count; i++) {
		if (x->states[i] >= RECIPIENT_DONE) {
			x->states[i] = RECIPIENT_SKIPPED;
			continue;
		}
		bool is_new = offers->rcpt_domain_max > 0 && !has_domain(x, i);
		bool fits = (offers->rcpt_max == 0 || count < offers->rcpt_max) &&
			    (!is_new || domain_count < offers->rcpt_domain_max);
		x->states[i] = (uint8_t)(fits ? RECIPIENT_OPEN : RECIPIENT_LATER);
		x->later_count += !fits;
		count += fits;
		domain_count += fits && is_new;
	}
}

static void begin_round(struct smtp_session *s)
{
	struct mailing *x = &s->mailing;
	choose_recipients(x, &s->capabilities);
	x->round_count++;
	x->accepted_count = 0;
	x->asked = x->answered = mailing_next(x, 0);
	s->next = s->is_remote_open ? SMTP_STEP_RSET : SMTP_STEP_MAIL;
}

bool session_is_used_up(const struct smtp_session *s)
{
	return s->capabilities.mail_max > 0 && s->mail_count >= s->capabilities.mail_max;
}

bool mailing_may_wait(const struct smtp_session *s)
{
	return s->mailing.round_count < ROUNDS_MAX && !session_is_used_up(s);
}

void mailing_go_on(struct smtp_session *s)
{
	struct mailing *x = &s->mailing;
	assert(x->open_count > 0 && x->open_count == x->later_count);
	if (!session_is_used_up(s)) {
		begin_round(s);
		return;
	}
	struct smtp_outcome outcome = known_refusal(452, 5, 3);
	outcome_say(&outcome, "the remote host takes no more transactions in this session");
	for (size_t i = 0; x->open_count > 0 && i < x->transaction->recipient_count; i++)
		decide_one(s, i, RECIPIENT_DONE, &outcome);
}

/* A block's time is for as many bytes as the slowest host that we wait for takes in it: less is no progress. */
void mailing_note_taken(struct smtp_session *s, size_t count)
{
	struct mailing *x = &s->mailing;
	x->taken_bytes += (int64_t)count;
	if (x->taken_bytes * 1000 < s->timeouts->slowest_rate * s->timeouts->block)
		return;
	x->taken_bytes = 0;
	s->has_progress = true;
}

/* ---- the beginning ---- */

void mailing_begin(struct smtp_session *s)
{
	const struct smtp_transaction *transaction = s->mailing.transaction;
	s->mailing.has_begun = true;
	s->mailing.needs_smtputf8 = transaction->smtputf8;
	s->mailing.is_chunked = chunks_are_wanted(s);
	skip_bad_recipients(s);
	if (s->mailing.open_count == 0 || refuse_whole(s))
		return;
	s->mailing.needs_smtputf8 &= s->capabilities.smtputf8;
	begin_round(s);
}
