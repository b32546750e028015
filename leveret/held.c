/* See held.h. */
#include "leveret/held.h"

#include "lib/base/memory.h"

void held_add(struct held_list *list, struct lease *lease)
{
	struct held *held = memory_new(sizeof *held);
	held->lease = lease;
	STAILQ_INSERT_TAIL(list, held, next);
}

struct held *held_take(struct held_list *list)
{
	struct held *held = STAILQ_FIRST(list);
	if (held)
		STAILQ_REMOVE_HEAD(list, next);
	return held;
}

void held_ack(struct held **held)
{
	lease_ack(&(*held)->lease);
	free(*held);
	*held = NULL;
}

void held_ack_all(struct held_list *list)
{
	struct held *held;
	while ((held = held_take(list)))
		held_ack(&held);
}

void held_release_all(struct held_list *list)
{
	struct held *held;
	while ((held = held_take(list))) {
		lease_release(&held->lease);
		free(held);
	}
}
