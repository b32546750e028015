/* What the consumers of one broker share: the connection they read from, the bytes they hold
 * together, and how their leases are settled. consumer.c takes messages, lease.c settles them; this
 * header is between those two and the engine.
 *
 * Each consumer has a channel of its own, so that a missing queue (404) costs only its own leases.
 * A lease points to its consumer until its channel is gone; from then on it is lost and settling it
 * only frees it. */
#ifndef LEVERET_BROKER_RABBITMQ_INTAKE_H
#define LEVERET_BROKER_RABBITMQ_INTAKE_H

#include <sys/queue.h>

#include "broker/engine.h"
#include "broker/rabbitmq/channel.h"
#include "broker/rabbitmq/publisher.h"

enum lease_state {
	LEASE_GONE,	/* in no consumer's books: just made, settled, or lost */
	LEASE_WAITING,	/* here, not shown to the owner: not due, or the owner holds enough */
	LEASE_SHOWN,	/* the owner's */
	LEASE_SETTLING, /* settled by the owner; acked when its successor is confirmed */
	LEASE_REFUSED,	/* its successor was not kept: goes back to the queue after a short wait */
};

struct amqp_lease {
	struct lease lease;		/* first: what callers hold */
	struct amqp_consumer *consumer; /* NULL: lost */
	TAILQ_ENTRY(amqp_lease) next;
	struct content *content;
	enum lease_state state;
};
TAILQ_HEAD(amqp_lease_list, amqp_lease);

struct amqp_consumer {
	struct consumer consumer; /* first: what callers hold */
	struct intake *intake;
	LIST_ENTRY(amqp_consumer) next;
	struct channel *channel;
	char queue[WIRE_SHORT_MAX + 1]; /* logical name */
	char name[WIRE_SHORT_MAX + 1];	/* with the prefix */
	unsigned prefetch;
	size_t prefetch_bytes;
	bool keeps_place;
	void (*taken)(void *owner, struct lease *lease);
	void *owner;

	bool takes_waiting; /* from a queue of what waits: shown although it is not due */
	bool is_paused, is_freed;
	bool is_full; /* it holds its part of the budget: nothing more comes until half of that is settled */
	uint64_t held_bytes;
	bool is_foreign; /* nothing of ours leads back to the queue */
	enum { NOT_CONSUMING, CONSUMING, CANCELLING } subscription;
	char tag[24];
	unsigned subscription_count;
	struct timer *again_timer; /* open or consume again */
	int64_t again_ms;

	struct amqp_lease_list leases; /* all of its channel, in order of their tags */
	unsigned shown_count, waiting_count;
	struct timer *due_timer; /* the next waiting lease is due */
	uint64_t *acks;		 /* tags settled in this turn */
	size_t ack_count, ack_capacity;
	bool may_show; /* leases wait that the owner may have now */
};

struct intake {
	const struct engine *engine;
	struct loop *loop;
	struct connection *connection;
	struct publisher *publisher;
	const struct broker_settings *settings;
	void (*queue_missing)(void *owner); /* the topology must be declared again */
	void *owner;

	LIST_HEAD(, amqp_consumer) consumers;
	bool is_allowed;		 /* the topology stands: queues may be consumed */
	size_t held_count, budget_bytes; /* budget 0: no limit */
	uint64_t held_bytes;
	struct task turn_task; /* acks, and leases that may be shown */
	struct timer *refused_timer;
	struct timer *sip_timer; /* runs while the budget is used up */
};

/* Its part of the budget is used up: it is cancelled, and what is on its way goes back; or it may have more. */
void consumer_fill(struct amqp_consumer *consumer, bool is_full);
/* Bytes that one consumer may hold before that; SIZE_MAX: no limit of its own. */
size_t consumer_part_bytes(const struct amqp_consumer *consumer);
/* The budget is used up: read no more but sips, until on_turn() finds room. */
void intake_hold(struct intake *intake);
void intake_init(struct intake *intake);
/* Leases that are held are lost, and free themselves when they are settled. */
void intake_done(struct intake *intake);
void intake_allow(struct intake *intake, bool is_allowed);

struct consumer *amqp_consumer_new(struct intake *intake, const struct consumer_options *options,
				   void (*taken)(void *owner, struct lease *lease), void *owner);
void amqp_consumer_free(struct consumer *consumer);
void amqp_consumer_pause(struct consumer *consumer, bool is_paused);

/* ---- lease.c ---- */

void lease_arrived(struct amqp_consumer *consumer, struct content *content);
void leases_lost(struct amqp_consumer *consumer);      /* the channel is gone */
void leases_hand_back(struct amqp_consumer *consumer); /* those that the owner never saw */
void leases_show(struct amqp_consumer *consumer);
void leases_send_acks(struct amqp_consumer *consumer); /* appends frames; the caller flushes */
void leases_due(void *consumer);
void leases_refused(void *intake);
bool amqp_lease_is_lost(const struct lease *lease);
void amqp_lease_settle(struct lease *lease, enum settlement how, int64_t delay_ms,
		       const char *reason);

/* For successor.c: a lease in the books of its consumer; settled for good; its message again in the queue, at once. */
void lease_set_state(struct amqp_lease *lease, enum lease_state state);
void lease_acked(struct amqp_lease *lease);
void lease_give_back(struct amqp_lease *lease);
void lease_free(struct amqp_lease *lease);

/* ---- successor.c ---- */

void successor_park(struct amqp_lease *lease, int64_t left_ms, int64_t not_before_wall_ms);
/* To the queue of those that a person must look at. */
void successor_set_aside(struct amqp_lease *lease, const char *to, const char *reason);
void successor_bury(struct amqp_lease *lease, const char *reason);
void successor_release(struct amqp_lease *lease); /* released: it counts */
void successor_hold(struct amqp_lease *lease);	  /* returned after a short wait */

/* Where a message goes that is not due for left_ms: a bucket, or, for less than a second, at once,
 * to be kept by its consumer. */
void intake_delay_exchange(const char *prefix, int64_t left_ms, char out[WIRE_SHORT_MAX + 1]);
#define LEASE_EARLY_MS 50 /* so much too early is on time */

#endif
