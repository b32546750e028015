/* What travels between programs, as plain structs, with their codec. The only door to protobuf-c.
 *
 * Decoding checks everything the rest of the program relies on: limits below, well-formed UTF-8 where promised, no NUL or line break
 * in addresses and names, at least one recipient. Malformed input is E_MALFORMED (E_TOO_BIG past a limit) with the reason, never a
 * crash: the caller sets it aside whole. What was decoded lives in the arena and borrows from `in`. Absent fields are none/0. */
#ifndef LEVERET_SCHEMAS_SCHEMAS_H
#define LEVERET_SCHEMAS_SCHEMAS_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "schemas/event_parts.h"

#define SCHEMA_ID_MAX		  64
#define SCHEMA_LIMITS_MAX	  1000 /* of a Directive: all of a site's, as words */
#define SCHEMA_NAME_MAX		  255  /* pool, site, tenant, campaign, tag, metadata name */
#define SCHEMA_TAGS_MAX		  50
#define SCHEMA_METADATA_MAX	  50
#define SCHEMA_METADATA_VALUE_MAX 1024
#define SCHEMA_ECHO_MAX		  32768
#define SCHEMA_HEADERS_MAX	  16   /* fields of its header that a result tells */
#define SCHEMA_TEXT_MAX		  4096 /* accepted in reply texts and evidence; we write 1,000 */
#define SCHEMA_RECIPIENTS_MAX	  10000
#define SCHEMA_VARIABLES_MAX	  (64u << 10) /* of a recipient, and of a skeleton */
#define SCHEMA_SEGMENTS_MAX	  1000
#define SCHEMA_RESULTS_MAX	  1000	     /* accepted in a batch; we write 100 */
#define SCHEMA_HEAD_MAX		  (4u << 20) /* encoded size of everything but the content */
#define SCHEMA_CONTENT_MAX	  (128u << 20)
#define SCHEMA_SUPPRESSIONS_MAX	  1000 /* of an import */

struct pair {
	struct bytes name, value;
};

/* What identifies a message for its owner; echoed from submission to result. */
struct labels {
	struct bytes tenant, campaign;
	struct bytes *tags;
	size_t tag_count;
	struct pair *metadata;
	size_t metadata_count;
	struct bytes echo; /* of a recipient only: for the door that took it in; echo_with() */
};

struct submission {
	struct bytes id, sender;
	struct bytes *recipients;
	size_t recipient_count;
	struct bytes pool;
	struct labels labels;
	int64_t not_before_wall_ms, expires_wall_ms;
	struct bytes retry;  /* name of a schedule */
	uint32_t priority;   /* as in mail_wishes */
	struct bytes window; /* name of a sending window */
	struct bytes content;
};

/* RFC 3461 NOTIFY, as bits. */
#define NOTIFY_NEVER   1u
#define NOTIFY_SUCCESS 2u
#define NOTIFY_FAILURE 4u
#define NOTIFY_DELAY   8u

struct recipient {
	struct bytes address;
	uint32_t attempt;      /* attempts made before */
	struct bytes id;       /* told in its results in place of the message's */
	struct labels labels;  /* tags and metadata of its own; see labels_with() */
	uint32_t notify;       /* NOTIFY_... bits; 0: not told */
	struct bytes original; /* ORCPT, decoded */
	struct bytes
		variables; /* a JSON object; none: the content is a whole message, else a skeleton */
	struct bytes name, shown_address; /* in To */
	bool is_delay_told;
};

/* A message that is written for each recipient by its variables: what the content of a delivery request is whose recipients have any. */
enum segment_kind {
	SEGMENT_LITERAL = 1,
	SEGMENT_HEADER,
	SEGMENT_MAILBOX,
	SEGMENT_TO,
	SEGMENT_MESSAGE_ID,
	SEGMENT_TEXT_BODY,
	SEGMENT_HTML_BODY
};
struct segment {
	enum segment_kind kind;
	struct bytes name, address, text;
};
struct skeleton {
	struct segment *segments;
	size_t segment_count;
	struct bytes variables;
};

enum dsn_return { DSN_RETURN_FULL = 1, DSN_RETURN_HEADERS };

/* What an SMTP client asked for its message; all of it may be absent. */
struct mail_wishes {
	struct bytes envelope_id; /* ENVID, decoded */
	enum dsn_return dsn_return;
	uint32_t priority; /* 1 to 19 for -9 to 9 */
	bool require_tls;
	bool heeds_no_tls_policy; /* of reports on TLS only */
	int64_t late_wall_ms;
};

