/* A follower of a table against a broker that is the test: when it has caught up, and what it does when the broker shows nothing. */
#include <stdlib.h>
#include <string.h>

#include "broker/rabbitmq/entry.h"
#include "broker/rabbitmq/tables.h"
#include "lib/base/memory.h"
#include "tests/unit/broker/rabbitmq/fixture_amqp.h"

#include "tests/check.h"

#define PUBLISH_CHANNEL 1
#define CHANNEL		2
#define AGAIN_CHANNEL	3

struct following {
	struct amqp_fixture *amqp;
	struct publisher *publisher;
	struct broker_settings settings;
	struct tables tables;
	struct table_follower *follower;
	uint64_t published; /* by delivery tag */
	unsigned entries, caught_up, beginnings;
	uint64_t first;
};

static void on_ready_changed(void *owner)
{
	(void)owner;
}

static void on_broken(void *owner, uint16_t code, const char *text)
{
	(void)owner, (void)code, (void)text;
}

static void on_entry(void *owner, const struct table_entry *entry, uint64_t position)
{
	(void)entry, (void)position;
	((struct following *)owner)->entries++;
}

static void on_caught_up(void *owner)
{
	((struct following *)owner)->caught_up++;
}

static void on_begins(void *owner, uint64_t first)
{
	struct following *f = owner;
	assert_int_equal(f->entries, 0);
	f->beginnings++;
	f->first = first;
}

static int setup(void **state)
{
	static const struct publisher_handler handler = {.ready_changed = on_ready_changed,
							 .broken = on_broken};
	struct following *f = memory_new(sizeof *f);
	void *amqp;
	(void)amqp_setup_open(&amqp);
	f->amqp = amqp;
	f->settings = (struct broker_settings){.publish_timeout = 60000, .prefix = ""};
	f->publisher = publisher_new(f->amqp->loop, f->amqp->connection, &f->settings, &handler, f);
	publisher_allow(f->publisher, true);
	open_channel(f->amqp, PUBLISH_CHANNEL);
	(void)expect_method(f->amqp, PUBLISH_CHANNEL, AMQP_CONFIRM_SELECT_METHOD);
	amqp_confirm_select_ok_t ok = {0};
	broker_says(f->amqp, PUBLISH_CHANNEL, AMQP_CONFIRM_SELECT_OK_METHOD, &ok);
	f->tables = (struct tables){.loop = f->amqp->loop,
				    .connection = f->amqp->connection,
				    .publisher = f->publisher,
				    .settings = &f->settings,
				    .is_allowed = true};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct following *f = *state;
	void *amqp = f->amqp;
	tables_done(&f->tables);
	publisher_free(&f->publisher);
	if (f->follower)
		tables_follower_free(f->follower);
	free(f);
	return amqp_teardown(&amqp);
}

/* Answers the follower's consume, and confirms its marker, whose bytes are `ret_marker`. Returns the offset it asked for, -1: the first. */
static int64_t answer(struct following *f, uint16_t channel, struct buf *ret_marker)
{
	open_channel(f->amqp, channel);
	(void)expect_method(f->amqp, channel, AMQP_BASIC_QOS_METHOD);
	const amqp_basic_consume_t *asked =
		expect_method(f->amqp, channel, AMQP_BASIC_CONSUME_METHOD);
	assert_int_equal(asked->arguments.num_entries, 1);
	const amqp_field_value_t *offset = &asked->arguments.entries[0].value;
	int64_t from = offset->kind == AMQP_FIELD_KIND_I64 ? offset->value.i64 : -1;
	amqp_basic_consume_ok_t consume = {.consumer_tag = wire_text("leveret")};
	broker_says(f->amqp, channel, AMQP_BASIC_CONSUME_OK_METHOD, &consume);
	run_ms(f->amqp, 20);
	(void)expect_method(f->amqp, PUBLISH_CHANNEL, AMQP_BASIC_PUBLISH_METHOD);
	(void)next_sent(f->amqp); /* the header */
	struct wire_frame body = next_sent(f->amqp);
	buf_init(ret_marker, 4096);
	assert_int_equal(buf_append(ret_marker, body.body), OK);
	amqp_basic_ack_t ack = {.delivery_tag = ++f->published};
	broker_says(f->amqp, PUBLISH_CHANNEL, AMQP_BASIC_ACK_METHOD, &ack);
	turn(f->amqp);
	return from;
}

