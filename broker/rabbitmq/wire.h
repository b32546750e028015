/* AMQP 0-9-1 frames: bytes in, bytes out. The framing is ours; what stands inside methods and
 * content headers is coded by rabbitmq-c, of which nothing else is used, because its own reading
 * and sending block. Bytes of the broker are not trusted: every length is checked. */
#ifndef LEVERET_BROKER_RABBITMQ_WIRE_H
#define LEVERET_BROKER_RABBITMQ_WIRE_H

#include <amqp.h>
#include <amqp_framing.h>

#include "lib/base/buf.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"

#define WIRE_FRAME_MAX	     131072 /* what we offer; RabbitMQ's own default */
#define WIRE_FRAME_MIN	     4096   /* the protocol's least frame_max */
#define WIRE_FRAME_OVERHEAD  8	    /* type, channel, size and end mark */
#define WIRE_METHOD_MAX	     16384  /* no method that we send is longer */
#define WIRE_SHORT_MAX	     255    /* bytes in a name, key or id */
#define WIRE_NESTING_MAX     500    /* tables and arrays in one frame */
#define WIRE_HEADER_PROTOCOL BYTES("AMQP\0\0\11\1")

enum wire_type { WIRE_METHOD = 1, WIRE_CONTENT = 2, WIRE_BODY = 3, WIRE_HEARTBEAT = 8 };

struct wire_frame {
	enum wire_type type;
	uint16_t channel;
	amqp_method_t method; /* WIRE_METHOD */
	uint64_t body_size;   /* WIRE_CONTENT */
	const amqp_basic_properties_t *properties;
	struct bytes body; /* WIRE_BODY */
};

struct wire_decoder {
	uint32_t frame_max; /* as negotiated */
	amqp_pool_t pool;   /* holds the tables of one frame */
};

void wire_decoder_init(struct wire_decoder *decoder);
void wire_decoder_done(struct wire_decoder *decoder);
/* The frame at the front of `in`. *ret_used is its length, or 0 when it is not all there yet. The
 * frame borrows from `in` and from the decoder until the next call. E_MALFORMED: the peer does not
 * speak our protocol; nothing after it can be understood. */
enum err wire_decode(struct wire_decoder *decoder, struct bytes in, struct wire_frame *ret,
		     size_t *ret_used, struct why *why) MUST_USE;

/* Each appends whole frames to `out`, which must have room. Short strings must have been checked
 * (WIRE_SHORT_MAX). */
void wire_method(struct buf *out, uint16_t channel, amqp_method_number_t id, void *method);
void wire_content(struct buf *out, uint16_t channel, uint64_t body_size,
		  amqp_basic_properties_t *properties);
void wire_heartbeat(struct buf *out);
/* A body frame around `len` bytes that the caller writes to the place returned, then ends with
 * wire_body_end(). */
uint8_t *wire_body_begin(struct buf *out, uint16_t channel, size_t len);
void wire_body_end(struct buf *out, size_t len);

/* rabbitmq-c's strings. The text is borrowed. */
amqp_bytes_t wire_text(const char *text);
struct bytes wire_bytes(amqp_bytes_t b);
/* Copied as a C string, cut at WIRE_SHORT_MAX and at a NUL. */
void wire_copy_short(amqp_bytes_t b, char out[WIRE_SHORT_MAX + 1]);
amqp_table_entry_t wire_entry_text(const char *key, const char *value);
amqp_table_entry_t wire_entry_int(const char *key, int64_t value);
amqp_table_entry_t wire_entry_flag(const char *key, bool value);
/* NULL when the table has no such entry. */
const amqp_field_value_t *wire_find(const amqp_table_t *table, const char *key);
bool wire_value_int(const amqp_field_value_t *value,
		    int64_t *ret); /* any kind of integer; NULL gives false */
bool wire_value_text(const amqp_field_value_t *value,
		     struct bytes *ret); /* text or bytes, borrowed; NULL gives false */

#endif
