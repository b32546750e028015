/* Followers of tables: the core sends each from the position it saw last, on every line anew. */
#include "broker/embedded/client.h"
#include "lib/base/memory.h"

/* Entries of the past that may be on their way: the core reads faster than anybody writes. */
#define WINDOW 10000

static void ask_for(struct follower *follower, size_t count)
{
	struct packet *packet = client_packet(PACKET_FOLLOW, follower->tagged.tag, follower->table);
	packet->value[0] = (int64_t)follower->position;
	packet->value[1] = (int64_t)count;
	follower->unasked = 0;
	client_send(follower->client, packet);
}

static void follow(struct follower *follower)
{
	follower->is_caught_up = false;
	if (follower->client->is_open)
		ask_for(follower, WINDOW);
}

struct table_follower *client_follow(struct broker *broker, const char *table, uint64_t position,
				     const struct table_handler *handler, void *owner)
{
	struct client *client = (struct client *)broker;
	struct follower *follower = memory_new(sizeof *follower);
	follower->follower.engine = &embedded_engine;
	follower->client = client;
	follower->tagged = (struct tagged){.tag = ++client->last_tag, .owner = follower};
	follower->table = memory_text(table);
	follower->position = position;
	follower->handler = handler;
	follower->owner = owner;
	tagged_add(&client->followers, &follower->tagged);
	LIST_INSERT_HEAD(&client->all_followers, follower, next);
	follow(follower);
	return &follower->follower;
}

static void forget(struct follower *follower)
{
	tagged_remove(&follower->client->followers, &follower->tagged);
	LIST_REMOVE(follower, next);
	follower->client = NULL;
}

void client_follower_free(struct table_follower *opaque)
{
	struct follower *follower = (struct follower *)opaque;
	if (follower->client) {
		client_send(follower->client,
			    client_packet(PACKET_UNFOLLOW, follower->tagged.tag, NULL));
		forget(follower);
	}
	free(follower->table);
	free(follower);
}

void followers_opened(struct client *client)
{
	struct follower *follower;
	LIST_FOREACH(follower, &client->all_followers, next)
	follow(follower);
}

void followers_done(struct client *client)
{
	while (!LIST_EMPTY(&client->all_followers))
		forget(LIST_FIRST(&client->all_followers)); /* its holder frees it, now or later */
	tagged_done(&client->followers);
}

/* ---- what the core tells ---- */

void entry_arrived(struct client *client, const struct packet *packet)
{
	struct follower *follower = tagged_find(&client->followers, packet->tag);
	struct bytes both = shared_bytes(packet->record);
	uint64_t key_len = (uint64_t)packet->value[2];
	if (!follower || key_len > both.len)
		return; /* not followed any more; or from no core of ours */
	const struct table_entry entry = {
		.key = bytes_first(both, (size_t)key_len),
		.value = bytes_skip(both, (size_t)key_len),
		.version = (uint64_t)packet->value[1],
	};
	follower->position = (uint64_t)packet->value[0];
	if (!follower->is_caught_up && ++follower->unasked == WINDOW / 2)
		ask_for(follower, WINDOW / 2);
	follower->handler->entry(follower->owner, &entry, follower->position);
}

void caught_up_arrived(struct client *client, const struct packet *packet)
{
	struct follower *follower = tagged_find(&client->followers, packet->tag);
	if (!follower)
		return;
	follower->is_caught_up = true;
	follower->handler->caught_up(follower->owner);
}
