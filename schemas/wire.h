/* The wire format of Protocol Buffers, walked without allocating: what must be known of a message before it is safe to have it
 * unpacked. Private to schemas/. */
#ifndef LEVERET_SCHEMAS_WIRE_H
#define LEVERET_SCHEMAS_WIRE_H

#include "schemas/message.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
	uint32_t number;
	enum wire_type type;
	struct bytes data; /* WIRE_BYTES only; borrowed */
};

/* Take the field at the front of *rest. E_MALFORMED for what no encoder writes (groups included). */
enum err wire_next(struct bytes *rest, struct wire_field *ret) MUST_USE;

/* Take a message's content out of it: *ret_head holds the other fields, borrowed from `in` when the content stands last as ours
 * does, else copied to the arena. E_TOO_BIG when either is. */
enum err wire_split(struct arena *arena, const struct message *message, struct bytes in,
		    struct bytes *ret_head, struct bytes *ret_content, struct why *why) MUST_USE;

/* Will unpacking cost what it may? An unpacker allocates for each item, and an empty one is 2 bytes on the wire: so lists are
 * counted, and unknown fields too; nothing but a list may stand twice. */
enum err wire_check(const struct message *message, struct bytes in, struct why *why) MUST_USE;

#endif
