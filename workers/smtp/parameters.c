/* What goes behind an address in MAIL and RCPT: what the host offers to understand, and nothing else. Pure. */
#include <stdio.h>
#include <string.h>

#include "lib/base/ascii.h"
#include "lib/mail/xtext.h"
#include "workers/smtp/steps.h"

#define PRIORITY_START 10 /* smtp_transaction.priority is 1 to 19 for -9 to 9 */

/* A value too long for a command is left out: it is a wish, and the mail goes without. */
static void add_xtext(char *out, size_t size, const char *prefix, struct bytes value)
{
	struct buf text;
	size_t len = strlen(out);
	buf_init(&text, size - len - 1);
	if (buf_append_text(&text, prefix) == OK && xtext_write(value, &text) == OK)
		(void)bytes_to_cstr(buf_bytes(&text), out + len, size - len);
	buf_done(&text);
}

static void add(char *out, size_t size, const char *text)
{
	size_t len = strlen(out);
	(void)snprintf(out + len, size - len, "%s", text);
}

void mail_parameters(const struct mailing *x, const struct ehlo_capabilities *offers,
		     char out[MAIL_PARAMETERS_MAX])
{
	const struct smtp_transaction *transaction = x->transaction;
	const struct smtp_mail_wishes *wishes = &transaction->wishes;
	out[0] = '\0';
	if (offers->size)
		(void)snprintf(out, MAIL_PARAMETERS_MAX, " SIZE=%zu", mailing_size(transaction));
	if (transaction->is_binary && x->is_chunked)
		add(out, MAIL_PARAMETERS_MAX, " BODY=BINARYMIME");
	else if (transaction->eightbit && offers->eightbitmime)
		add(out, MAIL_PARAMETERS_MAX, " BODY=8BITMIME");
	if (x->needs_smtputf8)
		add(out, MAIL_PARAMETERS_MAX, " SMTPUTF8");
	if (transaction->require_tls)
		add(out, MAIL_PARAMETERS_MAX, " REQUIRETLS");
	if (offers->mt_priority && wishes->priority > 0) {
		size_t len = strlen(out);
		(void)snprintf(out + len, MAIL_PARAMETERS_MAX - len, " MT-PRIORITY=%d",
			       (int)wishes->priority - PRIORITY_START);
	}
	if (offers->dsn && wishes->dsn_return != SMTP_RETURN_UNSAID)
		add(out, MAIL_PARAMETERS_MAX,
		    wishes->dsn_return == SMTP_RETURN_FULL ? " RET=FULL" : " RET=HDRS");
	if (offers->dsn && wishes->envelope_id.len > 0)
		add_xtext(out, MAIL_PARAMETERS_MAX, " ENVID=", wishes->envelope_id);
}

static void add_notify(unsigned notify, char *out)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {{SMTP_NOTIFY_SUCCESS, "SUCCESS"},
		     {SMTP_NOTIFY_FAILURE, "FAILURE"},
		     {SMTP_NOTIFY_DELAY, "DELAY"}};
	const char *before = " NOTIFY=";
	if (notify & SMTP_NOTIFY_NEVER) {
		add(out, RCPT_PARAMETERS_MAX, " NOTIFY=NEVER");
		return;
	}
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (!(notify & words[i].bit))
			continue;
		add(out, RCPT_PARAMETERS_MAX, before);
		add(out, RCPT_PARAMETERS_MAX, words[i].word);
		before = ",";
	}
}

static bool is_address_type(struct bytes type)
{
	for (size_t i = 0; i < type.len; i++) {
		uint8_t c = type.data[i];
		if (!ascii_is_letter_or_digit(c) && c != '-')
			return false;
	}
	return type.len > 0 && type.len <= 32;
}

/* "rfc822;ada@example.com": the type stays as it is, the address is xtext. */
static void add_original(struct bytes original, char *out)
{
	ptrdiff_t at = bytes_find(original, ';');
	struct bytes type = bytes_first(original, at > 0 ? (size_t)at : 0);
	char name[48];
	if (!is_address_type(type))
		return;
	(void)snprintf(name, sizeof name, " ORCPT=%.*s;", BYTES_ARGS(type));
	add_xtext(out, RCPT_PARAMETERS_MAX, name, bytes_skip(original, type.len + 1));
}

void rcpt_parameters(const struct mailing *x, size_t index, const struct ehlo_capabilities *offers,
		     char out[RCPT_PARAMETERS_MAX])
{
	out[0] = '\0';
	if (!offers->dsn || !x->transaction->recipient_wishes)
		return;
	const struct smtp_recipient_wishes *wishes = &x->transaction->recipient_wishes[index];
	add_notify(wishes->notify, out);
	if (wishes->original.len > 0)
		add_original(wishes->original, out);
}
