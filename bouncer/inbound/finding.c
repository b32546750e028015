/* See finding.h. */
#include "bouncer/inbound/finding.h"

#include <string.h>

#include "broker/suppressions.h"
#include "lib/mime/mime.h"

struct search {
	struct arena *arena;
	const struct returns *returns;
	const struct inbound_mail *mail;
	const struct report *report;
	int64_t wall_ms;
	bool has_token, has_claim;
	struct return_token token;
	struct claim claim;
	struct findings *found;
};

/* ---- proofs ---- */

static bool check_token(struct search *s, struct bytes address)
{
	struct bytes text;
	unsigned days = (unsigned)returns_settings(s->returns)->days;
	return returns_find_token(s->returns, address, &text) &&
	       return_token_check(returns_keys(s->returns), text, s->wall_ms, days, &s->token) ==
		       OK;
}

/* Where the mail came to; of complaints also where the original would have gone back. */
static void find_token(struct search *s)
{
	for (size_t i = 0; i < s->mail->recipient_count && !s->has_token; i++)
		s->has_token = check_token(s, s->mail->recipients[i]);
	if (!s->has_token && s->report->kind == REPORT_COMPLAINT)
		s->has_token = check_token(s, s->report->original_from);
}

/* A claim of another message than the token's came from elsewhere in the mail. */
static void find_claim(struct search *s)
{
	char id[RETURN_ID_SIZE];
	unsigned days = (unsigned)returns_settings(s->returns)->days;
	if (claim_check(returns_keys(s->returns), CLAIM_FEEDBACK, s->report->feedback_id,
			s->wall_ms, days, s->arena, &s->claim) != OK)
		return;
	return_id(s->claim.message_id, id);
	s->has_claim = !s->has_token || (strcmp(id, s->token.message_id) == 0 &&
					 return_token_is_for(returns_keys(s->returns), &s->token,
							     s->claim.recipient));
}

static struct bytes canonical(struct search *s, struct bytes address)
{
	char out[SUPPRESSION_ADDRESS_SIZE];
	if (address.len == 0 || bytes_starts_with_nocase(address, SUPPRESSION_DIGEST_PREFIX) ||
	    suppression_address(address, false, out) != OK)
		return BYTES_NONE;
	return arena_copy(s->arena, bytes_of(out));
}

static bool is_proved(const struct search *s, struct bytes address)
{
	if (address.len == 0)
		return false;
	if (s->has_claim && bytes_equal(address, s->claim.recipient))
		return true;
	return s->has_token && return_token_is_for(returns_keys(s->returns), &s->token, address);
}

/* ---- findings ---- */

static struct finding *add(struct search *s, enum finding_kind kind,
			   const struct report_recipient *told, struct bytes address)
{
	struct finding *finding = &s->found->items[s->found->count++];
	*finding = (struct finding){.kind = kind, .told = told, .address = address};
	return finding;
}

static void prove(const struct search *s, struct finding *finding)
{
	finding->is_proved = true;
	if (s->has_claim) {
		finding->message_id = s->claim.message_id;
		finding->tenant = s->claim.tenant;
		finding->pool = s->claim.pool;
		finding->campaign = s->claim.campaign;
		finding->day_wall_ms = s->claim.day_wall_ms;
	} else {
		finding->message_id = arena_copy(s->arena, bytes_of(s->token.message_id));
		finding->day_wall_ms = s->token.day_wall_ms;
	}
}

static bool kind_of(const struct search *s, const struct report_recipient *recipient,
		    enum finding_kind *ret)
{
	switch (recipient->kind) {
	case REPORT_BOUNCE:
		*ret = FINDING_BOUNCE;
		return true;
	case REPORT_DELAY:
		*ret = FINDING_DELAY;
		return true;
	case REPORT_COMPLAINT:
		return finding_kind_of_feedback(s->report->feedback_type, ret);
	case REPORT_UNSUBSCRIBE:
		*ret = FINDING_UNSUBSCRIBE;
		return true;
	default:
		return false;
	}
}

/* Those the report names. A host that forwarded may name where to, and where from beside it. */
static void add_named(struct search *s)
{
	for (size_t i = 0; i < s->report->count; i++) {
		const struct report_recipient *told = &s->report->recipients[i];
		enum finding_kind kind;
		if (!kind_of(s, told, &kind))
			continue;
		struct bytes address = canonical(s, told->address),
			     final = canonical(s, told->final);
		bool is_final = !is_proved(s, address) && is_proved(s, final);
		if (is_final || address.len == 0)
			address = final;
		struct finding *finding = add(s, kind, told, address);
		if (is_proved(s, address))
			prove(s, finding);
	}
}

