/* One AMQP connection after another over byte streams that somebody else opens: handshake,
 * heartbeats, alarms, and the frames of its channels. It knows no socket, no timer and no clock:
 * those come as calls, so that tests feed it bytes.
 *
 *   begin -> [start -> tune -> open] -> opened ... -> end    then begin again, any number of times
 *   any step -- bad bytes, connection.close, silence --> failed, once; then the owner calls end
 *
 * Channels belong to it for as long as they live, over all its streams (channel.h). */
#ifndef LEVERET_BROKER_RABBITMQ_CONNECTION_H
#define LEVERET_BROKER_RABBITMQ_CONNECTION_H

#include "broker/rabbitmq/wire.h"

struct connection;
struct channel;

struct connection_options { /* borrowed */
	const char *user, *password, *vhost;
	const char *name; /* shown by the broker's tools */
	int64_t heartbeat_ms;
};

struct connection_handler {
	void (*opened)(void *owner);
	void (*failed)(void *owner, enum err err, const struct why *why);
	void (*blocked)(void *owner, bool is_blocked, const char *reason); /* the broker's alarm */
};

/* The stream below. `write` queues bytes; E_FULL ends the connection. */
struct connection_io {
	enum err (*write)(void *io, struct bytes b);
	size_t (*unsent)(void *io);
	void (*pause)(void *io,
		      bool is_paused); /* stop or go on reading; going on feeds what was left */
};

struct connection *connection_new(const struct connection_options *options,
				  const struct connection_handler *handler, void *owner);
void connection_free(struct connection **connection); /* its channels were freed before */

void connection_begin(struct connection *connection, const struct connection_io *io, void *io_owner,
		      int64_t now_ms);
/* Takes whole frames from `in` and gives how many bytes they were. Stops early when paused. */
size_t connection_input(struct connection *connection, struct bytes in, int64_t now_ms);
/* To be called every connection_tick_ms(): sends and expects signs of life. */
int64_t connection_tick_ms(const struct connection *connection);
void connection_tick(struct connection *connection, int64_t now_ms);
/* For owners whom silence costs more than the connection: a sign of life now, and when the broker gave its last. */
void connection_beat(struct connection *connection);
int64_t connection_heard_at_ms(const struct connection *connection);
void connection_close(
	struct connection
		*connection); /* says good-bye to the broker; the owner then lets the bytes out */
void connection_end(struct connection *connection); /* the stream is gone: channels are told */

bool connection_is_open(const struct connection *connection);
size_t connection_unsent(const struct connection *connection);
/* Back-pressure: no frame is looked at, and silence of the broker is no fault, until it goes on. */
void connection_pause(struct connection *connection, bool is_paused);
/* While paused: take about so many bytes, then pause again. A broker gives up a connection that takes none for long (RabbitMQ's
 * send_timeout, 30 s as measured), and with it every lease. */
void connection_sip(struct connection *connection, size_t bytes);
uint32_t connection_frame_max(const struct connection *connection);

/* For channels. */
struct buf *connection_out(struct connection *connection); /* append frames, then flush */
void connection_flush(struct connection *connection);
void connection_send(struct connection *connection, uint16_t channel, amqp_method_number_t id,
		     void *method);
uint16_t connection_attach(struct connection *connection,
			   struct channel *channel); /* gives its number */
void connection_detach(struct connection *connection, uint16_t number);
void connection_fail(struct connection *connection, enum err err, const struct why *why);

#endif
