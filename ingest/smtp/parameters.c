/* A table of names, and a function for each value. */
#include "ingest/smtp/parameters.h"

#include "lib/base/ascii.h"
#include "lib/base/clock.h"
#include "lib/mail/xtext.h"

#define BAD(text) ((struct smtpd_reply){501, "5.5.4 " text})

static struct smtpd_reply take_size(struct bytes value, struct smtpd_mail_parameters *p)
{
	/* RFC 1870: up to 20 digits. What is past 64 bits is past every limit too. */
	if (p->has_size)
		return BAD("SIZE is told twice");
	if (value.len > 20 || !bytes_to_u64(value, UINT64_MAX, &p->size))
		return BAD("SIZE must be a number of bytes");
	p->has_size = true;
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply take_body(struct bytes value, struct smtpd_mail_parameters *p)
{
	if (p->body != SMTPD_BODY_NOT_TOLD)
		return BAD("BODY is told twice");
	if (bytes_is_nocase(value, "7BIT"))
		p->body = SMTPD_BODY_7BIT;
	else if (bytes_is_nocase(value, "8BITMIME"))
		p->body = SMTPD_BODY_8BITMIME;
	else if (bytes_is_nocase(value, "BINARYMIME"))
		p->body = SMTPD_BODY_BINARYMIME;
	else
		return BAD("BODY must be 7BIT, 8BITMIME or BINARYMIME");
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply take_smtputf8(struct bytes value, struct smtpd_mail_parameters *p)
{
	(void)value;
	p->smtputf8 = true;
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply take_requiretls(struct bytes value, struct smtpd_mail_parameters *p)
{
	(void)value;
	p->requires_tls = true;
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply take_ret(struct bytes value, struct smtpd_mail_parameters *p)
{
	if (p->dsn_return != SMTPD_RETURN_NOT_TOLD)
		return BAD("RET is told twice");
	if (bytes_is_nocase(value, "FULL"))
		p->dsn_return = SMTPD_RETURN_FULL;
	else if (bytes_is_nocase(value, "HDRS"))
		p->dsn_return = SMTPD_RETURN_HEADERS;
	else
		return BAD("RET must be FULL or HDRS");
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply take_envid(struct bytes value, struct smtpd_mail_parameters *p)
{
	if (p->envelope_id.len > 0)
		return BAD("ENVID is told twice");
	if (value.len == 0 || value.len > SMTPD_ENVELOPE_ID_MAX || !xtext_is_valid(value))
		return BAD("ENVID must be xtext of at most 100 characters");
	p->envelope_id = value;
	return SMTPD_NO_OBJECTION;
}

/* Whoever relays for others may say for whom: nothing hangs on it here, but its form is checked. */
static struct smtpd_reply take_auth(struct bytes value, struct smtpd_mail_parameters *p)
{
	if (p->has_auth)
		return BAD("AUTH is told twice");
	if (!bytes_is(value, "<>") && (value.len == 0 || !xtext_is_valid(value)))
		return BAD("AUTH must be xtext or <>");
	p->has_auth = true;
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply take_holdfor(struct bytes value, struct smtpd_mail_parameters *p)
{
	uint64_t seconds = 0;
	if (p->has_hold)
		return BAD("HOLDFOR or HOLDUNTIL is told twice");
	if (value.len > 9 || !bytes_to_u64(value, SMTPD_SECONDS_MAX, &seconds) || seconds == 0)
		return BAD("HOLDFOR must be a number of seconds");
	p->has_hold = true;
	p->hold_for_s = (int64_t)seconds;
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply take_holduntil(struct bytes value, struct smtpd_mail_parameters *p)
{
	if (p->has_hold)
		return BAD("HOLDFOR or HOLDUNTIL is told twice");
	if (!clock_parse_rfc3339(value, &p->hold_until_wall_ms) || p->hold_until_wall_ms == 0)
		return BAD("HOLDUNTIL must be a date and time such as 2026-11-21T09:20:00Z");
	p->has_hold = true;
	return SMTPD_NO_OBJECTION;
}

/* [-]seconds;R or ;N, and T for a trace that we keep anyway. */
static struct smtpd_reply take_by(struct bytes value, struct smtpd_mail_parameters *p)
{
	uint64_t seconds = 0;
	bool is_negative = value.len > 0 && value.data[0] == '-';
	struct bytes number = bytes_skip(value, is_negative);
	ptrdiff_t semicolon = bytes_find(number, ';');
	struct bytes mode = semicolon < 0 ? BYTES_NONE : bytes_skip(number, (size_t)semicolon + 1);
	if (p->has_deliver_by)
		return BAD("BY is told twice");
	number = bytes_first(number, semicolon < 0 ? 0 : (size_t)semicolon);
	bool returns = bytes_is_nocase(mode, "R") || bytes_is_nocase(mode, "RT");
	bool tells = bytes_is_nocase(mode, "N") || bytes_is_nocase(mode, "NT");
	if (number.len > 9 || !bytes_to_u64(number, SMTPD_SECONDS_MAX, &seconds) ||
	    (!returns && !tells))
		return BAD("BY must be a number of seconds, and ;R or ;N");
	if (returns && (is_negative || seconds == 0))
		return BAD("BY is past already");
	p->has_deliver_by = true;
	p->returns_when_late = returns;
	p->deliver_by_s = is_negative ? -(int64_t)seconds : (int64_t)seconds;
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply take_priority(struct bytes value, struct smtpd_mail_parameters *p)
{
	uint64_t number = 0;
	bool is_negative = value.len > 0 && value.data[0] == '-';
	struct bytes digits = bytes_skip(value, is_negative);
	if (p->has_priority)
		return BAD("MT-PRIORITY is told twice");
	if (digits.len != 1 || !bytes_to_u64(digits, SMTPD_PRIORITY_MAX, &number) ||
	    (is_negative && number == 0))
		return BAD("MT-PRIORITY must be between -9 and 9");
	p->has_priority = true;
	p->priority = is_negative ? -(int)number : (int)number;
	return SMTPD_NO_OBJECTION;
}

static const struct mail_row {
	const char *name;
	bool has_value;
	struct smtpd_reply (*take)(struct bytes value, struct smtpd_mail_parameters *p);
} mail_rows[] = {
	{"SIZE", true, take_size},
	{"BODY", true, take_body},
	{"SMTPUTF8", false, take_smtputf8},
	{"RET", true, take_ret},
	{"ENVID", true, take_envid},
	{"AUTH", true, take_auth},
	{"HOLDFOR", true, take_holdfor},
	{"HOLDUNTIL", true, take_holduntil},
	{"BY", true, take_by},
	{"MT-PRIORITY", true, take_priority},
	{"REQUIRETLS", false, take_requiretls},
};

/* False when it has no "=": then it has no value. */
static bool cut(struct bytes word, struct bytes *ret_name, struct bytes *ret_value)
{
	ptrdiff_t equals = bytes_find(word, '=');
	*ret_name = equals < 0 ? word : bytes_first(word, (size_t)equals);
	*ret_value = equals < 0 ? BYTES_NONE : bytes_skip(word, (size_t)equals + 1);
	return equals >= 0;
}

struct smtpd_reply smtpd_mail_parameter(struct bytes word, struct smtpd_mail_parameters *parameters)
{
	struct bytes name, value;
	bool has_value = cut(word, &name, &value);
	for (size_t i = 0; i < sizeof mail_rows / sizeof mail_rows[0]; i++) {
		const struct mail_row *row = &mail_rows[i];
		if (row->has_value == has_value && bytes_is_nocase(name, row->name))
			return row->take(value, parameters);
	}
	return (struct smtpd_reply){555, "5.5.4 MAIL parameter not known"};
}

/* ---- RCPT ---- */

static unsigned notify_bit(struct bytes word)
{
	if (bytes_is_nocase(word, "SUCCESS"))
		return SMTPD_NOTIFY_SUCCESS;
	if (bytes_is_nocase(word, "FAILURE"))
		return SMTPD_NOTIFY_FAILURE;
	return bytes_is_nocase(word, "DELAY") ? SMTPD_NOTIFY_DELAY : 0;
}

static struct smtpd_reply take_notify(struct bytes value, struct smtpd_rcpt_parameters *p)
{
	if (p->notify != 0)
		return BAD("NOTIFY is told twice");
	if (bytes_is_nocase(value, "NEVER")) {
		p->notify = SMTPD_NOTIFY_NEVER;
		return SMTPD_NO_OBJECTION;
	}
	for (bool is_last = false; !is_last;) {
		ptrdiff_t comma = bytes_find(value, ',');
		is_last = comma < 0;
		struct bytes word = is_last ? value : bytes_first(value, (size_t)comma);
		unsigned bit = notify_bit(word);
		if (bit == 0 || p->notify & bit)
			return BAD("NOTIFY must be NEVER, or a list of SUCCESS, FAILURE and DELAY");
		p->notify |= bit;
		value = bytes_skip(value, word.len + 1);
	}
	return SMTPD_NO_OBJECTION;
}

static bool is_address_type(struct bytes type)
{
	for (size_t i = 0; i < type.len; i++) {
		uint8_t c = type.data[i];
		if (!ascii_is_letter_or_digit(c) && c != '-')
			return false;
	}
	return type.len > 0;
}

static struct smtpd_reply take_orcpt(struct bytes value, struct smtpd_rcpt_parameters *p)
{
	ptrdiff_t semicolon = bytes_find(value, ';');
	struct bytes type = bytes_first(value, semicolon < 0 ? 0 : (size_t)semicolon);
	struct bytes address = bytes_skip(value, type.len + 1);
	if (p->original_type.len > 0)
		return BAD("ORCPT is told twice");
	if (value.len > SMTPD_ORIGINAL_MAX || !is_address_type(type) || address.len == 0 ||
	    !xtext_is_valid(address))
		return BAD("ORCPT must be a type, ; and xtext, at most 500 characters");
	p->original_type = type;
	p->original = address;
	return SMTPD_NO_OBJECTION;
}

struct smtpd_reply smtpd_rcpt_parameter(struct bytes word, struct smtpd_rcpt_parameters *parameters)
{
	struct bytes name, value;
	bool has_value = cut(word, &name, &value);
	if (has_value && bytes_is_nocase(name, "NOTIFY"))
		return take_notify(value, parameters);
	if (has_value && bytes_is_nocase(name, "ORCPT"))
		return take_orcpt(value, parameters);
	return (struct smtpd_reply){555, "5.5.4 RCPT parameter not known"};
}
