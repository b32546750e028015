/* An address is in the table only while it has sessions, so their limit bounds it. */
#include "ingest/smtp/clients.h"

#include <assert.h>

#include "lib/base/memory.h"
#include "lib/base/recents.h"

struct client {
	unsigned count;
};

struct clients {
	struct recents *table;
};

static const struct recents_type table_type = {.size = sizeof(struct client), .max = SIZE_MAX};

static struct bytes key_of(const struct net_address *address, uint8_t network[NET_NETWORK_SIZE])
{
	return bytes_from(network, net_address_network(address, network));
}

struct clients *clients_new(void)
{
	struct clients *clients = memory_new(sizeof *clients);
	clients->table = recents_new(&table_type);
	return clients;
}

void clients_free(struct clients **clients)
{
	if (!*clients)
		return;
	recents_free(&(*clients)->table);
	free(*clients);
	*clients = NULL;
}

bool clients_enter(struct clients *clients, const struct net_address *address, unsigned max_count)
{
	uint8_t network[NET_NETWORK_SIZE];
	struct bytes key = key_of(address, network);
	const struct client *known = recents_find(clients->table, key);
	if (known && known->count >= max_count)
		return false;
	struct client *client = recents_use(clients->table, key);
	client->count++;
	return true;
}

void clients_leave(struct clients *clients, const struct net_address *address)
{
	uint8_t network[NET_NETWORK_SIZE];
	struct bytes key = key_of(address, network);
	struct client *client = recents_find(clients->table, key);
	assert(client && client->count > 0);
	if (--client->count == 0)
		recents_drop(clients->table, key);
}