/* What results tell of a recipient: the message's labels, with those of its own (tags, metadata) behind or in place of them. The arena
 * is used only when there are any. Past the limits above the message's give way. */
struct labels labels_with(struct arena *arena, const struct labels *message,
			  const struct labels *own);

/* Where a message came from; each may be none. */
struct mail_origin {
	struct bytes door, client, user; /* "smtp", an address, who logged in */
};

struct delivery_request {
	struct bytes id, sender;
	struct recipient *recipients;
	size_t recipient_count;
	struct bytes pool, site;
	int64_t accepted_wall_ms, expires_wall_ms, not_before_wall_ms;
	struct labels labels;
	bool smtputf8, eightbit;
	bool binary;	     /* not in lines: NUL, CR or LF alone, very long lines */
	bool bare_line_ends; /* of those, CR or LF alone */
	struct mail_wishes wishes;
	struct mail_origin origin;
	struct bytes retry;    /* name of a schedule */
	int64_t begin_wall_ms; /* what its age is counted from; 0: no worker has seen it */
	struct bytes window;   /* name of a sending window */
	uint32_t forwards;     /* how often a worker sent it on to another site's queue */
	struct bytes content;  /* decoding: borrowed from the input, not copied */
};

enum result_event {
	RESULT_DELIVERED = 1,
	RESULT_DEFERRED,
	RESULT_BOUNCED,
	RESULT_EXPIRED,
	RESULT_SUPPRESSED,
	RESULT_CANCELLED,
	RESULT_EVENT_LAST = RESULT_CANCELLED
};
const char *result_event_name(enum result_event event); /* "delivered", as in routing keys */

struct result {
	struct bytes id, recipient, sender;
	enum result_event event;
	uint32_t attempt, code;
	struct bytes enhanced, text, step;
	struct bytes remote_host, remote_address, source, tls;
	int64_t at_wall_ms, accepted_wall_ms, next_attempt_wall_ms;
	struct bytes pool, site;
	struct labels labels;
	uint64_t content_bytes;
	struct bytes worker;
	struct bytes class
		; /* of bounce, where a shaping rule gives one; empty: the bouncer's rules say */
	struct bytes original; /* ORCPT, decoded */
	struct bytes esmtp;    /* keywords that the host offered, with commas between */
	struct pair *headers;  /* of the message, as the settings name them */
	size_t header_count;
	uint32_t took_ms; /* from MAIL to the answer */
	struct mail_origin origin;
};

struct result_batch {
	struct result *results;
	size_t count;
};

struct inbound_mail {
	struct bytes id, sender;
	struct bytes *recipients;
	size_t recipient_count;
	struct bytes client_address;
	int64_t received_wall_ms;
	struct bytes content;
};

struct suppression {
	struct bytes address, tenant, stream, reason, origin, evidence, message_id;
	int64_t created_wall_ms, expires_wall_ms;
	uint64_t version;
	bool is_removed, covers_tags, is_held;
	struct bytes rule, site;
};

struct suppression_filter {
	int64_t since_wall_ms, until_wall_ms;
	struct bytes domain, prefix, reason, rule, text, tenant, stream, origin, site;
};

enum directive_kind {
	DIRECTIVE_SUSPEND = 1,
	DIRECTIVE_RESUME,
	DIRECTIVE_BOUNCE,
	DIRECTIVE_RECALL,
	DIRECTIVE_SUPPRESS,
	DIRECTIVE_UNSUPPRESS,
	DIRECTIVE_UNDO,
	DIRECTIVE_RELEASE_HELD,
	DIRECTIVE_DROP_HELD,
	DIRECTIVE_IMPORT,
	DIRECTIVE_PAUSE_WEBHOOK,
	DIRECTIVE_RESUME_WEBHOOK,
	DIRECTIVE_LEARN,
	DIRECTIVE_LIMIT,
	DIRECTIVE_CLEAR_ALERT,
	DIRECTIVE_TEST_ALERT,
	DIRECTIVE_TLS_REPORT,
};
struct directive {
	enum directive_kind kind;
	struct bytes pool, site, source, tenant, campaign, by, reason;
	int64_t until_wall_ms;
	bool has_suppression;
	struct suppression suppression;
	bool has_filter;
	struct suppression_filter filter;
	struct suppression *suppressions; /* DIRECTIVE_IMPORT */
	size_t suppression_count;
	struct bytes webhook;
	struct bytes domain; /* DIRECTIVE_LEARN, DIRECTIVE_TLS_REPORT */
	struct bytes alert;  /* DIRECTIVE_CLEAR_ALERT, DIRECTIVE_TEST_ALERT */
	struct bytes limits; /* DIRECTIVE_LIMIT */
};

