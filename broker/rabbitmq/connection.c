/* See connection.h for the picture. Handshake steps stand in protocol order. A broken stream shows
 * once, as `failed`, and from then until connection_end() nothing is read or written. */
#include "broker/rabbitmq/connection.h"

#include <assert.h>
#include <stdio.h>

#include "broker/rabbitmq/channel.h"
#include "lib/base/memory.h"

#define CHANNEL_MAX 2047
#define OUT_MAX	    (4u << 20) /* frames made in one call, before they go to the stream */
#define OUT_KEPT    (256u << 10)

enum state { IDLE, WAIT_START, WAIT_TUNE, WAIT_OPEN, OPEN, CLOSING, FAILED };

struct connection {
	const struct connection_options *options;
	const struct connection_handler *handler;
	void *owner;
	const struct connection_io *io; /* NULL: no stream */
	void *io_owner;
	enum state state;
	struct wire_decoder decoder;
	struct buf out;
	uint16_t channel_max;
	uint32_t heartbeat_s; /* 0: none */
	int64_t heard_at_ms;
	bool has_sent; /* since the last tick */
	bool is_paused;
	size_t sip_left;			   /* not 0: paused again after so many bytes */
	struct channel *channels[CHANNEL_MAX + 1]; /* by number; 0 is the connection's own */
};

struct connection *connection_new(const struct connection_options *options,
				  const struct connection_handler *handler, void *owner)
{
	struct connection *connection = memory_new(sizeof *connection);
	connection->options = options;
	connection->handler = handler;
	connection->owner = owner;
	wire_decoder_init(&connection->decoder);
	buf_init(&connection->out, OUT_MAX);
	return connection;
}

void connection_free(struct connection **connection)
{
	if (!*connection)
		return;
	connection_end(*connection);
	wire_decoder_done(&(*connection)->decoder);
	buf_done(&(*connection)->out);
	free(*connection);
	*connection = NULL;
}

void connection_fail(struct connection *connection, enum err err, const struct why *why)
{
	if (connection->state == FAILED || connection->state == IDLE)
		return;
	connection->state = FAILED;
	connection->handler->failed(connection->owner, err, why);
}

static void fail_with(struct connection *connection, enum err err, const char *text)
{
	struct why why;
	(void)fail(&why, err, "%s", text);
	connection_fail(connection, err, &why);
}

/* ---- sending ---- */

struct buf *connection_out(struct connection *connection)
{
	return &connection->out;
}

void connection_flush(struct connection *connection)
{
	struct buf *out = &connection->out;
	if (out->len > 0 && connection->io && connection->state != FAILED) {
		connection->has_sent = true;
		if (connection->io->write(connection->io_owner, buf_bytes(out)))
			fail_with(connection, E_FULL, "the broker does not take what is sent");
	}
	if (out->capacity > OUT_KEPT)
		buf_clear(out);
	else
		buf_consume(out, out->len); /* keeps the memory: the next frames are not far */
}

void connection_send(struct connection *connection, uint16_t channel, amqp_method_number_t id,
		     void *method)
{
	wire_method(&connection->out, channel, id, method);
	connection_flush(connection);
}

size_t connection_unsent(const struct connection *connection)
{
	return connection->io ? connection->io->unsent(connection->io_owner) : 0;
}

/* ---- the handshake ---- */

void connection_begin(struct connection *connection, const struct connection_io *io, void *io_owner,
		      int64_t now_ms)
{
	assert(!connection->io);
	connection->io = io;
	connection->io_owner = io_owner;
	connection->state = WAIT_START;
	connection->decoder.frame_max = WIRE_FRAME_MAX;
	connection->channel_max = CHANNEL_MAX;
	connection->heartbeat_s = 0;
	connection->heard_at_ms = now_ms;
	connection->is_paused = false;
	buf_clear(&connection->out);
	(void)!buf_append(&connection->out, WIRE_HEADER_PROTOCOL);
	connection_flush(connection);
}

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
		fail_with(connection, E_MALFORMED, "the server does not speak AMQP 0-9-1");
	} else if (!offers_plain(wire_bytes(start->mechanisms))) {
		fail_with(connection, E_REFUSED, "the broker does not offer SASL PLAIN");
	} else {
		connection->state = WAIT_TUNE;
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
		fail_with(connection, E_MALFORMED,
			  "the broker asks for frames smaller than AMQP allows");
		return;
	}
	connection->decoder.frame_max = frame_max;
	connection->channel_max = (uint16_t)lesser(tune->channel_max, CHANNEL_MAX);
	uint32_t ours_s = (uint32_t)((connection->options->heartbeat_ms + 999) / 1000);
	connection->heartbeat_s = lesser(tune->heartbeat, ours_s);
	connection->state = WAIT_OPEN;
	send_tune_ok(connection);
}

