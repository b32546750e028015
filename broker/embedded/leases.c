/* Leases: messages that the core gave us and that nobody has settled yet. A lease points to its client until the line is lost or
 * the broker closed; from then on the message is back in its queue, and settling only frees the lease. */
#include <assert.h>

#include "broker/embedded/client.h"
#include "broker/embedded/packet/record.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define UNREADABLE_AGAIN_MS                                                                        \
	10000 /* a body's file that cannot be read now: too many files are open, or the disk fails */

static void send_settle(struct client *client, uint64_t number, enum settlement how,
			int64_t delay_ms, const char *reason)
{
	char cut[PACKET_TEXT_MAX];
	if (reason) {
		(void)snprintf(cut, sizeof cut, "%s", reason);
		reason = cut;
	}
	struct packet *packet = client_packet(PACKET_SETTLE, number, reason);
	packet->value[0] = how;
	packet->value[1] = delay_ms;
	client_send(client, packet);
}

static void lease_free(struct embedded_lease *lease)
{
	shared_unref(&lease->record);
	shared_unref(&lease->map);
	free(lease);
}

static void detach(struct embedded_lease *lease)
{
	LIST_REMOVE(lease, next);
	lease->client = NULL;
}

void client_leases_lost(struct client *client)
{
	while (!LIST_EMPTY(&client->leases))
		detach(LIST_FIRST(&client->leases)); /* its holder settles it, now or later */
}

/* ---- arriving ---- */

static enum err map_body(struct embedded_lease *lease, const struct client *client,
			 const struct record *record, struct why *why)
{
	char path[BODY_PATH_MAX];
	body_path(line_directory(client->line), record->file, path);
	enum err err = shared_map(path, &lease->map, why);
	if (err)
		return err;
	lease->lease.body = shared_bytes(lease->map);
	if (lease->lease.body.len != record->body_size)
		return fail(why, E_MALFORMED, "%s is not as long as it was", path);
	return OK;
}

static enum err fill(struct embedded_lease *lease, const struct client *client, struct why *why)
{
	struct record record;
	enum err err = record_parse(shared_bytes(lease->record), &record);
	if (err)
		return fail(why, err, "the record is malformed");
	lease->lease = (struct lease){
		.engine = &embedded_engine,
		.body = record.body,
		.key = record.key,
		.message_id = record.message_id,
		.content_type = record.content_type,
		.content_encoding = record.content_encoding,
		.reason = record.reason,
		.exchange = record.exchange,
	};
	return record.file ? map_body(lease, client, &record, why) : OK;
}

/* What can never be read is buried; what cannot be read now comes again. */
static void refuse(struct client *client, struct embedded_lease *lease, enum err err,
		   const struct why *why)
{
	if (err_then(err) == ERR_THEN_BURY) {
		log_event(EV_lease_buried, F_TEXT("message", lease->lease.message_id),
			  F_TEXT("reason", why->text));
		send_settle(client, lease->number, SETTLE_BURY, 0, why->text);
	} else {
		log_event(EV_broker_body_failed, F_TEXT("message", lease->lease.message_id),
			  F_TEXT("why", why->text));
		send_settle(client, lease->number, SETTLE_RETRY, UNREADABLE_AGAIN_MS, NULL);
	}
	lease_free(lease);
}

static void take(struct client *client, const struct embedded_consumer *consumer,
		 struct packet *packet)
{
	struct why why = {""};
	struct embedded_lease *lease = memory_new(sizeof *lease);
	lease->number = (uint64_t)packet->value[0];
	lease->record = packet->record;
	packet->record = NULL;
	enum err err = fill(lease, client, &why);
	if (err) {
		refuse(client, lease, err, &why);
		return;
	}
	lease->lease.is_redelivered = packet->value[1] != 0;
	lease->lease.not_before_wall_ms = packet->value[2];
	lease->client = client;
	LIST_INSERT_HEAD(&client->leases, lease, next);
	consumer->taken(consumer->owner, &lease->lease); /* may free the consumer */
}

void client_lease_arrived(struct client *client, struct packet *packet)
{
	const struct embedded_consumer *consumer = tagged_find(&client->consumers, packet->tag);
	if (consumer && !consumer->is_paused)
		take(client, consumer, packet);
	else /* it was on its way when the consumer was paused or freed */
		send_settle(client, (uint64_t)packet->value[0], SETTLE_RELEASE, 0, NULL);
	packet_free(&packet);
}

/* ---- settling ---- */

bool client_lease_is_lost(const struct lease *lease)
{
	return ((const struct embedded_lease *)lease)->client == NULL;
}

void client_lease_settle(struct lease *opaque, enum settlement how, int64_t delay_ms,
			 const char *reason)
{
	struct embedded_lease *lease = (struct embedded_lease *)opaque;
	struct client *client = lease->client;
	if (client) {
		if (how == SETTLE_BURY)
			log_event(EV_lease_buried, F_TEXT("key", lease->lease.key),
				  F_TEXT("message", lease->lease.message_id),
				  F_TEXT("reason", reason ? reason : ""));
		send_settle(client, lease->number, how, delay_ms > 0 ? delay_ms : 0,
			    how == SETTLE_BURY && !reason ? "" : reason);
		detach(lease);
	}
	lease_free(lease);
}
