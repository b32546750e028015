/* A table's entry as bytes in its stream: kind, version, length of the key, key, value; numbers
 * big-endian. */
#ifndef LEVERET_BROKER_RABBITMQ_ENTRY_H
#define LEVERET_BROKER_RABBITMQ_ENTRY_H

#include "broker/broker.h"
#include "lib/base/buf.h"

enum entry_kind {
	ENTRY_SET = 1,
	ENTRY_REMOVED = 2,
	ENTRY_MARKER =
		/* a follower's own, to see how far it has come; its key is the follower's mark */
	3,
};

#define ENTRY_MAX (1u << 20)

enum err entry_write(enum entry_kind kind, const struct table_entry *entry,
		     struct buf *out) MUST_USE; /* E_TOO_BIG */
/* Borrows from b. */
enum err entry_read(struct bytes b, enum entry_kind *ret_kind, struct table_entry *ret) MUST_USE;

#endif
