/* How rows are written. Private to the files of rows. */
#ifndef LEVERET_SCHEMAS_ROWS_H
#define LEVERET_SCHEMAS_ROWS_H

#include <stddef.h>

#include "schemas/leveret.pb-c.h"
#include "schemas/message.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Parts of a row; OF is the struct that the rows are of. */
#define AT(member) .at = offsetof(struct OF, member)
#define LIST(items, count, most)                                                                   \
	AT(items), .count_at = offsetof(struct OF, count), .count_max = (most)
#define REQUIRED .is_required = true

extern const struct message pair_message;

#endif
