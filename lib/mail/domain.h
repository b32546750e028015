/* Domains and address literals as they stand in addresses; domain_canonical is in lib/mail/address.h. Pure functions. */
#ifndef LEVERET_LIB_MAIL_DOMAIN_H
#define LEVERET_LIB_MAIL_DOMAIN_H

#include "lib/base/bytes.h"

/* A domain of RFC 5321 4.1.2 (underscores taken too; non-ASCII labels only looked at byte by byte), without final dot; or a
 * literal "[192.0.2.1]", "[IPv6:2001:db8::1]". Other kinds of literals name nothing that mail could be sent to. */
bool domain_is_valid(struct bytes domain);

#endif
