/* See exchanges.h. */
#include "broker/rabbitmq/exchanges.h"

#include "broker/rabbitmq/intake.h"
#include "broker/rabbitmq/json_copies.h"
#include "broker/rabbitmq/topology.h"

void exchanges_init(struct exchanges *exchanges, struct loop *loop,
		    const struct broker_settings *settings)
{
	static const char *const names[EXCHANGE_FOREIGN] = {
		[EXCHANGE_SUBMIT] = EXCHANGE_NAME_SUBMIT,
		[EXCHANGE_DELIVER] = EXCHANGE_NAME_DELIVER,
		[EXCHANGE_RESULTS] = EXCHANGE_NAME_RESULTS,
		[EXCHANGE_INBOUND] = EXCHANGE_NAME_INBOUND,
		[EXCHANGE_BURIED] = EXCHANGE_NAME_BURIED,
		[EXCHANGE_REFUSED] = EXCHANGE_NAME_REFUSED,
		[EXCHANGE_EVENTS] = EXCHANGE_NAME_EVENTS,
	};
	*exchanges = (struct exchanges){.loop = loop, .settings = settings};
	for (size_t i = 0; i < EXCHANGE_FOREIGN; i++)
		topology_name(settings->prefix, names[i], exchanges->names[i]);
	topology_name(settings->prefix, EXCHANGE_NAME_JSON_RESULTS, exchanges->json_results);
	topology_name(settings->prefix, EXCHANGE_NAME_JSON_EVENTS, exchanges->json_events);
}

/* Where its copies as JSON go. */
static const char *json_name(const struct exchanges *exchanges, enum exchange exchange)
{
	return exchange == EXCHANGE_RESULTS ? exchanges->json_results : exchanges->json_events;
}

/* The exchange that keeps a delivery back, or NULL: its time has come. */
static const char *delay_of(const struct exchanges *exchanges,
			    const struct publication *publication, char out[WIRE_SHORT_MAX + 1])
{
	int64_t left_ms = publication->not_before_wall_ms > 0
				  ? publication->not_before_wall_ms - loop_wall_ms(exchanges->loop)
				  : 0;
	if (publication->exchange != EXCHANGE_DELIVER || left_ms <= LEASE_EARLY_MS)
		return NULL;
	intake_delay_exchange(exchanges->settings->prefix, left_ms, out);
	return out;
}

void exchanges_publish(const struct exchanges *exchanges, struct publisher *publisher,
		       const struct publication *publication, published done, void *owner)
{
	char key[WIRE_SHORT_MAX + 1], delay[WIRE_SHORT_MAX + 1];
	const char *delayed_by = delay_of(exchanges, publication, delay);
	publisher_key(publication->key, key);
	const struct outgoing outgoing = {
		.exchange = delayed_by ? delayed_by : exchanges->names[publication->exchange],
		.key = key,
		.message_id = publication->message_id,
		.content_type = publication->content_type ? publication->content_type
							  : "application/x-protobuf",
		.content_encoding = publication->content_encoding,
		.reason = publication->reason,
		.not_before_wall_ms = delayed_by ? publication->not_before_wall_ms : 0,
		.is_event = publication->exchange == EXCHANGE_RESULTS ||
			    publication->exchange == EXCHANGE_EVENTS,
		.head = publication->head,
		.tail = publication->tail,
	};
	if (json_copies_are_wanted(exchanges->settings, publication->exchange))
		json_copies_publish(publisher, publication->exchange,
				    json_name(exchanges, publication->exchange), &outgoing, done,
				    owner);
	else
		publisher_publish(publisher, &outgoing, done, owner);
}
