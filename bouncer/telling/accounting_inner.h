/* Shared by the files that write lines: accounting_row.c, accounting_columns.c, accounting_status.c, accounting_json.c. */
#ifndef LEVERET_BOUNCER_TELLING_ACCOUNTING_INNER_H
#define LEVERET_BOUNCER_TELLING_ACCOUNTING_INNER_H

#include "bouncer/telling/accounting_row.h"

#define COLUMN_RECORD(record) (1u << ((record)-1)) /* as a bit */
#define COLUMN_VALUE_MAX      4096

struct column_value {
	char text[COLUMN_VALUE_MAX];
	const struct routing *routing; /* NULL: unknown */
};
/* What the event says in this column; "" where it says nothing. */
void column_put(const char *name, const struct bouncer_event *event, struct column_value *value);
bool column_is_known(const char *name);
/* The columns that files with one of these records have, one after the other from *at = 0 on; NULL at the end. */
const char *column_usual(unsigned records, size_t *at);

const char *status_meaning(struct bytes status); /* "5.1.1": what it means; NULL: not known */

/* "TLSv1.3 TLS_AES_256_GCM_SHA384 ..." in its words; none when there are fewer. */
struct bytes word_of(struct bytes text, size_t index);
/* "192.0.2.1:25" and "[::1]:25" without the port. */
struct bytes ip_of(struct bytes endpoint);
struct bytes domain_of_address(struct bytes address);
enum err json_row(const struct bouncer_event *event, struct buf *out) MUST_USE;

#endif
