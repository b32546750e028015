/* Publications that must not be lost once they are due: each is repeated, with growing waits, until the broker keeps it or nobody wants
 * it any more. Lives on one loop. */
#ifndef LEVERET_WORKERS_DELIVERY_POSTING_H
#define LEVERET_WORKERS_DELIVERY_POSTING_H

#include "broker/broker.h"

struct postings;
struct postings *postings_new(struct loop *loop, struct broker *broker);
/* After broker_close(). What was not kept yet is forgotten, without an upcall. */
void postings_free(struct postings **postings);

struct posting_handler {
	bool (*is_wanted)(void *owner);		 /* asked before each repetition; NULL: always */
	void (*done)(void *owner, bool is_kept); /* once, never from inside postings_add() */
};
/* The publication and its head are copied; a reference to the tail is taken. */
void postings_add(struct postings *postings, const struct publication *publication,
		  const struct posting_handler *handler, void *owner);

/* The wait after so many failures; random: [0, 1). Pure. */
int64_t posting_wait_ms(unsigned failures, double random);

#endif
