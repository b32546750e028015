/* What the publisher's files share: publisher.c sends and hears of confirms, giving_up.c ends what was not confirmed. */
#ifndef LEVERET_BROKER_RABBITMQ_PUBLISHER_INNER_H
#define LEVERET_BROKER_RABBITMQ_PUBLISHER_INNER_H

#include "broker/rabbitmq/publisher.h"
#include "broker/rabbitmq/ring.h"

struct publisher {
	struct loop *loop;
	const struct broker_settings *settings;
	const struct publisher_handler *handler;
	void *owner;
	struct connection *connection;
	struct channel *channel;
	bool is_confirming; /* confirm.select was answered */
	bool is_allowed;
	bool is_blocked;

	struct parcel_list queue; /* not wholly written */
	uint64_t queue_bytes;
	int64_t moved_at_ms; /* of the queue: it began, or the stream took something from it */
	struct ring ring;    /* sent */
	size_t sent_count;   /* in the ring, not settled */
	struct parcel_list finished; /* to be told at the end of the turn */

	bool must_flush; /* a confirm came: company has waited enough */
	struct task flush_task, finish_task;
	struct timer *company_timer, *deadline_timer;
	uint64_t unconfirmed_bytes;
	size_t unconfirmed_count;
};

/* What the owner hears is said once; the parcel may live on until it is written and out of the ring. */
void publisher_tell(struct publisher *publisher, struct parcel *parcel, enum err err);
void publisher_finish_later(struct publisher *publisher, struct parcel *parcel, enum err err);
void publisher_remove_first(struct publisher *publisher); /* of the queue */
/* A parcel told early leaves nothing in the ring once it is written. */
void publisher_forget_if_told(struct publisher *publisher, struct parcel *parcel);

/* ---- giving_up.c ---- */

/* The broker closed the channel with these words: if over a message that is too large, the largest is marked as that. */
void giving_up_too_big(struct publisher *publisher, uint16_t code, const char *text);
/* What was begun may have been kept (E_CLOSED), unless something more exact is known of it. */
void giving_up_sent(struct publisher *publisher, enum err err);
void giving_up_waiting(struct publisher *publisher, enum err err);
void giving_up_late(void *publisher); /* a deadline has come */

#endif
