/* See fixture_amqp.h. */
#include "tests/unit/broker/rabbitmq/fixture_amqp.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "tests/check.h"

/* ---- the connection's handlers and stream ---- */

static void on_opened(void *owner)
{
	struct amqp_fixture *f = owner;
	f->opened_count++;
}

static void on_failed(void *owner, enum err err, const struct why *why)
{
	struct amqp_fixture *f = owner;
	f->failed_count++;
	f->err = err;
	f->why = *why;
}

static void on_blocked(void *owner, bool is_blocked, const char *reason)
{
	struct amqp_fixture *f = owner;
	(void)reason;
	f->is_blocked = is_blocked;
}

static enum err io_write(void *owner, struct bytes b)
{
	struct amqp_fixture *f = owner;
	return buf_append(&f->sent, b);
}

static size_t io_unsent(void *owner)
{
	return ((struct amqp_fixture *)owner)->unsent;
}

static void io_pause(void *owner, bool is_paused)
{
	((struct amqp_fixture *)owner)->is_paused = is_paused;
}

static void on_stop(void *owner)
{
	loop_stop(((struct amqp_fixture *)owner)->loop);
}

int amqp_setup(void **state)
{
	static const struct connection_handler handler = {
		.opened = on_opened, .failed = on_failed, .blocked = on_blocked};
	struct amqp_fixture *f = memory_new(sizeof *f);
	f->loop = loop_new();
	f->stop = timer_new(f->loop, on_stop, f);
	f->options = (struct connection_options){.user = "user",
						 .password = "secret",
						 .vhost = "/v",
						 .name = "leveret test",
						 .heartbeat_ms = 10000};
	f->connection = connection_new(&f->options, &handler, f);
	f->frame_max = WIRE_FRAME_MAX;
	buf_init(&f->sent, 64 << 20);
	wire_decoder_init(&f->decoder);
	*state = f;
	return 0;
}

int amqp_setup_open(void **state)
{
	(void)amqp_setup(state);
	begin(*state);
	open_connection(*state);
	return 0;
}

int amqp_teardown(void **state)
{
	struct amqp_fixture *f = *state;
	connection_free(&f->connection);
	timer_free(&f->stop);
	loop_free(&f->loop);
	wire_decoder_done(&f->decoder);
	buf_done(&f->sent);
	free(f);
	return 0;
}

/* ---- the broker's side ---- */

void broker_sends_bytes(struct amqp_fixture *f, struct bytes b)
{
	(void)connection_input(f->connection, b, loop_now_ms(f->loop));
}

void broker_says(struct amqp_fixture *f, uint16_t channel, amqp_method_number_t id, void *method)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	wire_method(&out, channel, id, method);
	broker_sends_bytes(f, buf_bytes(&out));
	buf_done(&out);
}

void broker_sends_message(struct amqp_fixture *f, uint16_t channel, amqp_method_number_t id,
			  void *method, amqp_basic_properties_t *properties, struct bytes body)
{
	struct buf out;
	buf_init(&out, 8 << 20);
	wire_method(&out, channel, id, method);
	wire_content(&out, channel, body.len, properties);
	for (size_t at = 0; at < body.len;) {
		size_t len = body.len - at < 4000 ? body.len - at : 4000;
		memcpy(wire_body_begin(&out, channel, len), body.data + at, len);
		wire_body_end(&out, len);
		at += len;
	}
	broker_sends_bytes(f, buf_bytes(&out));
	buf_done(&out);
}

void begin(struct amqp_fixture *f)
{
	static const struct connection_io io = {
		.write = io_write, .unsent = io_unsent, .pause = io_pause};
	connection_begin(f->connection, &io, f, loop_now_ms(f->loop));
	assert_true(bytes_equal(buf_bytes(&f->sent), WIRE_HEADER_PROTOCOL));
	buf_clear(&f->sent);
}

void open_connection(struct amqp_fixture *f)
{
	amqp_connection_start_t start = {.version_minor = 9,
					 .mechanisms = wire_text("AMQPLAIN PLAIN"),
					 .locales = wire_text("en_US")};
	broker_says(f, 0, AMQP_CONNECTION_START_METHOD, &start);
	(void)expect_method(f, 0, AMQP_CONNECTION_START_OK_METHOD);
	amqp_connection_tune_t tune = {
		.channel_max = 2047, .frame_max = f->frame_max, .heartbeat = 60};
	broker_says(f, 0, AMQP_CONNECTION_TUNE_METHOD, &tune);
	(void)expect_method(f, 0, AMQP_CONNECTION_TUNE_OK_METHOD);
	(void)expect_method(f, 0, AMQP_CONNECTION_OPEN_METHOD);
	amqp_connection_open_ok_t ok = {0};
	broker_says(f, 0, AMQP_CONNECTION_OPEN_OK_METHOD, &ok);
	assert_int_equal(f->opened_count, 1);
}

void open_channel(struct amqp_fixture *f, uint16_t channel)
{
	(void)expect_method(f, channel, AMQP_CHANNEL_OPEN_METHOD);
	amqp_channel_open_ok_t ok = {0};
	broker_says(f, channel, AMQP_CHANNEL_OPEN_OK_METHOD, &ok);
}

/* ---- what the client sent ---- */

bool has_sent(const struct amqp_fixture *f)
{
	return f->sent.len > 0;
}

struct wire_frame next_sent(struct amqp_fixture *f)
{
	struct wire_frame frame;
	size_t used = 0;
	struct why why = {""};
	assert_int_equal(wire_decode(&f->decoder, buf_bytes(&f->sent), &frame, &used, &why), OK);
	assert_true(used > 0);
	buf_consume(&f->sent, used); /* does not move the bytes that the frame borrows */
	return frame;
}

void *expect_method(struct amqp_fixture *f, uint16_t channel, amqp_method_number_t id)
{
	struct wire_frame frame = next_sent(f);
	assert_int_equal(frame.type, WIRE_METHOD);
	assert_int_equal(frame.channel, channel);
	assert_int_equal(frame.method.id, id);
	return frame.method.decoded;
}

void broker_closes_channel(struct amqp_fixture *f, uint16_t channel, uint16_t code,
			   const char *text)
{
	amqp_channel_close_t close = {.reply_code = code, .reply_text = wire_text(text)};
	broker_says(f, channel, AMQP_CHANNEL_CLOSE_METHOD, &close);
	(void)expect_method(f, channel, AMQP_CHANNEL_CLOSE_OK_METHOD);
}

/* ---- time ---- */

void run_ms(struct amqp_fixture *f, int64_t duration_ms)
{
	timer_start(f->stop, duration_ms);
	loop_run(f->loop);
}

void turn(struct amqp_fixture *f)
{
	run_ms(f, 0);
}
