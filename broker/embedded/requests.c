/* All that waits for a DONE of the core: publications, and what is asked beside them.
 *
 *   request_new -> request_wait -- DONE --> told
 *   request_wait -- too late, line lost, broker closed --> told; a DONE that comes after finds nobody
 *   request_fail -> finished -- end of the turn --> told */
#include <assert.h>

#include "broker/embedded/client.h"
#include "lib/base/memory.h"
#include "lib/obs/metrics.h"

#define APPEND_MAX (512u << 10) /* key and value */

/* ---- telling owners ---- */

static void request_free(struct request *request)
{
	packet_free(&request->packet);
	free(request);
}

/* Out of all lists; freed before its owner hears of it, who may ask anew from there. */
static void tell(struct client *client, struct request *request, enum err err)
{
	struct requests *requests = &client->requests;
	published done = request->done;
	void *owner = request->owner;
	if (request->is_counted) {
		requests->unconfirmed_bytes -= request->size;
		requests->unconfirmed_count--;
		metric_add(M_publications_unconfirmed, NULL, -1);
		if (!err)
			metric_observe_ms(M_publish_confirm_seconds, NULL,
					  loop_now_ms(client->start.loop) - request->asked_at_ms);
	}
	request_free(request);
	done(owner, err);
}

static void on_finish(void *owner)
{
	struct client *client = owner;
	struct request *request;
	while ((request = TAILQ_FIRST(&client->requests.finished))) {
		TAILQ_REMOVE(&client->requests.finished, request, next);
		tell(client, request, request->err);
	}
}

void request_fail(struct client *client, struct request *request, enum err err)
{
	request->err = err;
	TAILQ_INSERT_TAIL(&client->requests.finished, request, next);
	loop_defer(client->start.loop, &client->requests.finish_task);
}

/* ---- waiting ---- */

struct request *request_new(struct client *client, published done, void *owner)
{
	struct request *request = memory_new(sizeof *request);
	request->tagged = (struct tagged){.tag = ++client->last_tag, .owner = request};
	request->done = done;
	request->owner = owner;
	request->asked_at_ms = loop_now_ms(client->start.loop);
	request->deadline_at_ms = request->asked_at_ms + client->start.settings->publish_timeout;
	return request;
}

void request_count(struct client *client, struct request *request, uint64_t size)
{
	request->is_counted = true;
	request->size = size;
	client->requests.unconfirmed_bytes += size;
	client->requests.unconfirmed_count++;
	metric_add(M_publications_unconfirmed, NULL, 1);
}

void request_wait(struct client *client, struct request *request)
{
	struct requests *requests = &client->requests;
	tagged_add(&requests->table, &request->tagged);
	TAILQ_INSERT_TAIL(&requests->waiting, request, next);
	if (!timer_is_running(requests->deadline_timer))
		timer_start(requests->deadline_timer, client->start.settings->publish_timeout);
}

static void wait_no_more(struct client *client, struct request *request)
{
	struct requests *requests = &client->requests;
	tagged_remove(&requests->table, &request->tagged);
	TAILQ_REMOVE(&requests->waiting, request, next);
	if (request->body)
		bodies_forget(requests->bodies, request->body);
	request->body = NULL;
}

void request_end(struct client *client, struct request *request, enum err err)
{
	wait_no_more(client, request);
	tell(client, request, err);
}

void request_answered(struct client *client, const struct packet *packet)
{
	struct request *request = tagged_find(&client->requests.table, packet->tag);
	bool is_err = packet->value[0] >= OK && packet->value[0] < ERR_COUNT;
	if (!request || request->body)
		return; /* its owner was told before */
	request_end(client, request, is_err ? (enum err)packet->value[0] : E_IO);
}

void request_sent(struct client *client, struct request *request)
{
	struct requests *requests = &client->requests;
	int64_t now_ms = loop_now_ms(client->start.loop);
	request->deadline_at_ms = now_ms + client->start.settings->publish_timeout;
	TAILQ_REMOVE(&requests->waiting, request, next);
	TAILQ_INSERT_TAIL(&requests->waiting, request, next);
}

/* It waits for its body's file, and others were written since it was asked, or looked at here. */
static bool is_its_turn_to_come(const struct client *client, const struct request *request)
{
	int64_t since_ms = request->deadline_at_ms - client->start.settings->publish_timeout;
	return request->body && client->requests.written_at_ms > since_ms;
}

/* Deadlines rise along the list, so the first that is not due ends the search. */
static void on_deadline(void *owner)
{
	struct client *client = owner;
	struct requests *requests = &client->requests;
	int64_t now_ms = loop_now_ms(client->start.loop);
	struct request *request;
	while ((request = TAILQ_FIRST(&requests->waiting)) && request->deadline_at_ms <= now_ms) {
		if (is_its_turn_to_come(client, request)) {
			request_sent(client, request); /* the same time again */
			continue;
		}
		wait_no_more(client, request);
		request_fail(client, request, E_TIMEOUT);
	}
	if (request)
		timer_start(requests->deadline_timer, request->deadline_at_ms - now_ms);
}

