/* Publications that were sent and not settled yet, by delivery tag. Tags rise one by one from the
 * channel's opening, so a ring of slots finds each at once and grows only when all are in use. */
#ifndef LEVERET_BROKER_RABBITMQ_RING_H
#define LEVERET_BROKER_RABBITMQ_RING_H

#include "broker/rabbitmq/parcel.h"

struct ring {
	struct parcel **slots; /* NULL in one: settled */
	size_t size;	       /* a power of two */
	uint64_t oldest_tag, next_tag;
};

void ring_init(struct ring *ring);
void ring_done(struct ring *ring);    /* the parcels are not its own */
void ring_restart(struct ring *ring); /* a new channel; nothing is in it */
bool ring_has(const struct ring *ring, uint64_t tag);
struct parcel **ring_slot(const struct ring *ring, uint64_t tag); /* of a tag it has */
void ring_add(struct ring *ring, struct parcel *parcel);	  /* sets its tag */
/* Forgets settled ones at the old end. Confirms for them come too late to matter. */
void ring_skip_settled(struct ring *ring);

#define RING_FOREACH(tag, ring)                                                                    \
	for (uint64_t tag = (ring)->oldest_tag; (tag) < (ring)->next_tag; (tag)++)

#endif
