/* In a store: a version, then 9 bytes for each. */
#include "bouncer/suppressions/soft_ring.h"

#include <string.h>

#include "lib/base/little.h"

#define VERSION 1

enum err soft_ring_parse(struct bytes stored, struct soft_ring *ret)
{
	*ret = (struct soft_ring){0};
	if (stored.len < 1 || stored.data[0] != VERSION ||
	    (stored.len - 1) % SOFT_EVENT_BYTES != 0 || stored.len > SOFT_RING_BYTES)
		return E_MALFORMED;
	ret->count = (stored.len - 1) / SOFT_EVENT_BYTES;
	for (size_t i = 0; i < ret->count; i++) {
		const uint8_t *at = stored.data + 1 + i * SOFT_EVENT_BYTES;
		ret->events[i] = (struct soft_event){little_get32(at), little_get32(at + 4), at[8]};
	}
	return OK;
}

size_t soft_ring_write(const struct soft_ring *ring, uint8_t out[SOFT_RING_BYTES])
{
	uint8_t *at = out;
	*at++ = VERSION;
	for (size_t i = 0; i < ring->count; i++) {
		at = little_put32(at, ring->events[i].at_s);
		at = little_put32(at, ring->events[i].digest);
		*at++ = ring->events[i].outcome;
	}
	return (size_t)(at - out);
}

static bool is_known(const struct soft_ring *ring, const struct soft_event *event)
{
	for (size_t i = 0; i < ring->count; i++)
		if (ring->events[i].digest == event->digest &&
		    ring->events[i].outcome == event->outcome)
			return true;
	return false;
}

static void drop_first(struct soft_ring *ring, size_t count)
{
	ring->count -= count;
	memmove(ring->events, ring->events + count, ring->count * sizeof ring->events[0]);
}

bool soft_ring_add(struct soft_ring *ring, struct soft_event event)
{
	if (is_known(ring, &event))
		return false;
	if (ring->count == SOFT_RING_MAX) {
		if (event.at_s < ring->events[0].at_s)
			return false;
		drop_first(ring, 1);
	}
	size_t place = ring->count;
	while (place > 0 && ring->events[place - 1].at_s > event.at_s)
		place--;
	memmove(ring->events + place + 1, ring->events + place,
		(ring->count - place) * sizeof ring->events[0]);
	ring->events[place] = event;
	ring->count++;
	return true;
}

unsigned soft_ring_count(const struct soft_ring *ring, uint8_t outcome, uint32_t since_s,
			 uint32_t until_s)
{
	unsigned count = 0;
	for (size_t i = 0; i < ring->count; i++)
		count += ring->events[i].outcome == outcome && ring->events[i].at_s >= since_s &&
			 ring->events[i].at_s <= until_s;
	return count;
}

void soft_ring_forget(struct soft_ring *ring, uint32_t at_s)
{
	size_t count = 0;
	while (count < ring->count && ring->events[count].at_s <= at_s)
		count++;
	drop_first(ring, count);
}
