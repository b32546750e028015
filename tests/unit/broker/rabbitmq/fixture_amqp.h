/* A connection whose other end is the test: it says what a broker would say, frame by frame, and
 * reads what the client sent. */
#ifndef LEVERET_TESTS_UNIT_BROKER_RABBITMQ_FIXTURE_AMQP_H
#define LEVERET_TESTS_UNIT_BROKER_RABBITMQ_FIXTURE_AMQP_H

#include "broker/rabbitmq/connection.h"
#include "lib/loop/loop.h"

struct amqp_fixture {
	struct loop *loop;
	struct timer *stop;
	struct connection *connection;
	struct connection_options options;
	struct buf sent;	     /* by the client, not looked at yet */
	struct wire_decoder decoder; /* for what the client sent */
	size_t unsent;		     /* what the stream pretends to hold */
	bool is_paused;
	unsigned opened_count, failed_count;
	enum err err;
	struct why why;
	bool is_blocked;
	uint32_t frame_max; /* that the broker proposes */
};

int amqp_setup(void **state);	   /* a connection without a stream */
int amqp_setup_open(void **state); /* handshake done, nothing sent that was not looked at */
int amqp_teardown(void **state);

void broker_says(struct amqp_fixture *f, uint16_t channel, amqp_method_number_t id, void *method);
/* And we agree. */
void broker_closes_channel(struct amqp_fixture *f, uint16_t channel, uint16_t code,
			   const char *text);
void broker_sends_bytes(struct amqp_fixture *f, struct bytes b);
void broker_sends_message(struct amqp_fixture *f, uint16_t channel, amqp_method_number_t id,
			  void *method, amqp_basic_properties_t *properties, struct bytes body);
void begin(struct amqp_fixture *f);
void open_connection(struct amqp_fixture *f);
void open_channel(struct amqp_fixture *f, uint16_t channel); /* expects channel.open, answers it */

/* The next frame that the client sent; fails the test when there is none. Borrowed until the next
 * call. */
struct wire_frame next_sent(struct amqp_fixture *f);
void *expect_method(struct amqp_fixture *f, uint16_t channel, amqp_method_number_t id);
bool has_sent(const struct amqp_fixture *f);
void turn(struct amqp_fixture *f);			  /* one turn of the loop: tasks run */
void run_ms(struct amqp_fixture *f, int64_t duration_ms); /* timers too */

#endif
