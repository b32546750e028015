/* See marks.h. */
#include "workers/delivery/marks.h"

#include <string.h>

#include "lib/mail/address.h"
#include "lib/mime/mime.h"

static bool has_feedback(const struct returns_settings *settings)
{
	return settings->path[0] || settings->feedback_loop[0];
}

static bool has_unsubscribe(const struct returns_settings *settings, struct bytes pool)
{
	if (!settings->unsubscribe_url[0] && !settings->unsubscribe_mail[0])
		return false;
	for (size_t i = 0; i < settings->unsubscribe_pools.count; i++)
		if (bytes_is(pool, settings->unsubscribe_pools.items[i]))
			return true;
	return settings->unsubscribe_pools.count == 0;
}

bool marks_are_wanted(const struct returns *returns, const struct delivery_request *mail)
{
	if (!returns || mail->sender.len == 0)
		return false;
	const struct returns_settings *settings = returns_settings(returns);
	return has_feedback(settings) || has_unsubscribe(settings, mail->pool);
}

/* As its results tell it. */
static struct bytes id_of(const struct delivery_request *mail, const struct recipient *recipient)
{
	return recipient->id.len > 0 ? recipient->id : mail->id;
}

/* The form that suppressions have, so that the bouncer finds the address again. */
static bool canonical(struct bytes text, char out[ADDRESS_MAX + 1])
{
	struct address address;
	return address_parse(text, true, &address) == OK && address_canonical(&address, out) == OK;
}

bool marks_sender(const struct returns *returns, const struct delivery_request *mail,
		  const struct recipient *recipient, int64_t wall_ms, char out[RETURN_ADDRESS_SIZE])
{
	char address[ADDRESS_MAX + 1];
	return returns && mail->sender.len > 0 && canonical(recipient->address, address) &&
	       returns_address(returns, id_of(mail, recipient), bytes_of(address), wall_ms, out);
}

static struct bytes header_of(struct bytes message)
{
	struct bytes start = bytes_first(message, MIME_HEADER_MAX);
	const uint8_t *end = memmem(start.data, start.len, "\r\n\r\n", 4);
	return end ? bytes_first(start, (size_t)(end - start.data) + 2) : start;
}

static bool has_field(struct bytes message, const char *name)
{
	struct bytes value;
	return mime_field(header_of(message), name, &value);
}

static enum err write_feedback(const struct returns_settings *settings, const char *claim,
			       struct buf *out)
{
	enum err err = OK;
	if (settings->feedback_loop[0])
		err = buf_printf(out, "CFBL-Address: %s; report=arf\r\n", settings->feedback_loop);
	return err ? err : buf_printf(out, "CFBL-Feedback-ID:\r\n %s\r\n", claim);
}

static enum err write_url(const char *url, const char *claim, struct buf *out)
{
	const char *mark = strstr(url, RETURNS_TOKEN_MARK);
	return buf_printf(out, "<%.*s%s%s>", (int)(mark - url), url, claim,
			  mark + strlen(RETURNS_TOKEN_MARK));
}

static enum err write_unsubscribe(const struct returns_settings *settings, const char *claim,
				  struct buf *out)
{
	const char *url = settings->unsubscribe_url, *mail = settings->unsubscribe_mail;
	enum err err = buf_append_text(out, "List-Unsubscribe:\r\n ");
	if (!err && url[0])
		err = write_url(url, claim, out);
	if (!err && url[0] && mail[0])
		err = buf_append_text(out, ",\r\n ");
	if (!err && mail[0])
		err = buf_printf(out, "<mailto:%s?subject=%s>", mail, claim);
	if (!err)
		err = buf_append_text(out, "\r\n");
	if (!err && url[0])
		err = buf_append_text(out, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
	return err;
}

enum err marks_write(const struct returns *returns, const struct delivery_request *mail,
		     const struct recipient *recipient, struct bytes message, int64_t wall_ms,
		     struct buf *out)
{
	const struct returns_settings *settings = returns_settings(returns);
	const struct return_keys *keys = returns_keys(returns);
	char address[ADDRESS_MAX + 1], text[CLAIM_SIZE];
	if (mail->wishes.heeds_no_tls_policy || !canonical(recipient->address, address))
		return OK; /* a report of our own, or nobody's address */
	const struct claim claim = {.message_id = id_of(mail, recipient),
				    .recipient = bytes_of(address),
				    .tenant = mail->labels.tenant,
				    .pool = mail->pool,
				    .campaign = mail->labels.campaign};
	enum err err = OK;
	if (has_feedback(settings) && !has_field(message, "CFBL-Address") &&
	    !has_field(message, "CFBL-Feedback-ID") &&
	    claim_make(keys, CLAIM_FEEDBACK, &claim, wall_ms, text) == OK)
		err = write_feedback(settings, text, out);
	if (!err && has_unsubscribe(settings, mail->pool) &&
	    !has_field(message, "List-Unsubscribe") &&
	    claim_make(keys, CLAIM_UNSUBSCRIBE, &claim, wall_ms, text) == OK)
		err = write_unsubscribe(settings, text, out);
	return err;
}
