/* See ring.h. */
#include "broker/rabbitmq/ring.h"

#include "lib/base/memory.h"

#define SIZE_MIN 64u

static void grow(struct ring *ring)
{
	size_t size = ring->size > 0 ? ring->size * 2 : SIZE_MIN;
	struct parcel **slots = memory_array(size, sizeof(struct parcel *));
	RING_FOREACH(tag, ring)
	slots[tag & (size - 1)] = *ring_slot(ring, tag);
	free(ring->slots);
	ring->slots = slots;
	ring->size = size;
}

void ring_init(struct ring *ring)
{
	*ring = (struct ring){0};
	ring_restart(ring);
	grow(ring);
}

void ring_done(struct ring *ring)
{
	free(ring->slots);
	*ring = (struct ring){0};
}

void ring_restart(struct ring *ring)
{
	ring->oldest_tag = ring->next_tag = 1;
}

bool ring_has(const struct ring *ring, uint64_t tag)
{
	return tag >= ring->oldest_tag && tag < ring->next_tag;
}

struct parcel **ring_slot(const struct ring *ring, uint64_t tag)
{
	return &ring->slots[tag & (ring->size - 1)];
}

void ring_add(struct ring *ring, struct parcel *parcel)
{
	if (ring->next_tag - ring->oldest_tag == ring->size)
		grow(ring);
	parcel->tag = ring->next_tag++;
	*ring_slot(ring, parcel->tag) = parcel;
}

void ring_skip_settled(struct ring *ring)
{
	while (ring->oldest_tag < ring->next_tag && !*ring_slot(ring, ring->oldest_tag))
		ring->oldest_tag++;
}
