/* A hash table from address to count; an address is in it only while it has sessions, so their
 * limit bounds it. */
#include "ingest/smtp/clients.h"

#include <assert.h>
#include <uthash.h>

#include "lib/base/memory.h"

struct client_key {
	uint8_t network[NET_NETWORK_SIZE];
};

struct client {
	struct client_key key;
	unsigned count;
	UT_hash_handle hh;
};

struct clients {
	struct client *table;
};

static struct client_key key_of(const struct net_address *address)
{
	struct client_key key;
	(void)net_address_network(address, key.network);
	return key;
}

static struct client *find(struct clients *clients, const struct net_address *address)
{
	struct client_key key = key_of(address);
	struct client *client = NULL;
	HASH_FIND(hh, clients->table, &key, sizeof key, client);
	return client;
}

struct clients *clients_new(void)
{
	return memory_new(sizeof(struct clients));
}

void clients_free(struct clients **clients)
{
	if (!*clients)
		return;
	struct client *client = (*clients)->table;
	HASH_CLEAR(hh, (*clients)->table);
	while (client) {
		struct client *next = client->hh.next;
		free(client);
		client = next;
	}
	free(*clients);
	*clients = NULL;
}

bool clients_enter(struct clients *clients, const struct net_address *address, unsigned max_count)
{
	struct client *client = find(clients, address);
	if (client && client->count >= max_count)
		return false;
	if (!client) {
		client = memory_new(sizeof *client);
		client->key = key_of(address);
		HASH_ADD(hh, clients->table, key, sizeof client->key, client);
	}
	client->count++;
	return true;
}

void clients_leave(struct clients *clients, const struct net_address *address)
{
	struct client *client = find(clients, address);
	assert(client && client->count > 0);
	if (--client->count > 0)
		return;
	HASH_DEL(clients->table, client);
	free(client);
}
