/* The methods of a connection itself, on channel 0: the handshake, in protocol order, then what the broker says of its state. */
#include <assert.h>
#include <stdio.h>

#include "broker/rabbitmq/channel.h"
#include "broker/rabbitmq/connection_inner.h"

static bool offers_plain(struct bytes mechanisms)
{
	while (mechanisms.len > 0) {
		ptrdiff_t space = bytes_find(mechanisms, ' ');
		size_t len = space < 0 ? mechanisms.len : (size_t)space;
		if (bytes_is(bytes_first(mechanisms, len), "PLAIN"))
			return true;
		mechanisms = bytes_skip(mechanisms, len + 1);
	}
	return false;
}

/* Without these capabilities alarms and deleted queues would be silent, and a wrong password a mere
 * hang-up. */
static void send_start_ok(struct connection *connection)
{
	const struct connection_options *options = connection->options;
	amqp_table_entry_t capabilities[] = {
		wire_entry_flag("publisher_confirms", true),
		wire_entry_flag("basic.nack", true),
		wire_entry_flag("consumer_cancel_notify", true),
		wire_entry_flag("connection.blocked", true),
		wire_entry_flag("authentication_failure_close", true),
		wire_entry_flag("exchange_exchange_bindings", true),
	};
	amqp_table_entry_t properties[] = {
		wire_entry_text("product", "leveret"),
		wire_entry_text("connection_name", options->name),
		{.key = wire_text("capabilities"),
		 .value = {.kind = AMQP_FIELD_KIND_TABLE,
			   .value.table = {sizeof capabilities / sizeof capabilities[0],
					   capabilities}}},
	};
	char response[1024]; /* RFC 4616: NUL user NUL password */
	int len = snprintf(response, sizeof response, "%c%s%c%s", 0, options->user, 0,
			   options->password);
	assert(len > 0 && (size_t)len < sizeof response);
	amqp_connection_start_ok_t ok = {
		.client_properties = {sizeof properties / sizeof properties[0], properties},
		.mechanism = wire_text("PLAIN"),
		.response = {(size_t)len, response},
		.locale = wire_text("en_US"),
	};
	connection_send(connection, 0, AMQP_CONNECTION_START_OK_METHOD, &ok);
}

static void on_start(struct connection *connection, const amqp_connection_start_t *start)
{
	if (start->version_major != 0 || start->version_minor != 9) {
		connection_fail_with(connection, E_MALFORMED,
				     "the server does not speak AMQP 0-9-1");
	} else if (!offers_plain(wire_bytes(start->mechanisms))) {
		connection_fail_with(connection, E_REFUSED, "the broker does not offer SASL PLAIN");
	} else {
		connection->state = CONNECTION_WAIT_TUNE;
		send_start_ok(connection);
	}
}

/* Of two limits where 0 means none, the one in force. */
static uint32_t lesser(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a > b ? a : b;
	return a < b ? a : b;
}

static void send_tune_ok(struct connection *connection)
{
	amqp_connection_tune_ok_t ok = {
		.channel_max = connection->channel_max,
		.frame_max = connection->decoder.frame_max,
		.heartbeat = (uint16_t)connection->heartbeat_s,
	};
	wire_method(&connection->out, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &ok);
	amqp_connection_open_t open = {.virtual_host = wire_text(connection->options->vhost)};
	connection_send(connection, 0, AMQP_CONNECTION_OPEN_METHOD, &open);
}

static void on_tune(struct connection *connection, const amqp_connection_tune_t *tune)
{
	uint32_t frame_max = lesser(tune->frame_max, WIRE_FRAME_MAX);
	if (frame_max < WIRE_FRAME_MIN) {
		connection_fail_with(connection, E_MALFORMED,
				     "the broker asks for frames smaller than AMQP allows");
		return;
	}
	connection->decoder.frame_max = frame_max;
	connection->channel_max = (uint16_t)lesser(tune->channel_max, CHANNEL_MAX);
	uint32_t ours_s = (uint32_t)((connection->options->heartbeat_ms + 999) / 1000);
	connection->heartbeat_s = lesser(tune->heartbeat, ours_s);
	connection->state = CONNECTION_WAIT_OPEN;
	send_tune_ok(connection);
}

static void on_open_ok(struct connection *connection)
{
	connection->state = CONNECTION_OPEN;
	for (uint16_t number = 1; number <= CHANNEL_MAX; number++) {
		if (connection->channels[number])
			channel_on_connection_opened(connection->channels[number]);
	}
	connection->handler->opened(connection->owner);
}

static void on_close(struct connection *connection, const amqp_connection_close_t *close)
{
	amqp_connection_close_ok_t ok = {0};
	connection_send(connection, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
	struct why why;
	/* 403 ACCESS_REFUSED and 530 NOT_ALLOWED: wrong password, unknown virtual host. */
	enum err err = close->reply_code == 403 || close->reply_code == 530 ? E_REFUSED : E_CLOSED;
	(void)fail(&why, err, "closed by the broker: %u %.*s", close->reply_code,
		   BYTES_ARGS(wire_bytes(close->reply_text)));
	connection_fail(connection, err, &why);
}

static void on_blocked(struct connection *connection, const amqp_connection_blocked_t *blocked)
{
	char reason[WIRE_SHORT_MAX + 1];
	wire_copy_short(blocked->reason, reason);
	connection->handler->blocked(connection->owner, true, reason);
}

void handshake_method(struct connection *connection, const amqp_method_t *method)
{
	enum connection_state state = connection->state;
	if (method->id == AMQP_CONNECTION_CLOSE_METHOD)
		on_close(connection, method->decoded);
	else if (method->id == AMQP_CONNECTION_CLOSE_OK_METHOD && state == CONNECTION_CLOSING)
		connection_fail_with(connection, E_CLOSED, "closed");
	else if (method->id == AMQP_CONNECTION_START_METHOD && state == CONNECTION_WAIT_START)
		on_start(connection, method->decoded);
	else if (method->id == AMQP_CONNECTION_TUNE_METHOD && state == CONNECTION_WAIT_TUNE)
		on_tune(connection, method->decoded);
	else if (method->id == AMQP_CONNECTION_OPEN_OK_METHOD && state == CONNECTION_WAIT_OPEN)
		on_open_ok(connection);
	else if (method->id == AMQP_CONNECTION_BLOCKED_METHOD && state == CONNECTION_OPEN)
		on_blocked(connection, method->decoded);
	else if (method->id == AMQP_CONNECTION_UNBLOCKED_METHOD && state == CONNECTION_OPEN)
		connection->handler->blocked(connection->owner, false, "");
	else if (state != CONNECTION_CLOSING)
		connection_fail_with(connection, E_MALFORMED,
				     "the broker sent a method that has no place here");
}
