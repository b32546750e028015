/* One channel of a connection: what may fail (404, 406) without harm to its neighbours. It opens by
 * itself whenever its connection does, sends methods without waiting for their replies, and puts
 * messages together from their frames. */
#ifndef LEVERET_BROKER_RABBITMQ_CHANNEL_H
#define LEVERET_BROKER_RABBITMQ_CHANNEL_H

#include "broker/rabbitmq/connection.h"

#define CHANNEL_BODY_MAX (160u << 20) /* a larger body is a fault of the broker */
#define CHANNEL_LOST	 0	      /* the code of `closed` when the whole connection went */

/* Headers of ours. The queue is where a delayed message goes back to, if not by its key; bindings ignore names that begin with x-. */
#define HEADER_NOT_BEFORE "x-leveret-not-before" /* int64, wall ms */
#define HEADER_QUEUE	  "leveret-queue"
#define HEADER_REASON	  "x-leveret-reason"
#define HEADER_TAG	  "x-leveret-tag" /* the publisher's, where the correlation id is another's */

/* A message that arrived: a delivery, or one of ours that was returned. One allocation, owned by
 * who got it: free(). */
struct content {
	bool is_returned; /* no queue took it */
	bool is_redelivered;
	uint64_t delivery_tag;
	/* how often it was delivered before, where the broker counts; else 0 */
	int64_t delivery_count;
	int64_t not_before_wall_ms; /* 0: none */
	int64_t stream_offset;	    /* -1: not from a stream */
	/* "" when none */
	const char *key, *message_id, *content_type, *content_encoding, *correlation_id, *reason;
	const char *queue;     /* HEADER_QUEUE; "" when none */
	const char *reply_to;  /* "" when none */
	struct bytes original; /* properties of a message that is not ours; see original.h */
	size_t body_len;
	uint8_t *body;
};

struct channel_handler {
	void (*opened)(void *owner);
	void (*method)(void *owner, const amqp_method_t *method); /* replies, confirms, cancels */
	void (*content)(void *owner, struct content *content);	  /* takes it */
	/* Broken by the broker (its code and text) or lost with its connection, which opens it
	 * again. After a code the owner may call channel_open(). */
	void (*closed)(void *owner, uint16_t code, const char *text);
};

/* Opens with its connection, at once if that is open. The upcalls come from connection_input() and
 * connection_end(). */
struct channel *channel_new(struct connection *connection, const struct channel_handler *handler,
			    void *owner);
void channel_free(struct channel **channel); /* also inside an upcall; no upcall comes after it */
void channel_open(struct channel *channel);  /* again, after `closed` with a code */
bool channel_is_open(const struct channel *channel);
uint16_t channel_number(const struct channel *channel);
struct connection *channel_connection(const struct channel *channel);
void channel_send(struct channel *channel, amqp_method_number_t id,
		  void *method); /* only while open */

/* For the connection. */
void channel_on_connection_opened(struct channel *channel);
void channel_on_connection_lost(struct channel *channel);
enum err channel_on_frame(struct channel *channel, const struct wire_frame *frame,
			  struct why *why) MUST_USE;

#endif
