/* What the connection's files share: connection.c sends, receives and ends, handshake.c is what both sides agree on before. */
#ifndef LEVERET_BROKER_RABBITMQ_CONNECTION_INNER_H
#define LEVERET_BROKER_RABBITMQ_CONNECTION_INNER_H

#include "broker/rabbitmq/connection.h"

#define CHANNEL_MAX 2047

enum connection_state {
	CONNECTION_IDLE,
	CONNECTION_WAIT_START,
	CONNECTION_WAIT_TUNE,
	CONNECTION_WAIT_OPEN,
	CONNECTION_OPEN,
	CONNECTION_CLOSING,
	CONNECTION_FAILED
};

struct connection {
	const struct connection_options *options;
	const struct connection_handler *handler;
	void *owner;
	const struct connection_io *io; /* NULL: no stream */
	void *io_owner;
	enum connection_state state;
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

void connection_fail_with(struct connection *connection, enum err err, const char *text);

/* handshake.c: a method on channel 0, in its place or not. */
void handshake_method(struct connection *connection, const amqp_method_t *method);

#endif
