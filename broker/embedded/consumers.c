/* Consumers: which queues the core is asked for. A paused consumer that the core does not know of is not told to it, so that it
 * gets nothing by mistake. */
#include "broker/embedded/client.h"
#include "lib/base/memory.h"

static void consume(struct embedded_consumer *consumer)
{
	struct client *client = consumer->client;
	if (!client->is_open || consumer->is_paused || consumer->is_consuming)
		return;
	struct packet *packet =
		client_packet(PACKET_CONSUME, consumer->tagged.tag, consumer->queue);
	packet->value[0] = consumer->prefetch;
	packet->value[1] = (int64_t)consumer->prefetch_bytes;
	client_send(client, packet);
	consumer->is_consuming = true;
}

static void send_pause(struct embedded_consumer *consumer)
{
	struct packet *packet = client_packet(PACKET_PAUSE, consumer->tagged.tag, NULL);
	packet->value[0] = consumer->is_paused;
	client_send(consumer->client, packet);
}

struct consumer *client_consumer_new(struct broker *broker, const struct consumer_options *options,
				     void (*taken)(void *owner, struct lease *lease), void *owner)
{
	struct client *client = (struct client *)broker;
	struct embedded_consumer *consumer = memory_new(sizeof *consumer);
	consumer->consumer.engine = &embedded_engine;
	consumer->client = client;
	consumer->tagged = (struct tagged){.tag = ++client->last_tag, .owner = consumer};
	consumer->queue = memory_text(options->queue);
	consumer->prefetch = options->prefetch > 0 ? options->prefetch : 1;
	consumer->prefetch_bytes = options->prefetch_bytes;
	consumer->taken = taken;
	consumer->owner = owner;
	tagged_add(&client->consumers, &consumer->tagged);
	LIST_INSERT_HEAD(&client->all_consumers, consumer, next);
	consume(consumer);
	return &consumer->consumer;
}

static void forget(struct embedded_consumer *consumer)
{
	tagged_remove(&consumer->client->consumers, &consumer->tagged);
	LIST_REMOVE(consumer, next);
	consumer->client = NULL;
}

void client_consumer_free(struct consumer *opaque)
{
	struct embedded_consumer *consumer = (struct embedded_consumer *)opaque;
	if (consumer->client) {
		if (consumer->is_consuming)
			client_send(consumer->client,
				    client_packet(PACKET_CANCEL, consumer->tagged.tag, NULL));
		forget(consumer);
	}
	free(consumer->queue);
	free(consumer);
}

void client_consumer_pause(struct consumer *opaque, bool is_paused)
{
	struct embedded_consumer *consumer = (struct embedded_consumer *)opaque;
	if (!consumer->client || consumer->is_paused == is_paused)
		return;
	consumer->is_paused = is_paused;
	if (consumer->is_consuming)
		send_pause(consumer);
	else
		consume(consumer);
}

void consumers_opened(struct client *client)
{
	struct embedded_consumer *consumer;
	LIST_FOREACH(consumer, &client->all_consumers, next)
	consume(consumer);
}

void consumers_lost(struct client *client)
{
	struct embedded_consumer *consumer;
	LIST_FOREACH(consumer, &client->all_consumers, next)
	consumer->is_consuming = false;
	client_leases_lost(client);
}

void consumers_done(struct client *client)
{
	client_leases_lost(client);
	while (!LIST_EMPTY(&client->all_consumers))
		forget(LIST_FIRST(&client->all_consumers)); /* its holder frees it, now or later */
	tagged_done(&client->consumers);
}