static void show(struct following *f, uint16_t channel, uint64_t tag, int64_t at,
		 const struct buf *body)
{
	amqp_basic_deliver_t deliver = {.consumer_tag = wire_text("leveret"),
					.delivery_tag = tag,
					.routing_key = wire_text("table.directives")};
	amqp_table_entry_t offset = wire_entry_int("x-stream-offset", at);
	amqp_basic_properties_t properties = {._flags = AMQP_BASIC_HEADERS_FLAG,
					      .headers = {1, &offset}};
	broker_sends_message(f->amqp, channel, AMQP_BASIC_DELIVER_METHOD, &deliver, &properties,
			     buf_bytes(body));
	turn(f->amqp);
}

static void entry(struct buf *ret)
{
	const struct table_entry row = {.key = BYTES("key"), .value = BYTES("value"), .version = 1};
	buf_init(ret, 4096);
	assert_int_equal(entry_write(ENTRY_SET, &row, ret), OK);
}

static void follow(struct following *f, uint64_t position)
{
	static const struct table_handler handler = {
		.entry = on_entry, .caught_up = on_caught_up, .begins = on_begins};
	f->follower = tables_follow(&f->tables, "directives", position, &handler, f);
}

static void test_caught_up_when_the_marker_comes_back(void **state)
{
	struct following *f = *state;
	struct buf marker, row;
	follow(f, 0);
	assert_int_equal(answer(f, CHANNEL, &marker), -1);
	entry(&row);
	show(f, CHANNEL, 1, 0, &row);
	assert_int_equal(f->caught_up, 0);
	show(f, CHANNEL, 2, 1, &marker);
	assert_int_equal(f->entries, 1);
	assert_int_equal(f->caught_up, 1);
	buf_done(&marker);
	buf_done(&row);
}

static void expect_other_channel(struct following *f)
{
	(void)expect_method(f->amqp, CHANNEL, AMQP_CHANNEL_CLOSE_METHOD);
}

/* The broker took the marker, and forgot that somebody listens. */
static void test_a_broker_that_shows_nothing_is_asked_again(void **state)
{
	struct following *f = *state;
	struct buf first, second;
	follow(f, 0);
	(void)answer(f, CHANNEL, &first);
	run_ms(f->amqp, 4500);
	assert_false(has_sent(f->amqp));
	run_ms(f->amqp, 700);
	expect_other_channel(f);
	assert_int_equal(answer(f, AGAIN_CHANNEL, &second), -1);
	show(f, AGAIN_CHANNEL, 1, 0, &first);
	assert_int_equal(f->caught_up, 0);
	show(f, AGAIN_CHANNEL, 2, 1, &second);
	assert_int_equal(f->caught_up, 1);
	buf_done(&first);
	buf_done(&second);
}

/* What was read is not read again from the beginning, and nobody loses patience while entries come. */
static void test_it_goes_on_where_the_broker_fell_silent(void **state)
{
	struct following *f = *state;
	struct buf marker, row;
	follow(f, 100000);
	assert_int_equal(answer(f, CHANNEL, &marker), 100000 - 4096);
	buf_done(&marker);
	entry(&row);
	run_ms(f->amqp, 2500);
	show(f, CHANNEL, 1, 200000, &row);
	run_ms(f->amqp, 5000);
	assert_false(has_sent(f->amqp));
	run_ms(f->amqp, 3000);
	expect_other_channel(f);
	assert_int_equal(answer(f, AGAIN_CHANNEL, &marker), 200001 - 4096);
	buf_done(&marker);
	buf_done(&row);
}

/* Between entries some offsets are RabbitMQ's own. */
static void test_it_tells_that_the_stream_was_cut(void **state)
{
	static const struct {
		uint64_t position;
		int64_t first;
		unsigned beginnings;
	} cases[] = {{0, 0, 0}, {0, 700, 1}, {5000, 904, 0}, {5000, 905, 1}, {5000, 904, 0}};
	struct following *f = *state;
	struct buf marker, row;
	entry(&row);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint16_t channel = (uint16_t)(CHANNEL + i);
		f->entries = f->beginnings = 0;
		follow(f, cases[i].position);
		(void)answer(f, channel, &marker);
		show(f, channel, 1, cases[i].first, &row);
		show(f, channel, 2, cases[i].first + 2, &row);
		assert_int_equal(f->entries, 2);
		assert_int_equal(f->beginnings, cases[i].beginnings);
		if (cases[i].beginnings)
			assert_int_equal(f->first, cases[i].first);
		tables_follower_free(f->follower);
		f->follower = NULL;
		(void)expect_method(f->amqp, channel, AMQP_CHANNEL_CLOSE_METHOD);
		buf_done(&marker);
	}
	buf_done(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_caught_up_when_the_marker_comes_back),
		TEST(test_it_tells_that_the_stream_was_cut),
		TEST(test_a_broker_that_shows_nothing_is_asked_again),
		TEST(test_it_goes_on_where_the_broker_fell_silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
