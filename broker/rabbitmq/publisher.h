/* Publishes with confirms on a channel of its own: every message is persistent and, but for events,
 * mandatory, and is kept only when the broker has acknowledged it without returning it. Nothing is
 * published again by itself: who gets a failure decides.
 *
 * Messages wait here, not in the output: a body in a file is sent piece by piece as the socket
 * drains, so memory stays bounded. They travel in company, because the broker's cost is per burst:
 * at the end of the turn when nothing is unconfirmed, else with the next confirm, or after
 * `coalesce`, or when 64 KiB wait. */
#ifndef LEVERET_BROKER_RABBITMQ_PUBLISHER_H
#define LEVERET_BROKER_RABBITMQ_PUBLISHER_H

#include "broker/broker.h"
#include "broker/rabbitmq/channel.h"

struct publisher;

struct outgoing {
	const char *exchange; /* with the prefix; "" sends to the queue named by key */
	const char *key;
	const char *message_id, *content_type, *content_encoding, *queue,
		*reason;	    /* NULL or "": none */
	int64_t not_before_wall_ms; /* 0: none */
	bool is_event;		    /* no queue need want it; all else is published mandatory */
	struct bytes head;
	bool keeps_head;       /* the caller keeps head until done; otherwise it is copied */
	struct blob *tail;     /* a reference is taken */
	struct bytes original; /* what original_keep() kept of it; copied */
};

struct publisher_handler {
	void (*ready_changed)(void *owner);
	/* The broker closed the channel. The owner mends what it can and calls publisher_reopen(). */
	void (*broken)(void *owner, uint16_t code, const char *text);
};

struct publisher *publisher_new(struct loop *loop, struct connection *connection,
				const struct broker_settings *settings,
				const struct publisher_handler *handler, void *owner);
void publisher_free(struct publisher **publisher); /* pending ones get E_CANCELLED, from here */

bool publisher_is_ready(const struct publisher *publisher);
/* Not before the exchanges are declared; until then publications fail with E_AWAY. */
void publisher_allow(struct publisher *publisher, bool is_allowed);
void publisher_reopen(struct publisher *publisher);
/* An alarm: what was not sent fails with E_BLOCKED, what was waits for its confirm or its timeout. */
void publisher_block(struct publisher *publisher, bool is_blocked);
void publisher_publish(struct publisher *publisher, const struct outgoing *outgoing, published done,
		       void *owner);
void publisher_drained(struct publisher *publisher); /* the stream took all that was queued */
uint64_t publisher_unconfirmed_bytes(const struct publisher *publisher);
size_t publisher_unconfirmed_count(const struct publisher *publisher);

/* Longest routing key is 255 bytes; a longer one is cut and ends in a hash of the whole, so that
 * equal keys stay equal. */
void publisher_key(const char *key, char out[WIRE_SHORT_MAX + 1]);

#endif
