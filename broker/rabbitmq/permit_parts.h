/* What permits.c (who asks) and seats.c (the broker's side) share. Not for others. */
#ifndef LEVERET_BROKER_RABBITMQ_PERMIT_PARTS_H
#define LEVERET_BROKER_RABBITMQ_PERMIT_PARTS_H

#include <uthash.h>

#include "broker/rabbitmq/permits.h"

struct amqp_permit {
	struct permit permit;	 /* first: what callers hold */
	struct permits *permits; /* NULL: closed */
	struct places *places;
	TAILQ_ENTRY(amqp_permit) next; /* in line or losing */
	TAILQ_ENTRY(amqp_permit) next_of_name;
	struct seat *seat; /* the place it holds; NULL: none */
	unsigned limit;
	bool is_losing; /* until its owner was told */
	const struct permit_handler *handler;
	void *owner;
};

enum seat_state {
	SEAT_DECLARING,
	SEAT_JOINED, /* subscribed: in the queue's line */
	SEAT_HELD,   /* the active one, as a token shows */
	SEAT_LEAVING /* the subscription is being ended */
};

/* This process's part in one place. */
struct seat {
	struct places *places;
	unsigned place;
	char queue[WIRE_SHORT_MAX + 1];
	enum seat_state state;
	/* There was nobody before us, so a token should come at once; until then no other place is tried for the same permit. */
	bool is_promising;
	int64_t since_ms;	    /* of the state */
	uint64_t token;		    /* its delivery tag, while held */
	struct amqp_permit *permit; /* who holds it */
	struct seat *next_answer;
	UT_hash_handle by_queue;
};

struct places { /* of one name */
	struct permits *permits;
	char base[WIRE_SHORT_MAX + 1];
	struct amqp_permit_list all, line; /* line: without a place, in the order they came */
	size_t line_count;
	struct seat **seats; /* by place; NULL: none */
	unsigned seat_max;
	size_t seat_count;
	struct timer *sweep; /* while somebody waits, or a token grows old */
	int64_t refilled_at_ms;
	UT_hash_handle by_base;
};

/* ---- permits.c ---- */

struct amqp_permit *places_first_for(const struct places *places, unsigned place);
void places_line_up(struct places *places, struct amqp_permit *permit, bool is_first);
void places_leave_line(struct places *places, struct amqp_permit *permit);
void places_free_if_unused(struct places *places);
void permits_free_unused(struct permits *permits);
void permit_note_losing(struct amqp_permit *permit); /* told at the end of the turn */
void permits_tell_lost(struct permits *permits);

/* ---- seats.c ---- */

void seats_open(struct permits *permits);   /* the channels, on the link */
void seats_reopen(struct permits *permits); /* channels that the broker closed */
void seats_close(struct permits *permits);
/* Looks for places for all who wait under this name. */
void seats_extend(struct places *places);
/* Held no more: the next in the queue's line may have it. */
void seat_give_back(struct seat *seat);
void seat_add_token(const struct seat *seat); /* to its queue; nothing while that is not possible */
void seat_free(struct seat *seat);
/* Those that nobody of this name could use any more are left. */
void seats_leave(struct places *places, unsigned limit);

#endif
