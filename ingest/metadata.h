/* Header fields that are meant for us and not for the recipient: which pool, tenant, campaign, tags, metadata, when and until when, how urgent.
 *
 *   X-Leveret-Pool, -Tenant, -Campaign, -Tag (each once more), -Metadata: name=value (each once more), -Schedule, -Expiry, -Retry, -Priority, -Window
 *   by setting, for senders of other systems: x-mq-* (MailerQ); x-virtual-mta, x-job, x-envid (PowerMTA)
 *
 * Instants: RFC 3339, "2026-11-21 09:20:00" (UTC), or a number of seconds from now. What a login says (tenant, pool) stands
 * above what a header says. Pure. */
#ifndef LEVERET_INGEST_METADATA_H
#define LEVERET_INGEST_METADATA_H

#include "ingest/mail.h"

enum {
	METADATA_LEVERET = 1,
	METADATA_MAILERQ = 2,
	METADATA_POWERMTA = 4,
};
unsigned metadata_dialect(const char *word); /* "leveret", "mailerq", "powermta"; 0: none of them */

/* Reads `header` (a whole header section, with or without its empty line) into the mail, and gives what is left of it to `keep`, in
 * runs. E_MALFORMED: a field that is for us cannot be understood, with its name; other failures are those of `keep`. */
enum err metadata_read(struct bytes header, unsigned dialects, struct mail *mail,
		       enum err (*keep)(void *owner, struct bytes run), void *owner,
		       struct why *why) MUST_USE;

struct metadata_gaps { /* fields that RFC 5322 wants and that are not there */
	bool has_date, has_message_id;
};
struct metadata_gaps metadata_find_gaps(struct bytes header);

#endif
