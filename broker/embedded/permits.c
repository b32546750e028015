/* Permits: asked for on every line anew, and held on one line only.
 *
 *   WAITING -- GRANTED of this round --> held
 *   held -- line lost, or the limit sank to its place --> losing -- end of the turn: lost() --> WAITING, in the next round */
#include "broker/embedded/client.h"
#include "lib/base/memory.h"

static void ask(struct embedded_permit *permit, bool keeps_place)
{
	struct packet *packet = client_packet(PACKET_PERMIT, permit->tagged.tag, permit->name);
	packet->value[0] = permit->limit;
	packet->value[1] = ++permit->round;
	packet->value[2] = keeps_place;
	client_send(permit->client, packet);
}

/* ---- losing ---- */

static void note_losing(struct embedded_permit *permit)
{
	struct client *client = permit->client;
	if (permit->is_losing)
		return;
	permit->is_losing = true;
	LIST_INSERT_HEAD(&client->losing_permits, permit, next_losing);
	loop_defer(client->start.loop, &client->losing_task);
}

static void end_losing(struct embedded_permit *permit)
{
	if (permit->is_losing)
		LIST_REMOVE(permit, next_losing);
	permit->is_losing = permit->is_held = false;
}

/* The packet that gives the place back leaves at the end of the turn, and so after the owner has stopped; it is made first because
 * the owner may free the permit. */
static void tell_losing(void *owner)
{
	struct client *client = owner;
	struct embedded_permit *permit;
	while ((permit = LIST_FIRST(&client->losing_permits))) {
		end_losing(permit);
		ask(permit, false);
		permit->handler->lost(permit->owner);
	}
}

/* ---- for callers ---- */

struct permit *client_permit_ask(struct broker *broker, const char *name, unsigned limit,
				 const struct permit_handler *handler, void *owner)
{
	struct client *client = (struct client *)broker;
	struct embedded_permit *permit = memory_new(sizeof *permit);
	permit->permit.engine = &embedded_engine;
	permit->client = client;
	permit->tagged = (struct tagged){.tag = ++client->last_tag, .owner = permit};
	permit->name = memory_text(name);
	permit->limit = limit;
	permit->handler = handler;
	permit->owner = owner;
	tagged_add(&client->permits, &permit->tagged);
	LIST_INSERT_HEAD(&client->all_permits, permit, next);
	ask(permit, false);
	return &permit->permit;
}

void client_permit_limit(struct permit *opaque, unsigned limit)
{
	struct embedded_permit *permit = (struct embedded_permit *)opaque;
	if (permit->limit == limit)
		return;
	permit->limit = limit;
	if (!permit->client)
		return;
	if (permit->is_held && permit->place >= limit)
		note_losing(permit);
	else if (!permit->is_losing)
		ask(permit, true);
}

static void forget(struct embedded_permit *permit)
{
	end_losing(permit);
	tagged_remove(&permit->client->permits, &permit->tagged);
	LIST_REMOVE(permit, next);
	permit->client = NULL;
}

void client_permit_free(struct permit *opaque)
{
	struct embedded_permit *permit = (struct embedded_permit *)opaque;
	if (permit->client) {
		client_send(permit->client,
			    client_packet(PACKET_UNPERMIT, permit->tagged.tag, NULL));
		forget(permit);
	}
	free(permit->name);
	free(permit);
}

/* ---- the line ---- */

void permits_init(struct client *client)
{
	LIST_INIT(&client->all_permits);
	LIST_INIT(&client->losing_permits);
	client->losing_task = (struct task){.run = tell_losing, .owner = client};
}

void permits_opened(struct client *client)
{
	struct embedded_permit *permit;
	LIST_FOREACH(permit, &client->all_permits, next)
	ask(permit, false);
}

/* Told at once: others may have the places already. */
void permits_lost(struct client *client)
{
	struct embedded_permit *permit;
	LIST_FOREACH(permit, &client->all_permits, next)
	{
		if (permit->is_held)
			note_losing(permit);
	}
	tell_losing(client);
}

void permits_done(struct client *client)
{
	while (!LIST_EMPTY(&client->all_permits))
		forget(LIST_FIRST(&client->all_permits)); /* its holder frees it, now or later */
	task_cancel(&client->losing_task, client->start.loop);
	tagged_done(&client->permits);
}

void granted_arrived(struct client *client, const struct packet *packet)
{
	struct embedded_permit *permit = tagged_find(&client->permits, packet->tag);
	if (!permit || permit->is_held || packet->value[1] != permit->round)
		return;
	permit->is_held = true;
	permit->place = (unsigned)packet->value[0];
	permit->handler->granted(permit->owner, permit->place);
}