/* What was sent may have been done; what waited for its body's file was not. */
void requests_lost(struct client *client)
{
	struct request *request;
	while ((request = TAILQ_FIRST(&client->requests.waiting))) {
		bool is_sent = !request->body && !request->each;
		wait_no_more(client, request);
		request_fail(client, request, is_sent ? E_CLOSED : E_AWAY);
	}
}

/* ---- asking ---- */

static bool is_text(const char *text)
{
	return strlen(text) < PACKET_TEXT_MAX;
}

/* Takes the packet. */
static void ask(struct client *client, struct request *request, struct packet *packet, enum err err)
{
	if (!err && client_state(&client->broker) == BROKER_AWAY)
		err = E_AWAY;
	if (err) {
		packet_free(&packet);
		request_fail(client, request, err);
		return;
	}
	request_wait(client, request);
	client_send(client, packet);
}

void client_subscribe(struct broker *broker, const char *queue, const char *pattern, published done,
		      void *owner)
{
	struct client *client = (struct client *)broker;
	struct request *request = request_new(client, done, owner);
	struct packet *packet = client_packet(PACKET_SUBSCRIBE, request->tagged.tag, queue);
	packet->more = memory_text(pattern);
	ask(client, request, packet, is_text(queue) && is_text(pattern) ? OK : E_TOO_BIG);
}

void client_unsubscribe(struct broker *broker, const char *queue, bool drops_messages,
			published done, void *owner)
{
	struct client *client = (struct client *)broker;
	struct request *request = request_new(client, done, owner);
	struct packet *packet = client_packet(PACKET_UNSUBSCRIBE, request->tagged.tag, queue);
	packet->value[0] = drops_messages;
	ask(client, request, packet, is_text(queue) ? OK : E_TOO_BIG);
}

/* Nobody else can reach this engine's queues. */
void client_need_queue(struct broker *broker, const char *queue, published done, void *owner)
{
	struct client *client = (struct client *)broker;
	(void)queue;
	request_fail(client, request_new(client, done, owner), E_REFUSED);
}

/* Tables come in also while mail has to wait. */
static void append(struct broker *broker, const char *table, const struct table_entry *entry,
		   bool forgets, published done, void *owner)
{
	struct client *client = (struct client *)broker;
	struct request *request = request_new(client, done, owner);
	size_t key_len = entry->key.len, value_len = entry->value.len;
	bool is_small = key_len <= APPEND_MAX && value_len <= APPEND_MAX - key_len;
	struct packet *packet = client_packet(PACKET_APPEND, request->tagged.tag, table);
	request_count(client, request, (uint64_t)key_len + value_len);
	packet->value[0] = (int64_t)entry->version;
	packet->value[1] = (int64_t)key_len;
	packet->value[2] = forgets;
	if (is_small) {
		uint8_t *data;
		packet->record = shared_new(key_len + value_len, &data);
		if (key_len > 0)
			memcpy(data, entry->key.data, key_len);
		if (value_len > 0)
			memcpy(data + key_len, entry->value.data, value_len);
	}
	ask(client, request, packet, is_small && is_text(table) ? OK : E_TOO_BIG);
}

void client_append(struct broker *broker, const char *table, const struct table_entry *entry,
		   published done, void *owner)
{
	append(broker, table, entry, false, done, owner);
}

void client_forget(struct broker *broker, const char *table, struct bytes key, uint64_t version,
		   published done, void *owner)
{
	const struct table_entry entry = {.key = key, .version = version};
	append(broker, table, &entry, true, done, owner);
}

void client_inspect(struct broker *broker, bool looks_at_heads,
		    void (*each)(void *owner, const struct queue_status *status), published done,
		    void *owner)
{
	struct client *client = (struct client *)broker;
	struct request *request = request_new(client, done, owner);
	(void)looks_at_heads; /* the core looks always: it counts as no delivery here */
	request->each = each;
	ask(client, request, client_packet(PACKET_INSPECT, request->tagged.tag, NULL), OK);
}

void request_shown(struct client *client, const struct packet *packet)
{
	struct request *request = tagged_find(&client->requests.table, packet->tag);
	if (!request || !request->each)
		return;
	const struct queue_status status = {
		.name = packet->text ? packet->text : "",
		.ready = packet->value[0],
		.unacked = packet->value[1],
		.consumers = packet->value[2],
		.oldest_age_ms = packet->value[3],
	};
	request->each(request->owner, &status);
}

/* ---- opening and closing ---- */

void requests_init(struct client *client)
{
	struct requests *requests = &client->requests;
	TAILQ_INIT(&requests->waiting);
	TAILQ_INIT(&requests->finished);
	requests->finish_task = (struct task){.run = on_finish, .owner = client};
	requests->deadline_timer = timer_new(client->start.loop, on_deadline, client);
}

/* The line counts as lost already, so what an owner asks from inside fails, and is told here too. */
void requests_done(struct client *client)
{
	struct requests *requests = &client->requests;
	struct request *request;
	while ((request = TAILQ_FIRST(&requests->waiting))) {
		wait_no_more(client, request);
		request_fail(client, request, E_CANCELLED);
	}
	on_finish(client);
	assert(TAILQ_EMPTY(&requests->waiting));
	task_cancel(&requests->finish_task, client->start.loop);
	timer_free(&requests->deadline_timer);
	bodies_free(&requests->bodies);
	tagged_done(&requests->table);
}
