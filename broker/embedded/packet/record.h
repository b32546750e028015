/* A message of the embedded engine in one run of bytes: the same in memory, in LMDB and between processes, so that it is encoded
 * once, by its publisher, and never again on its way.
 *
 *   u8 version (1) | u8 exchange | u16 flags (0) | i64 since, wall ms | u64 file | u64 body size |
 *   u16 length of key, message id, content type, content encoding, reason | each of these five with a NUL behind | body
 *
 * Numbers are little-endian. A large body stands in a file of its own (bodies/<file in 16 hex digits>): then `file` is not 0 and
 * no body follows. */
#ifndef LEVERET_BROKER_EMBEDDED_PACKET_RECORD_H
#define LEVERET_BROKER_EMBEDDED_PACKET_RECORD_H

#include "broker/broker.h"
#include "broker/embedded/packet/shared.h"

/* A body above this goes to a file of its own. */
#define RECORD_BODY_MAX (256 * 1024)
/* The same of an event, which goes to several queues while a file belongs to one message: what fits in a packet with its texts. */
#define RECORD_EVENT_MAX (960 * 1024)
/* Each of the five texts; longer ones are E_TOO_BIG at publishing. */
#define RECORD_TEXT_MAX 4096

struct record { /* borrowed from the bytes it was parsed from */
	enum exchange exchange;
	int64_t since_wall_ms; /* when it was published */
	uint64_t file;	       /* 0: the body is in `body` */
	uint64_t body_size;    /* also when it is in a file */
	/* "" when none; NULL is encoded as "" */
	const char *key, *message_id, *content_type, *content_encoding, *reason;
	struct bytes body; /* none when in a file */
};

/* E_TOO_BIG (a text over RECORD_TEXT_MAX). With file 0, record->body_size is body's length; the body is `body` then `tail`, of
 * which record->body is the first part (tail may be none). */
enum err record_encode(const struct record *record, struct bytes tail,
		       struct shared **ret) MUST_USE;
/* E_MALFORMED. Every length is checked: these bytes may come from another process. */
enum err record_parse(struct bytes bytes, struct record *ret) MUST_USE;

/* Where a body's file is; `directory` is the engine's own. */
#define BODY_PATH_MAX 4200
void body_path(const char *directory, uint64_t file, char out[BODY_PATH_MAX]);

/* Any number of queues may want it, none need. */
static inline bool exchange_is_for_subscribers(enum exchange exchange)
{
	return exchange == EXCHANGE_RESULTS || exchange == EXCHANGE_EVENTS;
}

/* What a delivery ends with is taken also while there is no room for mail: it lets mail leave, which frees more than it takes. */
static inline bool exchange_is_an_end(enum exchange exchange)
{
	return exchange_is_for_subscribers(exchange) || exchange == EXCHANGE_BURIED ||
	       exchange == EXCHANGE_REFUSED;
}

#endif