enum webhook_row_mode {
	WEBHOOK_ROW_ON = 1,
	WEBHOOK_ROW_PAUSED,
	WEBHOOK_ROW_DISABLED,
};
struct webhook_row { /* of the table "webhooks" */
	struct bytes name, url, secret, old_secret;
	struct bytes *events;
	size_t event_count;
	struct bytes tenant;
	uint32_t batch_max, batch_every_ms, requests, timeout_ms, give_up_ms;
	int64_t created_wall_ms;
	enum webhook_row_mode mode;
	int64_t mode_since_wall_ms;
	uint64_t version;
};

/* The first six are those of results. */
enum bouncer_event_kind {
	EVENT_DELIVERED = 1,
	EVENT_DEFERRED,
	EVENT_BOUNCED,
	EVENT_EXPIRED,
	EVENT_SUPPRESSED,
	EVENT_CANCELLED,
	EVENT_COMPLAINED,
	EVENT_UNSUBSCRIBED,
	EVENT_SUPPRESSION_ADDED,
	EVENT_SUPPRESSION_REMOVED,
	EVENT_ALERT,
	EVENT_SHAPING_FIRED, /* these two are published by workers */
	EVENT_SHAPING_ENDED,
	BOUNCER_EVENT_LAST = EVENT_SHAPING_ENDED
};
const char *bouncer_event_name(enum bouncer_event_kind kind); /* "delivered", as in routing keys */

struct bouncer_event {
	struct bytes id;
	enum bouncer_event_kind kind;
	int64_t at_wall_ms;
	bool has_result, has_suppression, has_alert_state, has_shaping, is_verified;
	struct result result;
	struct bytes class, hardness, rule;
	uint32_t confidence;
	struct bytes report, feedback_type;
	struct suppression suppression;
	struct bytes alert, text;
	uint64_t count;
	struct alert_state alert_state;
	struct bytes reporter; /* of a returned mail: a host, a complaint's user agent */
	struct shaping_event shaping;
};

struct bytes
bouncer_event_tenant(const struct bouncer_event *event); /* whose it is; none: nobody's */

struct bouncer_event_batch {
	struct bouncer_event *events;
	size_t count;
};

/* Protocol Buffers. Encoding appends to `out` (E_FULL when it does not fit). */
enum err submission_decode(struct arena *arena, struct bytes in, struct submission *ret,
			   struct why *why) MUST_USE;
enum err submission_encode(const struct submission *submission, struct buf *out) MUST_USE;
enum err delivery_request_decode(struct arena *arena, struct bytes in, struct delivery_request *ret,
				 struct why *why) MUST_USE;
/* Everything up to and including the length of a content of content_bytes: the content itself follows on the wire, so that a large
 * one is never copied. request->content is ignored. */
enum err delivery_request_encode_head(const struct delivery_request *request,
				      uint64_t content_bytes, struct buf *out) MUST_USE;
enum err skeleton_decode(struct arena *arena, struct bytes in, struct skeleton *ret,
			 struct why *why) MUST_USE;
enum err skeleton_encode(const struct skeleton *skeleton, struct buf *out) MUST_USE;
enum err result_batch_decode(struct arena *arena, struct bytes in, struct result_batch *ret,
			     struct why *why) MUST_USE;
enum err result_batch_encode(const struct result_batch *batch, struct buf *out) MUST_USE;
enum err inbound_mail_decode(struct arena *arena, struct bytes in, struct inbound_mail *ret,
			     struct why *why) MUST_USE;
/* As delivery_request_encode_head(). */
enum err inbound_mail_encode_head(const struct inbound_mail *mail, uint64_t content_bytes,
				  struct buf *out) MUST_USE;
enum err inbound_mail_encode(const struct inbound_mail *mail, struct buf *out) MUST_USE;
enum err suppression_decode(struct arena *arena, struct bytes in, struct suppression *ret,
			    struct why *why) MUST_USE;
enum err suppression_encode(const struct suppression *suppression, struct buf *out) MUST_USE;
enum err webhook_row_decode(struct arena *arena, struct bytes in, struct webhook_row *ret,
			    struct why *why) MUST_USE;