static void on_open_ok(struct connection *connection)
{
	connection->state = OPEN;
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

static void on_own_method(struct connection *connection, const amqp_method_t *method)
{
	enum state state = connection->state;
	if (method->id == AMQP_CONNECTION_CLOSE_METHOD)
		on_close(connection, method->decoded);
	else if (method->id == AMQP_CONNECTION_CLOSE_OK_METHOD && state == CLOSING)
		fail_with(connection, E_CLOSED, "closed");
	else if (method->id == AMQP_CONNECTION_START_METHOD && state == WAIT_START)
		on_start(connection, method->decoded);
	else if (method->id == AMQP_CONNECTION_TUNE_METHOD && state == WAIT_TUNE)
		on_tune(connection, method->decoded);
	else if (method->id == AMQP_CONNECTION_OPEN_OK_METHOD && state == WAIT_OPEN)
		on_open_ok(connection);
	else if (method->id == AMQP_CONNECTION_BLOCKED_METHOD && state == OPEN)
		on_blocked(connection, method->decoded);
	else if (method->id == AMQP_CONNECTION_UNBLOCKED_METHOD && state == OPEN)
		connection->handler->blocked(connection->owner, false, "");
	else if (state != CLOSING)
		fail_with(connection, E_MALFORMED,
			  "the broker sent a method that has no place here");
}

/* ---- receiving ---- */

static void on_frame(struct connection *connection, const struct wire_frame *frame)
{
	struct why why;
	if (frame->type == WIRE_HEARTBEAT)
		return;
	if (frame->channel == 0) {
		if (frame->type != WIRE_METHOD)
			fail_with(connection, E_MALFORMED, "content on channel 0");
		else
			on_own_method(connection, &frame->method);
		return;
	}
	if (connection->state == CLOSING)
		return;
	if (connection->state != OPEN || frame->channel > CHANNEL_MAX ||
	    !connection->channels[frame->channel]) {
		fail_with(connection, E_MALFORMED, "a frame on a channel that is not open");
		return;
	}
	enum err err = channel_on_frame(connection->channels[frame->channel], frame, &why);
	if (err)
		connection_fail(connection, err, &why);
}

static void end_sip(struct connection *connection, size_t len)
{
	if (connection->sip_left == 0)
		return;
	connection->sip_left -= len < connection->sip_left ? len : connection->sip_left;
	if (connection->sip_left == 0)
		connection_pause(connection, true);
}

size_t connection_input(struct connection *connection, struct bytes in, int64_t now_ms)
{
	size_t used = 0;
	connection->heard_at_ms = now_ms;
	while (connection->io && connection->state != FAILED && !connection->is_paused) {
		struct wire_frame frame;
		struct why why;
		size_t len;
		enum err err =
			wire_decode(&connection->decoder, bytes_skip(in, used), &frame, &len, &why);
		if (err)
			connection_fail(connection, err, &why);
		if (err || len == 0)
			break;
		used += len;
		on_frame(connection, &frame);
		end_sip(connection, len);
	}
	return used;
}

void connection_pause(struct connection *connection, bool is_paused)
{
	if (connection->is_paused == is_paused || !connection->io)
		return;
	connection->is_paused = is_paused;
	connection->sip_left = 0;
	connection->io->pause(connection->io_owner, is_paused);
}

void connection_sip(struct connection *connection, size_t bytes)
{
	if (!connection->is_paused)
		return;
	connection_pause(connection, false);
	connection->sip_left = bytes;
}

/* ---- signs of life ---- */

int64_t connection_tick_ms(const struct connection *connection)
{
	uint32_t heartbeat_s = connection->heartbeat_s > 0 ? connection->heartbeat_s : 60;
	return (int64_t)heartbeat_s * 500;
}

void connection_tick(struct connection *connection, int64_t now_ms)
{
	if (connection->heartbeat_s == 0 || !connection->io || connection->state == FAILED)
		return;
	if (!connection->has_sent) {
		wire_heartbeat(&connection->out);
		connection_flush(connection);
	}
	connection->has_sent = false;
	if (connection->is_paused)
		connection->heard_at_ms = now_ms; /* we do not listen, so silence proves nothing */
	if (now_ms - connection->heard_at_ms > 2 * 1000 * (int64_t)connection->heartbeat_s)
		fail_with(connection, E_TIMEOUT, "the broker shows no sign of life");
}

void connection_beat(struct connection *connection)
{
	wire_heartbeat(&connection->out);
	connection_flush(connection);
}

int64_t connection_heard_at_ms(const struct connection *connection)
{
	return connection->heard_at_ms;
}

/* ---- the end ---- */

void connection_close(struct connection *connection)
{
	if (connection->state != OPEN)
		return;
	amqp_connection_close_t close = {.reply_code = 200, .reply_text = wire_text("bye")};
	connection->state = CLOSING;
	connection_send(connection, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
}

void connection_end(struct connection *connection)
{
	connection->io = NULL;
	connection->io_owner = NULL;
	connection->state = IDLE;
	for (uint16_t number = 1; number <= CHANNEL_MAX; number++) {
		if (connection->channels[number])
			channel_on_connection_lost(connection->channels[number]);
	}
}

/* ---- for channels ---- */

bool connection_is_open(const struct connection *connection)
{
	return connection->state == OPEN;
}

uint32_t connection_frame_max(const struct connection *connection)
{
	return connection->decoder.frame_max;
}

uint16_t connection_attach(struct connection *connection, struct channel *channel)
{
	uint16_t number = 1;
	while (connection->channels[number])
		number++; /* consumers are tens, so the table is never full */
	assert(number <= CHANNEL_MAX);
	connection->channels[number] = channel;
	return number;
}

void connection_detach(struct connection *connection, uint16_t number)
{
	connection->channels[number] = NULL;
}
