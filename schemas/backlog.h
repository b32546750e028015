/* The file of `leveret queue export`: messages on their way from one broker engine to another. Pure: bytes in, bytes out.
 *
 *   file:    "leveret-backlog 1\n", records, the end record
 *   record:  u8 kind ('M' message, 'E' end) | u32 length of head | u32 length of body | u32 CRC-32 of head and body | head | body
 *   head of a message:  i64 not before (wall ms; 0: at once) | exchange, key, message id, content type, content encoding, reason,
 *                       queue it lay in: each u16 length, then so many bytes
 *   head of the end:    u64 count of messages; no body
 *
 * Numbers are little-endian. A file without its end was cut, and what stands before the cut is good. */
#ifndef LEVERET_SCHEMAS_BACKLOG_H
#define LEVERET_SCHEMAS_BACKLOG_H

#include "lib/base/buf.h"

#define BACKLOG_START	 "leveret-backlog 1\n"
#define BACKLOG_TEXT_MAX 4096
#define BACKLOG_HEAD_MAX (8u + 7u * (2u + BACKLOG_TEXT_MAX))
#define BACKLOG_BODY_MAX (192u << 20)
#define BACKLOG_SIZE_MAX (13u + BACKLOG_HEAD_MAX + BACKLOG_BODY_MAX) /* of one record */

struct backlog_record {
	bool is_end;
	uint64_t count; /* of the end */
	/* of a message; without NULs */
	int64_t not_before_wall_ms;
	struct bytes exchange; /* "submit", "deliver", "results", "inbound", "buried" */
	struct bytes key, message_id, content_type, content_encoding, reason;
	struct bytes queue; /* for a reader's eyes */
	struct bytes body;
};

/* E_TOO_BIG (a text or the body), E_FULL (no room in `out`); then nothing is appended. */
enum err backlog_write(const struct backlog_record *record, struct buf *out) MUST_USE;
/* Takes one record from the front of `in`, borrowing from it. E_NOT_FOUND: not all of it is there yet, *ret_len says how many bytes
 * it has at least. E_MALFORMED, E_TOO_BIG with the reason. */
enum err backlog_read(struct bytes in, struct backlog_record *ret, size_t *ret_len,
		      struct why *why) MUST_USE;

#endif
