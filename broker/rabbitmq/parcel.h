/* One message on its way to the broker: what it says, how far it is written, and whom to tell. */
#ifndef LEVERET_BROKER_RABBITMQ_PARCEL_H
#define LEVERET_BROKER_RABBITMQ_PARCEL_H

#include <sys/queue.h>

#include "broker/rabbitmq/publisher.h"

struct parcel {
	STAILQ_ENTRY(parcel) next;
	published done; /* NULL: its owner was told already */
	void *owner;
	int64_t queued_at_ms, deadline_at_ms;
	int64_t timestamp_s, not_before_wall_ms;
	const char *exchange, *key, *message_id, *content_type, *content_encoding, *queue, *reason;
	bool is_event;
	struct bytes head;
	struct blob *tail; /* let go as soon as it is written */
	struct bytes original;
	uint64_t size, written;
	uint64_t tag; /* 0: not begun */
	enum err err; /* E_UNROUTABLE after its return, before its ack */
};
STAILQ_HEAD(parcel_list, parcel);

#define PARCEL_MAX (132ull << 20) /* body; larger ones RabbitMQ refuses by closing the channel */

/* E_TOO_BIG when a name or the body is longer than can be sent. */
enum err parcel_check(const struct outgoing *outgoing) MUST_USE;
struct parcel *parcel_new(const struct outgoing *outgoing, int64_t now_ms, int64_t wall_ms,
			  int64_t timeout_ms);
void parcel_free(struct parcel **parcel);

void parcel_write_head(const struct parcel *parcel, struct buf *out,
		       uint16_t channel); /* method and content header */
bool parcel_is_written(const struct parcel *parcel);
/* The next body frame. E_IO when the file cannot be read. */
enum err parcel_write_body(struct parcel *parcel, struct buf *out, uint16_t channel,
			   uint32_t frame_max, struct why *why) MUST_USE;

#endif
