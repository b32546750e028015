/* Whom a client may send as: the envelope sender, and every address of the From and Sender fields, must be in the client's domains, since
 * readers see the one and DKIM signs by the other. Pure. */
#ifndef LEVERET_INGEST_FROM_DOMAINS_H
#define LEVERET_INGEST_FROM_DOMAINS_H

#include "ingest/mail.h"
#include "lib/conf/conf.h"

/* `domains`: patterns as of routing_pattern_matches(), in A-labels; an empty list allows everything. `envelope_sender`: local@domain, or
 * none for the null sender, which is allowed always. `header`: the whole header section, whatever follows its empty line is not read.
 * E_REFUSED, with what is wrong: an address of another domain, no From field, or one of which nobody could say whom it names. */
enum err sender_is_allowed(const struct conf_text_list *domains, struct bytes envelope_sender,
			   struct bytes header, struct why *why) MUST_USE;
/* The same for one domain as it stands in an address. */
bool domain_is_allowed(const struct conf_text_list *domains, struct bytes domain);
/* The same for a mail that has its sender and its content, which is no skeleton. A header too long to be read whole is refused. */
enum err mail_sender_is_allowed(const struct conf_text_list *domains, const struct mail *mail,
				struct why *why) MUST_USE;
/* The same for a skeleton: its From field is of one address for all recipients, and a Sender may hold no tags. */
enum err skeleton_sender_is_allowed(const struct conf_text_list *domains,
				    struct bytes envelope_sender, struct bytes skeleton,
				    struct why *why) MUST_USE;

#endif
