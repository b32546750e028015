/* What each message holds, as tables: one row per field, in the order of the .proto. The same rows serve Protocol Buffers and
 * JSON, reading, checking and writing, so that the two forms cannot drift apart. Private to schemas/. */
#ifndef LEVERET_SCHEMAS_MESSAGE_H
#define LEVERET_SCHEMAS_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "schemas/schemas.h"

enum field_kind {		 /* member of the plain struct; what it may hold */
		  FIELD_ID,	 /* struct bytes; printable ASCII without space */
		  FIELD_NAME,	 /* struct bytes; UTF-8 without controls */
		  FIELD_ADDRESS, /* struct bytes; the same, as long as an address */
		  FIELD_TEXT,	 /* struct bytes; UTF-8 without controls but line breaks and tabs */
		  FIELD_CONTENT, /* struct bytes; any. One row at the most; last on the wire */
		  FIELD_WALL_MS, /* int64_t; 0 to the end of the year 9999 */
		  FIELD_UINT32,	 /* uint32_t */
		  FIELD_UINT64,	 /* uint64_t */
		  FIELD_BOOL,	 /* bool */
		  FIELD_ENUM,	 /* an enum; one of `names` */
		  FIELD_MESSAGE, /* a struct with rows of its own */
};

struct message;

struct field {
	const char *name; /* as in the .proto */
	enum field_kind kind;
	size_t at;	  /* offset of the member; a list is a pointer to its items */
	bool is_required; /* not absent, not empty */
	size_t max;	  /* bytes of text; 0: what is usual for the kind */
	size_t count_max; /* 0: not a list */
	size_t count_at; /* offset of a list's size_t, or of the bool that tells whether a single message is there */
	const struct message *message;
	const char *const *names; /* by value, from 1 on, ended by NULL */
};

#define MESSAGE_FIELDS_MAX 40

struct message {
	const ProtobufCMessageDescriptor *pb; /* its fields stand in the order of the rows */
	size_t size;			      /* of the plain struct */
	size_t field_count;
	size_t head_max; /* bytes beside the content; 0: SCHEMA_HEAD_MAX */
	const struct field *fields;
	const char *(*problem)(
		const void *decoded); /* what no single row can tell; NULL when nothing is wrong */
};

extern const struct message submission_message, delivery_request_message, result_message,
	skeleton_message, result_batch_message, inbound_mail_message, suppression_message,
	alert_state_message, directive_message, webhook_row_message, bouncer_event_message,
	bouncer_event_batch_message, tls_tally_message, tls_tally_batch_message;

size_t field_item_size(const struct field *field);
/* The row of the content, NULL for messages without one. */
const struct field *message_content(const struct message *message);
uint32_t message_content_number(const struct message *message); /* on the wire; 0 without one */
/* decode.c, encode.c: Protocol Buffers of any message; encoding writes `content` behind the rest where the message has one. */
enum err message_decode(const struct message *message, struct arena *arena, struct bytes in,
			void *ret, struct why *why) MUST_USE;
enum err message_encode(const struct message *message, const void *from, struct bytes content,
			struct buf *out) MUST_USE;
/* All but the content, of which only the length is said. Room is asked for `reserve_bytes` more. */
enum err message_encode_head(const struct message *message, const void *from,
			     uint64_t content_bytes, size_t reserve_bytes,
			     struct buf *out) MUST_USE;
/* Where in a message something is, for the reason that a person reads: "results[3].recipient". */
struct path {
	const struct path *parent; /* NULL at the top */
	const char *name;
	ptrdiff_t index; /* in a list; -1: not in one */
};
/* fail() with the path in front. */
enum err path_fail(const struct path *path, struct why *why, enum err err, const char *problem);

/* Is the decoded message complete: required fields, and what `problem` tells? */
enum err message_check(const struct message *message, const void *decoded, const struct path *path,
		       struct why *why) MUST_USE;
/* Is the value one that its field may hold? */
enum err field_check_bytes(const struct field *field, struct bytes value, const struct path *path,
			   struct why *why) MUST_USE;
enum err field_check_wall_ms(int64_t value, const struct path *path, struct why *why) MUST_USE;
enum err field_check_enum(const struct field *field, int64_t value, const struct path *path,
			  struct why *why) MUST_USE;

#endif
