/* Mail that comes back to us: bounces, complaints, wishes to unsubscribe (`accept_for` of a listener). It is not sent on but kept for the
 * bouncer, in a queue by what it seems to be. Pure. */
#ifndef LEVERET_INGEST_INBOUND_H
#define LEVERET_INGEST_INBOUND_H

#include "ingest/mail.h"

/* Is the domain one of those? The address was parsed; one whose domain cannot be one is none of them. */
bool inbound_takes(const struct conf_text_list *domains, const struct address *address);
/* A recipient of such mail; its key comes with the header. */
struct destination inbound_destination(struct mail *mail, const struct address *address);
bool inbound_is(const struct mail *mail);

/* The routing key, as the header shows it without being read in full: the bouncer looks closer.
 *   fbl    multipart/report of a feedback-report (RFC 5965)
 *   dsn    any other multipart/report, or the null sender
 *   unsub  to unsubscribe@, unsub-42@
 *   mail   none of these */
const char *inbound_key(struct bytes header, bool has_null_sender, struct bytes recipient);
/* The key of each recipient, once the content is there. */
void inbound_sort(struct mail *mail);

#endif