/* The original says whom it was for, though the report names another, or nobody: but only one, or it is unknown which of them failed. */
static void add_claimed(struct search *s)
{
	const struct report *report = s->report;
	enum finding_kind kind;
	struct report_recipient nobody = {.kind = report->kind};
	const struct report_recipient *told = report->count == 1 ? &report->recipients[0] : NULL;
	if (!s->has_claim || report->count > 1 || !kind_of(s, told ? told : &nobody, &kind) ||
	    kind == FINDING_UNSUBSCRIBE)
		return;
	s->found->count = 0;
	prove(s, add(s, kind, told, s->claim.recipient));
}

static bool is_any_proved(const struct findings *found)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->items[i].is_proved)
			return true;
	return false;
}

/* What is proved stands alone: the rest of such a report is about addresses that we did not write to in this message. */
static void keep_proved(struct findings *found)
{
	size_t count = 0;
	for (size_t i = 0; i < found->count; i++)
		if (found->items[i].is_proved)
			found->items[count++] = found->items[i];
	found->count = count;
}

/* ---- mail that unsubscribes ---- */

static struct bytes last_word(struct bytes text)
{
	text = bytes_strip(text);
	size_t at = text.len;
	while (at > 0 && text.data[at - 1] > ' ')
		at--;
	return bytes_skip(text, at);
}

static bool is_automatic(struct bytes header)
{
	struct bytes value;
	return mime_field(header, "auto-submitted", &value) &&
	       !bytes_starts_with_nocase(bytes_strip(value), "no");
}

/* The link's subject, that a mail program put in for its user. */
static bool add_unsubscribe(struct search *s)
{
	struct bytes header = bytes_first(s->mail->content, MIME_HEADER_MAX), subject;
	const uint8_t *end = memmem(header.data, header.len, "\r\n\r\n", 4);
	struct claim claim;
	if (end)
		header = bytes_first(header, (size_t)(end - header.data) + 2);
	if ((s->report->kind != REPORT_UNKNOWN && s->report->kind != REPORT_UNSUBSCRIBE) ||
	    is_automatic(header) || !mime_field(header, "subject", &subject) ||
	    claim_check(returns_keys(s->returns), CLAIM_UNSUBSCRIBE, last_word(subject), s->wall_ms,
			(unsigned)returns_settings(s->returns)->unsubscribe_days, s->arena,
			&claim) != OK)
		return false;
	s->claim = claim;
	s->has_claim = true;
	prove(s, add(s, FINDING_UNSUBSCRIBE, NULL, claim.recipient));
	return true;
}

/* ---- all of it ---- */

static enum mail_fate fate_of(const struct search *s)
{
	switch (s->report->kind) {
	case REPORT_SUCCESS:
	case REPORT_RECEIPT:
	case REPORT_AUTO_REPLY:
	case REPORT_CHALLENGE:
		return MAIL_NOTICE;
	case REPORT_DMARC:
	case REPORT_TLS:
		return MAIL_REPORT;
	case REPORT_COMPLAINT:
		/* "auth-failure" is DMARC's (RFC 6591), "not-spam" a good word. */
		if (bytes_is_nocase(s->report->feedback_type, "auth-failure") ||
		    bytes_is_nocase(s->report->feedback_type, "dmarc"))
			return MAIL_REPORT;
		return bytes_is_nocase(s->report->feedback_type, "not-spam") ? MAIL_NOTICE
									     : MAIL_UNKNOWN;
	default:
		return MAIL_UNKNOWN;
	}
}

bool finding_kind_of_feedback(struct bytes feedback_type, enum finding_kind *ret)
{
	static const char *const others[] = {"not-spam", "auth-failure", "dmarc"};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (bytes_is_nocase(feedback_type, others[i]))
			return false;
	*ret = bytes_starts_with_nocase(feedback_type, "opt-out") ? FINDING_UNSUBSCRIBE
								  : FINDING_COMPLAINT;
	return true;
}

void findings_of(struct arena *arena, const struct returns *returns,
		 const struct inbound_mail *mail, const struct report *report, int64_t wall_ms,
		 struct findings *ret)
{
	struct search s = {.arena = arena,
			   .returns = returns,
			   .mail = mail,
			   .report = report,
			   .wall_ms = wall_ms,
			   .found = ret};
	*ret = (struct findings){
		.items = arena_zalloc(arena, report->count + 1, sizeof(struct finding))};
	if (returns) {
		find_token(&s);
		find_claim(&s);
	}
	if (returns && add_unsubscribe(&s)) {
		ret->fate = MAIL_FOUND;
		return;
	}
	add_named(&s);
	if (!is_any_proved(ret))
		add_claimed(&s);
	bool is_proved = is_any_proved(ret);
	if (is_proved)
		keep_proved(ret);
	if (ret->count == 0)
		ret->fate = fate_of(&s);
	else
		ret->fate = s.has_token && !is_proved ? MAIL_UNPROVED : MAIL_FOUND;
}
