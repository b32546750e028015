/* Shared by accounting_row.c and accounting_json.c. */
#ifndef LEVERET_BOUNCER_TELLING_ACCOUNTING_INNER_H
#define LEVERET_BOUNCER_TELLING_ACCOUNTING_INNER_H

#include "bouncer/telling/accounting_row.h"

/* "TLSv1.3 TLS_AES_256_GCM_SHA384 ..." in its words; none when there are fewer. */
struct bytes word_of(struct bytes text, size_t index);
/* "192.0.2.1:25" and "[::1]:25" without the port. */
struct bytes ip_of(struct bytes endpoint);
struct bytes domain_of_address(struct bytes address);
enum err json_row(const struct bouncer_event *event, struct buf *out) MUST_USE;

#endif
