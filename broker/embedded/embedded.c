/* See embedded.h. Opens the line, gives each packet to the noun it belongs to, and keeps the state:
 *
 *   AWAY -- line opened: HELLO, consumers and followers anew -- STATE of the core --> READY or BLOCKED
 *   any -- line lost: all is forgotten, who waited is told --> AWAY */
#include "broker/embedded/embedded.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "broker/embedded/client.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

/* ---- the state ---- */

enum broker_state client_state(const struct broker *broker)
{
	const struct client *client = (const struct client *)broker;
	return client->is_open ? client->core_state : BROKER_AWAY;
}

static bool is_refused(const struct broker *broker, struct why *ret_why)
{
	(void)broker, (void)ret_why; /* the core makes its queues itself */
	return false;
}

static void log_state(enum broker_state before, enum broker_state now)
{
	if (now == BROKER_BLOCKED)
		log_event(EV_broker_blocked,
			  F_TEXT("reason",
				 "the disk is full, or has less free than broker.min_free"));
	else if (before == BROKER_BLOCKED && now == BROKER_READY)
		log_event(EV_broker_unblocked);
}

static void on_state(void *owner)
{
	struct client *client = owner;
	enum broker_state state = client_state(&client->broker);
	if (state == client->told_state)
		return;
	log_state(client->told_state, state);
	client->told_state = state;
	metric_set(M_broker_ready, (const char *const[]){client->start.role},
		   state == BROKER_READY);
	if (client->start.state_changed)
		client->start.state_changed(client->start.owner, state);
}

static void set_state(struct client *client, bool is_open, enum broker_state core_state)
{
	client->is_open = is_open;
	client->core_state = core_state;
	loop_defer(client->start.loop, &client->state_task);
}

/* ---- packets ---- */

struct packet *client_packet(enum packet_kind kind, uint64_t tag, const char *text)
{
	struct packet *packet = packet_new(kind, tag);
	packet->text = text ? memory_text(text) : NULL;
	return packet;
}

void client_send(struct client *client, struct packet *packet)
{
	if (client->is_open)
		line_send(client->line, packet);
	else
		packet_free(&packet);
}

static void on_arrived(void *owner, struct packet *packet)
{
	struct client *client = owner;
	switch (packet->kind) {
	case PACKET_LEASE:
		client_lease_arrived(client, packet);
		return;
	case PACKET_STATE:
		if (packet->value[0] >= BROKER_AWAY && packet->value[0] <= BROKER_READY)
			set_state(client, true, (enum broker_state)packet->value[0]);
		break;
	case PACKET_DONE:
		request_answered(client, packet);
		break;
	case PACKET_QUEUE:
		request_shown(client, packet);
		break;
	case PACKET_ENTRY:
		entry_arrived(client, packet);
		break;
	case PACKET_CAUGHT_UP:
		caught_up_arrived(client, packet);
		break;
	case PACKET_QUESTION:
		question_arrived(client, packet);
		break;
	case PACKET_ANSWERED:
		answer_arrived(client, packet);
		break;
	case PACKET_GRANTED:
		granted_arrived(client, packet);
		break;
	default: /* from a later version: nothing that we asked for */
		break;
	}
	packet_free(&packet);
}

/* ---- the line ---- */

static void on_opened(void *owner)
{
	struct client *client = owner;
	set_state(client, true, BROKER_AWAY);
	log_event(EV_broker_connected, F_TEXT("connection", "embedded"),
		  F_TEXT("host", line_directory(client->line)));
	struct packet *hello = client_packet(PACKET_HELLO, 0, client->start.role);
	hello->value[0] = PACKET_VERSION;
	client_send(client, hello);
	consumers_opened(client);
	followers_opened(client);
	permits_opened(client);
	control_opened(client);
}

static void on_lost(void *owner)
{
	struct client *client = owner;
	set_state(client, false, BROKER_AWAY);
	log_event(EV_broker_lost, F_TEXT("connection", "embedded"),
		  F_TEXT("host", line_directory(client->line)),
		  F_TEXT("why", "the process that hosts the broker ended"));
	permits_lost(client);
	consumers_lost(client);
	requests_lost(client);
}

/* ---- opening and closing ---- */

static enum err open_line(struct client *client, struct why *why)
{
	static const struct line_upcalls upcalls = {
		.opened = on_opened, .arrived = on_arrived, .lost = on_lost};
	const struct engine_start *start = &client->start;
	const char *colon = strchr(start->settings->url, ':');
	const char *data_dir = colon ? colon + 1 : "";
	char directory[PATH_MAX];
	if (!data_dir[0])
		return fail(why, E_MALFORMED, "broker.url must be embedded:DIRECTORY");
	if ((size_t)snprintf(directory, sizeof directory, "%s/broker", data_dir) >=
	    sizeof directory)
		return fail(why, E_MALFORMED, "%s: the name is too long", data_dir);
	return line_open(start->loop, directory, start->settings, start->routing, &upcalls, client,
			 &client->line, why);
}

static enum err embedded_open(const struct engine_start *start, struct broker **ret,
			      struct why *why)
{
	struct client *client = memory_new(sizeof *client);
	client->broker.engine = &embedded_engine;
	client->start = *start;
	client->told_state = BROKER_AWAY;
	client->state_task = (struct task){.run = on_state, .owner = client};
	LIST_INIT(&client->all_consumers);
	LIST_INIT(&client->all_followers);
	LIST_INIT(&client->leases);
	LIST_INIT(&client->all_askings);
	enum err err = open_line(client, why);
	if (err) {
		free(client);
		return err;
	}
	requests_init(client);
	permits_init(client);
	*ret = &client->broker;
	return OK;
}

/* Leases before the requests, whose failures their holders hear; the line last, with all that is to be sent. */
static void embedded_close(struct broker *broker)
{
	struct client *client = (struct client *)broker;
	client->is_open = false;
	consumers_done(client);
	followers_done(client);
	permits_done(client);
	control_done(client);
	requests_done(client);
	task_cancel(&client->state_task, client->start.loop);
	line_close(&client->line);
	free(client);
}

static uint64_t unconfirmed_bytes(const struct broker *broker)
{
	return ((const struct client *)broker)->requests.unconfirmed_bytes;
}

static size_t unconfirmed_count(const struct broker *broker)
{
	return ((const struct client *)broker)->requests.unconfirmed_count;
}

const struct engine embedded_engine = {
	.open = embedded_open,
	.close = embedded_close,
	.state = client_state,
	.is_refused = is_refused,
	.publish = client_publish,
	.unconfirmed_bytes = unconfirmed_bytes,
	.unconfirmed_count = unconfirmed_count,
	.consumer_new = client_consumer_new,
	.consumer_free = client_consumer_free,
	.consumer_pause = client_consumer_pause,
	.lease_is_lost = client_lease_is_lost,
	.lease_settle = client_lease_settle,
	.subscribe = client_subscribe,
	.unsubscribe = client_unsubscribe,
	.need_queue = client_need_queue,
	.table_follow = client_follow,
	.table_follower_free = client_follower_free,
	.table_append = client_append,
	.table_forget = client_forget,
	.permit_ask = client_permit_ask,
	.permit_limit = client_permit_limit,
	.permit_free = client_permit_free,
	.listen = client_listen,
	.answer = client_answer,
	.ask = client_ask,
	.asking_free = client_asking_free,
	.inspect = client_inspect,
};