enum err webhook_row_encode(const struct webhook_row *row, struct buf *out) MUST_USE;
enum err directive_decode(struct arena *arena, struct bytes in, struct directive *ret,
			  struct why *why) MUST_USE;
enum err directive_encode(const struct directive *directive, struct buf *out) MUST_USE;
enum err bouncer_event_batch_decode(struct arena *arena, struct bytes in,
				    struct bouncer_event_batch *ret, struct why *why) MUST_USE;
enum err bouncer_event_batch_encode(const struct bouncer_event_batch *batch,
				    struct buf *out) MUST_USE;

/* JSON (schemas/json_*.c): the proto3 mapping, names as in the .proto or in lowerCamelCase. Strict: duplicate and unknown names,
 * depth, NUL and bad UTF-8 are refused with the field's path. `content` is base64; `mime` is the same as text. A single string is
 * taken where a list is, and an object of strings where metadata is. */
enum err submission_from_json(struct arena *arena, struct bytes in, struct submission *ret,
			      struct why *why) MUST_USE;
/* As suppression_to_json() writes it. */
enum err suppression_from_json(struct arena *arena, struct bytes in, struct suppression *ret,
			       struct why *why) MUST_USE;
enum err webhook_row_from_json(struct arena *arena, struct bytes in, struct webhook_row *ret,
			       struct why *why) MUST_USE;
/* What can be read of a submission that was refused, for the results that tell so: its id, envelope and labels as far as they are
 * what they should be, and no content. Absent is what cannot be read. */
void submission_glimpse(struct arena *arena, struct bytes in, struct submission *ret);
void submission_glimpse_json(struct arena *arena, struct bytes in, struct submission *ret);
/* One JSON object on one line, without a line break at its end. Absent fields are left out, times are RFC 3339 under their name
 * without "_wall_ms", what is not UTF-8 is replaced by U+FFFD. */
enum err result_to_json(const struct result *result, struct buf *out) MUST_USE;
enum err suppression_to_json(const struct suppression *suppression, struct buf *out) MUST_USE;
enum err alert_state_to_json(const struct alert_state *state, struct buf *out) MUST_USE;
enum err bouncer_event_to_json(const struct bouncer_event *event, struct buf *out) MUST_USE;

/* The echo of a recipient that is tried again: with a line more, the result of this attempt as JSON in ASCII, without what the next
 * result will tell too. The echo as it was when there is none, or no room. */
struct bytes echo_with(struct arena *arena, struct bytes echo, const struct result *result);

/* Undo `content_encoding: gzip`, at most max_bytes of output (E_TOO_BIG). One member, nothing behind it. */
enum err gunzip(struct arena *arena, struct bytes in, size_t max_bytes, struct bytes *ret,
		struct why *why) MUST_USE;
/* The same the other way: one member, appended. */
enum err gzip_write(struct bytes in, struct buf *out) MUST_USE;
size_t gunzip_size(
	struct
	bytes in); /* the bytes that gunzip() will take for it, as `in` tells; 0 when it is none */

/* The key of the suppressions table: tenant, stream and canonical address joined by NUL. Longer ones than 511 bytes are hashed
 * (0xff, then SHA-256), as LMDB has no longer keys. Returns the key's length. */
#define SUPPRESSION_KEY_MAX 511
size_t suppression_key(struct bytes tenant, struct bytes stream, struct bytes address,
		       uint8_t out[SUPPRESSION_KEY_MAX]);
/* Of an entry: where it is held, a key that no look-up asks for. */
size_t suppression_entry_key(const struct suppression *suppression,
			     uint8_t out[SUPPRESSION_KEY_MAX]);
/* Whose entry stands at a key, borrowed from it; false: the key does not tell. */
bool suppression_key_owner(struct bytes key, struct bytes *ret_tenant, struct bytes *ret_stream);
/* An address that only its digest is known of: this and 64 hexadecimal digits. Its key has the digest's bytes. */
#define SUPPRESSION_DIGEST_PREFIX "sha256:"
/* The same for the table of directives: kind, tenant, campaign; of SUSPEND, and RESUME in its place, pool, site and source too. */
size_t directive_key(const struct directive *directive, uint8_t out[SUPPRESSION_KEY_MAX]);
/* Of LIMIT this, and the site: so these stand together in the table. */
#define DIRECTIVE_LIMIT_KEY "14"

#endif
