/* See downgrade.h. */
#include "workers/smtp/downgrade.h"

#include <stdio.h>

#include "lib/mime/mime.h"

#define LOOKED_AT_MAX ((size_t)8 << 20) /* bytes of a mail whose parts are looked at */

bool downgrade_address(const struct address *address, char out[ADDRESS_MAX + 1])
{
	char domain[ADDRESS_DOMAIN_MAX + 1];
	if (!address->needs_smtputf8)
		return bytes_to_cstr(address->text, out, ADDRESS_MAX + 1);
	if (!bytes_is_ascii(address->local) || domain_canonical(address->domain, domain) != OK)
		return false;
	int len = snprintf(out, ADDRESS_MAX + 1, "%.*s@%s", BYTES_ARGS(address->local), domain);
	return len > 0 && len <= ADDRESS_MAX;
}

static bool has_utf8_header(struct bytes content)
{
	struct mime mime;
	struct arena *arena = arena_new();
	mime_read(arena, content, &mime);
	bool has_utf8 = mime.is_cut;
	for (size_t i = 0; i < mime.count && !has_utf8; i++)
		has_utf8 = !bytes_is_ascii(mime.parts[i].header) ||
			   mime.parts[i].header.len >= MIME_HEADER_MAX;
	arena_free(&arena);
	return has_utf8;
}

bool downgrade_is_impossible(const struct smtp_transaction *transaction)
{
	if (bytes_is_ascii(transaction->content))
		return !bytes_is_ascii(transaction->head);
	return transaction->content.len > LOOKED_AT_MAX || !bytes_is_ascii(transaction->head) ||
	       has_utf8_header(transaction->content);
}
