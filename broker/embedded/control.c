/* Words to every process, and answers: a client's side. The core is told of each that was taken, which is how it knows who keeps up. */
#include "broker/embedded/client.h"
#include "lib/base/memory.h"

static void send_taken(struct client *client, const struct packet *packet)
{
	struct packet *taken = client_packet(PACKET_TAKEN, 0, NULL);
	taken->value[0] = (int64_t)shared_bytes(packet->record).len;
	client_send(client, taken);
}

/* ---- listening ---- */

void client_listen(struct broker *broker, heard_upcall heard, void *owner)
{
	struct client *client = (struct client *)broker;
	client->heard = heard;
	client->heard_owner = owner;
	client_send(client, client_packet(PACKET_LISTEN, 0, NULL));
}

void question_arrived(struct client *client, const struct packet *packet)
{
	send_taken(client, packet);
	if (!client->heard ||
	    !question_budget_take(&client->question_budget, loop_now_ms(client->start.loop)))
		return;
	struct reply_address *address = memory_new(sizeof *address);
	address->number = (uint64_t)packet->value[0];
	client->heard(client->heard_owner, shared_bytes(packet->record), address);
}

bool client_answer(struct broker *broker, const struct reply_address *address, struct bytes answer)
{
	struct client *client = (struct client *)broker;
	struct packet *packet = client_packet(PACKET_ANSWER, 0, NULL);
	packet->value[0] = (int64_t)address->number;
	packet->record = shared_copy(answer);
	bool is_open = client->is_open;
	client_send(client, packet);
	return is_open;
}

/* ---- asking ---- */

static void send_question(struct embedded_asking *asking)
{
	struct client *client = asking->client;
	if (!client->is_open || asking->is_sent)
		return;
	struct packet *packet = client_packet(PACKET_ASK, asking->tagged.tag, NULL);
	packet->record = asking->question;
	asking->question = NULL;
	asking->is_sent = true;
	client_send(client, packet);
}

struct asking *client_ask(struct broker *broker, struct bytes question, answered_upcall answered,
			  void *owner)
{
	struct client *client = (struct client *)broker;
	struct embedded_asking *asking = memory_new(sizeof *asking);
	asking->asking.engine = &embedded_engine;
	asking->client = client;
	asking->tagged = (struct tagged){.tag = ++client->last_tag, .owner = asking};
	asking->question = shared_copy(question);
	asking->answered = answered;
	asking->owner = owner;
	tagged_add(&client->askings, &asking->tagged);
	LIST_INSERT_HEAD(&client->all_askings, asking, next);
	send_question(asking);
	return &asking->asking;
}

static void forget(struct embedded_asking *asking)
{
	tagged_remove(&asking->client->askings, &asking->tagged);
	LIST_REMOVE(asking, next);
	asking->client = NULL;
}

void client_asking_free(struct asking *opaque)
{
	struct embedded_asking *asking = (struct embedded_asking *)opaque;
	if (asking->client) {
		client_send(asking->client, client_packet(PACKET_UNASK, asking->tagged.tag, NULL));
		forget(asking);
	}
	shared_unref(&asking->question);
	free(asking);
}

void answer_arrived(struct client *client, const struct packet *packet)
{
	const struct embedded_asking *asking = tagged_find(&client->askings, packet->tag);
	send_taken(client, packet);
	if (asking)
		asking->answered(asking->owner, shared_bytes(packet->record));
}

/* ---- the line ---- */

void control_opened(struct client *client)
{
	struct embedded_asking *asking;
	if (client->heard)
		client_send(client, client_packet(PACKET_LISTEN, 0, NULL));
	LIST_FOREACH(asking, &client->all_askings, next)
	send_question(asking);
}

void control_done(struct client *client)
{
	while (!LIST_EMPTY(&client->all_askings))
		forget(LIST_FIRST(&client->all_askings)); /* its holder frees it, now or later */
	tagged_done(&client->askings);
}
