/* Any header section: when a client may send it, the domain by which DKIM would choose a key is one of the client's. */
#include <stdlib.h>

#include "ingest/from_domains.h"
#include "lib/dkim/header.h"
#include "lib/mail/mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *items[] = {"a.b"};
	static const struct conf_text_list domains = {items, 1};
	struct bytes in = bytes_from(data, size), domain;
	struct header_field from;
	struct why why;
	if (sender_is_allowed(&domains, BYTES_NONE, in, &why) != OK)
		return 0;
	if (header_field_find(in, "From", &from) != OK || !mailbox_domain(from.value, &domain))
		return 0;
	if (!domain_is_allowed(&domains, domain))
		abort();
	return 0;
}
