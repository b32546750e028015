/* A list of networks, each with a list of its own. They are as few as the places, so they are simply walked. */
#include "ingest/password_queue.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/net/address.h"

struct share { /* of one network; it has always somebody who waits */
	uint8_t network[NET_NETWORK_SIZE];
	size_t network_len;
	struct password_turn *first;
	unsigned count;
	struct share *next;
};

struct password_queue {
	struct share *first; /* whose turn it is */
	unsigned count;
};

struct password_queue *password_queue_new(void)
{
	return memory_new(sizeof(struct password_queue));
}

void password_queue_free(struct password_queue **queue)
{
	if (!*queue)
		return;
	while (password_queue_take(*queue))
		;
	free(*queue);
	*queue = NULL;
}

static struct share *find(const struct password_queue *queue, struct bytes network)
{
	struct share *share = queue->first;
	while (share && !bytes_equal(bytes_from(share->network, share->network_len), network))
		share = share->next;
	return share;
}

static struct share *find_largest(const struct password_queue *queue)
{
	struct share *largest = queue->first;
	for (struct share *share = queue->first; share; share = share->next)
		if (share->count > largest->count)
			largest = share;
	return largest;
}

static void add_last(struct password_queue *queue, struct share *share)
{
	struct share **end = &queue->first;
	while (*end)
		end = &(*end)->next;
	share->next = NULL;
	*end = share;
}

static struct share *share_new(struct password_queue *queue, struct bytes network)
{
	struct share *share = memory_new(sizeof *share);
	memcpy(share->network, network.data, network.len);
	share->network_len = network.len;
	add_last(queue, share);
	return share;
}

/* Of a share that has more than one. */
static struct password_turn *drop_last(struct password_queue *queue, struct share *share)
{
	struct password_turn **last = &share->first;
	while ((*last)->next)
		last = &(*last)->next;
	struct password_turn *dropped = *last;
	*last = NULL;
	share->count--;
	queue->count--;
	return dropped;
}

bool password_queue_add(struct password_queue *queue, struct bytes network,
			struct password_turn *turn, struct password_turn **ret_dropped)
{
	struct share *share = find(queue, network);
	*ret_dropped = NULL;
	if (queue->count == PASSWORD_QUEUE_MAX) {
		struct share *largest = find_largest(queue);
		if (largest->count <= (share ? share->count : 0) + 1)
			return false;
		*ret_dropped = drop_last(queue, largest);
	}
	if (!share)
		share = share_new(queue, network);
	struct password_turn **end = &share->first;
	while (*end)
		end = &(*end)->next;
	turn->next = NULL;
	*end = turn;
	share->count++;
	queue->count++;
	return true;
}

struct password_turn *password_queue_take(struct password_queue *queue)
{
	struct share *share = queue->first;
	if (!share)
		return NULL;
	struct password_turn *turn = share->first;
	queue->first = share->next;
	queue->count--;
	share->first = turn->next;
	if (--share->count > 0)
		add_last(queue, share);
	else
		free(share);
	return turn;
}
