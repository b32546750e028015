/* Mailboxes of header fields (RFC 5322 3.4), read as far as the domain that mail is From. Pure. */
#ifndef LEVERET_LIB_MAIL_MAILBOX_H
#define LEVERET_LIB_MAIL_MAILBOX_H

#include "lib/base/bytes.h"

/* The domain of the first address in the value of From or Sender, as written; borrowed. False when there is none that can be told. */
bool mailbox_domain(struct bytes value, struct bytes *ret);

/* The pieces, for who reads more strictly: how long the quoted string or comment at the front is, 0 when it has no end; and how long the run of
 * bytes that may be of a domain. */
size_t mailbox_hidden_len(struct bytes b);
size_t mailbox_domain_len(struct bytes b);

#endif
