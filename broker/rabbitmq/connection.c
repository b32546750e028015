/* See connection.h for the picture. A broken stream shows
 * once, as `failed`, and from then until connection_end() nothing is read or written. */
#include <assert.h>
#include <stdio.h>

#include "broker/rabbitmq/channel.h"
#include "broker/rabbitmq/connection_inner.h"
#include "lib/base/memory.h"

#define OUT_MAX	 (4u << 20) /* frames made in one call, before they go to the stream */
#define OUT_KEPT (256u << 10)

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
	if (connection->state == CONNECTION_FAILED || connection->state == CONNECTION_IDLE)
		return;
	connection->state = CONNECTION_FAILED;
	connection->handler->failed(connection->owner, err, why);
}

void connection_fail_with(struct connection *connection, enum err err, const char *text)
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
	if (out->len > 0 && connection->io && connection->state != CONNECTION_FAILED) {
		connection->has_sent = true;
		if (connection->io->write(connection->io_owner, buf_bytes(out)))
			connection_fail_with(connection, E_FULL,
					     "the broker does not take what is sent");
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

/* ---- the beginning ---- */

void connection_begin(struct connection *connection, const struct connection_io *io, void *io_owner,
		      int64_t now_ms)
{
	assert(!connection->io);
	connection->io = io;
	connection->io_owner = io_owner;
	connection->state = CONNECTION_WAIT_START;
	connection->decoder.frame_max = WIRE_FRAME_MAX;
	connection->channel_max = CHANNEL_MAX;
	connection->heartbeat_s = 0;
	connection->heard_at_ms = now_ms;
	connection->is_paused = false;
	buf_clear(&connection->out);
	(void)!buf_append(&connection->out, WIRE_HEADER_PROTOCOL);
	connection_flush(connection);
}

/* ---- receiving ---- */

static void on_frame(struct connection *connection, const struct wire_frame *frame)
{
	struct why why;
	if (frame->type == WIRE_HEARTBEAT)
		return;
	if (frame->channel == 0) {
		if (frame->type != WIRE_METHOD)
			connection_fail_with(connection, E_MALFORMED, "content on channel 0");
		else
			handshake_method(connection, &frame->method);
		return;
	}
	if (connection->state == CONNECTION_CLOSING)
		return;
	if (connection->state != CONNECTION_OPEN || frame->channel > CHANNEL_MAX ||
	    !connection->channels[frame->channel]) {
		connection_fail_with(connection, E_MALFORMED,
				     "a frame on a channel that is not open");
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
	while (connection->io && connection->state != CONNECTION_FAILED && !connection->is_paused) {
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
	if (connection->heartbeat_s == 0 || !connection->io ||
	    connection->state == CONNECTION_FAILED)
		return;
	if (!connection->has_sent) {
		wire_heartbeat(&connection->out);
		connection_flush(connection);
	}
	connection->has_sent = false;
	if (connection->is_paused)
		connection->heard_at_ms = now_ms; /* we do not listen, so silence proves nothing */
	if (now_ms - connection->heard_at_ms > 2 * 1000 * (int64_t)connection->heartbeat_s)
		connection_fail_with(connection, E_TIMEOUT, "the broker shows no sign of life");
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
	if (connection->state != CONNECTION_OPEN)
		return;
	amqp_connection_close_t close = {.reply_code = 200, .reply_text = wire_text("bye")};
	connection->state = CONNECTION_CLOSING;
	connection_send(connection, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
}

void connection_end(struct connection *connection)
{
	connection->io = NULL;
	connection->io_owner = NULL;
	connection->state = CONNECTION_IDLE;
	for (uint16_t number = 1; number <= CHANNEL_MAX; number++) {
		if (connection->channels[number])
			channel_on_connection_lost(connection->channels[number]);
	}
}

/* ---- for channels ---- */

bool connection_is_open(const struct connection *connection)
{
	return connection->state == CONNECTION_OPEN;
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
