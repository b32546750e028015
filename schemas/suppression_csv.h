/* Suppressions as lines of CSV (RFC 4180), as other systems export them and people edit them. Pure.
 *
 * The first line may name the columns, in any order and any case: address (or email, recipient), tenant, stream, reason, created,
 * expires, evidence, message_id, rule, site; others are passed over. Without such a line the first column is the address. Times are
 * RFC 3339. */
#ifndef LEVERET_SCHEMAS_SUPPRESSION_CSV_H
#define LEVERET_SCHEMAS_SUPPRESSION_CSV_H

#include "schemas/schemas.h"

#define CSV_COLUMNS_MAX 64

struct suppression_csv {
	unsigned columns[CSV_COLUMNS_MAX]; /* which field, 0: none */
	size_t column_count;
	bool has_columns; /* the first line was seen */
};

/* One line, without its end. E_NOT_FOUND: it is the line of names, or empty. E_MALFORMED, E_TOO_BIG with the reason. The address is as it was
 * written, or "sha256:" and the digest where only 64 hexadecimal digits are given. */
enum err suppression_csv_read(struct suppression_csv *csv, struct arena *arena, struct bytes line,
			      struct suppression *ret, struct why *why) MUST_USE;
extern const char suppression_csv_names[]; /* the line that suppression_csv_write() writes under */
enum err suppression_csv_write(const struct suppression *suppression, struct buf *out) MUST_USE;

#endif
