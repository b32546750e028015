/* Whatever a broker sends: frames of an open connection with a publisher, a consumer and a table
 * follower on it, or, when the first byte is odd, bytes from the very beginning of the handshake.
 * Nothing may crash, and no lease may be left over. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "broker/rabbitmq/entry.h"
#include "broker/rabbitmq/intake.h"
#include "broker/rabbitmq/tables.h"
#include "lib/obs/log.h"

static struct loop *loop;
static struct timer *stop;
static struct connection *connection;
static struct publisher *publisher;
static struct intake intake;
static struct tables tables;
static struct broker_settings settings = {
	.prefix = "", .publish_timeout = 1000, .delivery_limit = 4};

/* ---- the parts under test ---- */

static void on_stop(void *owner)
{
	(void)owner;
	loop_stop(loop);
}

static void on_opened(void *owner)
{
	(void)owner;
}

static void on_failed(void *owner, enum err err, const struct why *why)
{
	(void)owner, (void)err, (void)why;
}

static void on_blocked(void *owner, bool is_blocked, const char *reason)
{
	(void)owner, (void)reason;
	publisher_block(publisher, is_blocked);
}

static enum err io_write(void *owner, struct bytes b)
{
	(void)owner, (void)b;
	return OK;
}

static size_t io_unsent(void *owner)
{
	(void)owner;
	return 0;
}

static void io_pause(void *owner, bool is_paused)
{
	(void)owner, (void)is_paused;
}

static void on_broken(void *owner, uint16_t code, const char *text)
{
	(void)owner, (void)code, (void)text;
}

static void on_published(void *owner, enum err err)
{
	(void)owner, (void)err;
}

static void on_taken(void *owner, struct lease *lease)
{
	static unsigned count;
	(void)owner;
	/* Every way of settling, in turn. */
	amqp_lease_settle(lease, (enum settlement)(count++ % 4), 2000, "fuzz");
}

static void on_entry(void *owner, const struct table_entry *entry, uint64_t position)
{
	(void)owner, (void)entry, (void)position;
}

static const struct connection_io io = {.write = io_write, .unsent = io_unsent, .pause = io_pause};

static void set_up(void)
{
	static const struct connection_options options = {
		.user = "u", .password = "p", .vhost = "/", .name = "fuzz", .heartbeat_ms = 30000};
	static const struct connection_handler connection_handler = {
		.opened = on_opened, .failed = on_failed, .blocked = on_blocked};
	static const struct publisher_handler publisher_handler = {.ready_changed = on_opened,
								   .broken = on_broken};
	static const struct table_handler table_handler = {.entry = on_entry,
							   .caught_up = on_opened};
	static const struct consumer_options consumer_options = {
		.queue = "q", .prefetch = 3, .prefetch_bytes = 100000};
	log_init(LOG_ERROR, LOG_FORMAT_TEXT, "fuzz");
	loop = loop_new();
	stop = timer_new(loop, on_stop, NULL);
	connection = connection_new(&options, &connection_handler, NULL);
	publisher = publisher_new(loop, connection, &settings, &publisher_handler, NULL);
	publisher_allow(publisher, true);
	intake = (struct intake){.loop = loop,
				 .connection = connection,
				 .publisher = publisher,
				 .settings = &settings,
				 .queue_missing = on_opened};
	intake_init(&intake);
	intake_allow(&intake, true);
	tables = (struct tables){.loop = loop,
				 .connection = connection,
				 .publisher = publisher,
				 .settings = &settings,
				 .queue_missing = on_opened};
	tables_allow(&tables, true);
	(void)amqp_consumer_new(&intake, &consumer_options, on_taken, NULL);
	(void)tables_follow(&tables, "t", 0, &table_handler, NULL);
}

/* ---- a run ---- */

static void say(uint16_t channel, amqp_method_number_t id, void *method)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	wire_method(&out, channel, id, method);
	(void)connection_input(connection, buf_bytes(&out), 0);
	buf_done(&out);
}

static void shake_hands(void)
{
	amqp_connection_start_t start = {.version_minor = 9, .mechanisms = wire_text("PLAIN")};
	amqp_connection_tune_t tune = {0, 0, 0};
	amqp_connection_open_ok_t open = {0};
	say(0, AMQP_CONNECTION_START_METHOD, &start);
	say(0, AMQP_CONNECTION_TUNE_METHOD, &tune);
	say(0, AMQP_CONNECTION_OPEN_OK_METHOD, &open);
	for (uint16_t channel = 1; channel <= 3; channel++) {
		amqp_channel_open_ok_t ok = {0};
		say(channel, AMQP_CHANNEL_OPEN_OK_METHOD, &ok);
	}
	amqp_confirm_select_ok_t select = {0};
	amqp_basic_consume_ok_t consume = {0};
	say(1, AMQP_CONFIRM_SELECT_OK_METHOD, &select);
	say(2, AMQP_BASIC_CONSUME_OK_METHOD, &consume);
	say(3, AMQP_BASIC_CONSUME_OK_METHOD, &consume);
	const struct outgoing outgoing = {.exchange = "", .key = "k", .head = BYTES("body")};
	publisher_publish(publisher, &outgoing, on_published, NULL);
}

static void run_turn(void)
{
	timer_start(stop, 0);
	loop_run(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!loop)
		set_up();
	if (size == 0)
		return 0;
	struct bytes in = bytes_from(data + 1, size - 1);
	connection_begin(connection, &io, NULL, 0);
	if (data[0] % 2 == 0) {
		shake_hands();
		run_turn();
	}
	size_t used;
	do { /* as after a pause: what was left is fed again */
		used = connection_input(connection, in, 0);
		in = bytes_skip(in, used);
		run_turn();
	} while (used > 0 && in.len > 0);
	connection_tick(connection, 1000000);
	connection_end(connection);
	run_turn();
	if (intake.held_count != 0 || intake.held_bytes != 0)
		abort();

	enum entry_kind kind;
	struct table_entry entry;
	(void)!entry_read(bytes_from(data, size), &kind, &entry);
	return 0;
}
