/* What of internationalized mail (RFC 6531, 6532) a host without SMTPUTF8 can be sent: addresses whose domain alone is not ASCII, with the domain as
 * A-labels. Header fields are never changed for it. Pure. */
#ifndef LEVERET_WORKERS_SMTP_DOWNGRADE_H
#define LEVERET_WORKERS_SMTP_DOWNGRADE_H

#include "lib/mail/address.h"
#include "workers/smtp/session.h"

/* False: its local part is not ASCII, and says something to its own host only. */
bool downgrade_address(const struct address *address, char out[ADDRESS_MAX + 1]);
/* A header field of the mail, or of a part of it, is not ASCII; also when it is too big to be looked at here, on the loop. */
bool downgrade_is_impossible(const struct smtp_transaction *transaction);

#endif
