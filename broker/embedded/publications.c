/* Publishing: the record is encoded here, once. A large body, or one that stands in a file already, is first written to a file of
 * its own (bodies.h); smaller publications go past it meanwhile. A file is published only on the line that was open when its
 * writing began: so a core that starts may remove every file it has no record of. */
#include "broker/embedded/client.h"
#include "broker/embedded/packet/record.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"

static bool needs_file(const struct publication *publication, uint64_t size)
{
	uint64_t tail_size = blob_size(publication->tail);
	bool is_event = exchange_is_for_subscribers(publication->exchange);
	return size > (is_event ? RECORD_EVENT_MAX : RECORD_BODY_MAX) ||
	       (tail_size > 0 && !blob_memory(publication->tail).data);
}

static uint64_t new_file(void)
{
	uint64_t file = 0;
	while (file == 0)
		file = random_u64();
	return file;
}

static enum err encode(const struct client *client, const struct publication *publication,
		       uint64_t size, uint64_t file, struct shared **ret)
{
	const struct record record = {
		.exchange = publication->exchange,
		.since_wall_ms = loop_wall_ms(client->start.loop),
		.file = file,
		.body_size = size,
		.key = publication->key,
		.message_id = publication->message_id ? publication->message_id : "",
		.content_type = publication->content_type ? publication->content_type
							  : "application/x-protobuf",
		.content_encoding =
			publication->content_encoding ? publication->content_encoding : "",
		.reason = publication->reason ? publication->reason : "",
		.body = file ? BYTES_NONE : publication->head,
	};
	return record_encode(&record, file ? BYTES_NONE : blob_memory(publication->tail), ret);
}

static bool is_blocked(const struct client *client, enum exchange exchange)
{
	return client_state(&client->broker) == BROKER_BLOCKED && !exchange_is_an_end(exchange);
}

static void on_written(void *owner, const struct body *body)
{
	struct client *client = owner;
	struct request *request = body->waiting;
	request->body = NULL;
	client->requests.written_at_ms = loop_now_ms(client->start.loop);
	if (body->err) {
		log_event(EV_broker_body_failed, F_TEXT("why", body->why.text));
		request_end(client, request, body->err);
		return;
	}
	client_send(client, request->packet);
	request->packet = NULL;
	request_sent(client, request);
}

static enum err write_first(struct client *client, const struct publication *publication,
			    struct request *request, uint64_t file)
{
	struct requests *requests = &client->requests;
	if (!requests->bodies)
		requests->bodies = bodies_new(client->start.loop, line_directory(client->line),
					      on_written, client);
	return bodies_write(requests->bodies, file, publication->head, publication->tail, request,
			    &request->body);
}

static enum err check(const struct client *client, const struct publication *publication,
		      uint64_t size)
{
	if (publication->exchange == EXCHANGE_FOREIGN)
		return E_UNROUTABLE;
	if (size > EMBEDDED_BODY_MAX)
		return E_TOO_BIG;
	if (client_state(&client->broker) == BROKER_AWAY)
		return E_AWAY;
	return is_blocked(client, publication->exchange) ? E_BLOCKED : OK;
}

static enum err start(struct client *client, const struct publication *publication,
		      struct request *request)
{
	uint64_t size = request->size, file = needs_file(publication, size) ? new_file() : 0;
	struct shared *record = NULL;
	enum err err = check(client, publication, size);
	if (!err)
		err = encode(client, publication, size, file, &record);
	if (!err && file)
		err = write_first(client, publication, request, file);
	if (err) {
		shared_unref(&record);
		return err;
	}
	struct packet *packet = client_packet(PACKET_PUBLISH, request->tagged.tag, NULL);
	packet->record = record;
	packet->value[0] =
		publication->exchange == EXCHANGE_DELIVER ? publication->not_before_wall_ms : 0;
	request_wait(client, request);
	if (file)
		request->packet = packet;
	else
		client_send(client, packet);
	return OK;
}

void client_publish(struct broker *broker, const struct publication *publication, published done,
		    void *owner)
{
	struct client *client = (struct client *)broker;
	struct request *request = request_new(client, done, owner);
	request_count(client, request, publication->head.len + blob_size(publication->tail));
	enum err err = start(client, publication, request);
	if (err)
		request_fail(client, request, err);
}
