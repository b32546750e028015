/* Results and events as JSON beside the original: what goes out, and when the owner hears that it is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/rabbitmq/json_copies.h"
#include "lib/base/memory.h"
#include "schemas/schemas.h"
#include "tests/unit/broker/rabbitmq/fixture_amqp.h"

#include "tests/check.h"

#define CHANNEL 1
#define UNKNOWN ERR_COUNT

struct fixture {
	struct amqp_fixture *amqp;
	struct publisher *publisher;
	struct broker_settings settings;
	enum err outcome;
	struct buf body; /* of the last message that was sent */
};

static void on_ready_changed(void *owner)
{
	(void)owner;
}

static void on_broken(void *owner, uint16_t code, const char *text)
{
	(void)owner, (void)code, (void)text;
}

static int setup(void **state)
{
	static const struct publisher_handler handler = {.ready_changed = on_ready_changed,
							 .broken = on_broken};
	struct fixture *f = memory_new(sizeof *f);
	amqp_confirm_select_ok_t ok = {0};
	void *amqp;
	(void)amqp_setup_open(&amqp);
	f->amqp = amqp;
	f->settings.publish_timeout = 60000;
	f->outcome = UNKNOWN;
	buf_init(&f->body, 16u << 20);
	f->publisher = publisher_new(f->amqp->loop, f->amqp->connection, &f->settings, &handler, f);
	publisher_allow(f->publisher, true);
	open_channel(f->amqp, CHANNEL);
	(void)expect_method(f->amqp, CHANNEL, AMQP_CONFIRM_SELECT_METHOD);
	broker_says(f->amqp, CHANNEL, AMQP_CONFIRM_SELECT_OK_METHOD, &ok);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	publisher_free(&f->publisher);
	assert_int_not_equal(f->outcome, UNKNOWN); /* its owner heard of it */
	void *amqp = f->amqp;
	(void)amqp_teardown(&amqp);
	buf_done(&f->body);
	free(f);
	return 0;
}

static void on_done(void *owner, enum err err)
{
	struct fixture *f = owner;
	assert_int_equal(f->outcome, UNKNOWN); /* exactly once */
	f->outcome = err;
}

static void publish(struct fixture *f, enum exchange exchange, struct bytes body)
{
	const struct outgoing outgoing = {.exchange = "original",
					  .key = "k.p.s",
					  .content_type = "application/x-protobuf",
					  .is_event = true,
					  .head = body};
	json_copies_publish(f->publisher, exchange, "copies", &outgoing, on_done, f);
	turn(f->amqp);
}

/* So many results, each with a text of so many bytes. */
static void publish_results(struct fixture *f, size_t count, size_t text_bytes)
{
	struct result *results = memory_array(count, sizeof(struct result));
	struct buf body;
	char *text = memory_new(text_bytes + 1);
	memset(text, 'x', text_bytes);
	for (size_t i = 0; i < count; i++)
		results[i] = (struct result){.id = BYTES("m1"),
					     .recipient = BYTES("\xc3\xa9@x.example"),
					     .event = RESULT_BOUNCED,
					     .attempt = (uint32_t)i + 1,
					     .text = bytes_from(text, text_bytes)};
	buf_init(&body, 4u << 20);
	const struct result_batch batch = {.results = results, .count = count};
	assert_int_equal(result_batch_encode(&batch, &body), OK);
	publish(f, EXCHANGE_RESULTS, buf_bytes(&body));
	buf_done(&body);
	free(text);
	free(results);
}

/* The next message goes there, under the key of the original. */
static struct bytes expect_message(struct fixture *f, const char *exchange, const char *type)
{
	const amqp_basic_publish_t *publish_method =
		expect_method(f->amqp, CHANNEL, AMQP_BASIC_PUBLISH_METHOD);
	assert_int_equal(publish_method->exchange.len, strlen(exchange));
	assert_memory_equal(publish_method->exchange.bytes, exchange, strlen(exchange));
	assert_memory_equal(publish_method->routing_key.bytes, "k.p.s", 5);
	assert_false(publish_method->mandatory);
	struct wire_frame header = next_sent(f->amqp);
	assert_int_equal(header.properties->delivery_mode, AMQP_DELIVERY_PERSISTENT);
	assert_int_equal(header.properties->content_type.len, strlen(type));
	assert_memory_equal(header.properties->content_type.bytes, type, strlen(type));
	uint64_t size = header.body_size;
	buf_clear(&f->body);
	while (f->body.len < size) {
		struct wire_frame frame = next_sent(f->amqp);
		assert_int_equal(frame.type, WIRE_BODY);
		assert_int_equal(buf_append(&f->body, frame.body), OK);
	}
	return buf_bytes(&f->body);
}

static void expect_original(struct fixture *f)
{
	(void)expect_message(f, "original", "application/x-protobuf");
}

static void broker_acks(struct fixture *f, uint64_t tag)
{
	amqp_basic_ack_t ack = {.delivery_tag = tag};
	broker_says(f->amqp, CHANNEL, AMQP_BASIC_ACK_METHOD, &ack);
	turn(f->amqp);
}

static void test_it_is_kept_when_the_copy_is_too(void **state)
{
	struct fixture *f = *state;
	publish_results(f, 2, 1);
	expect_original(f);
	struct bytes copy = expect_message(f, "copies", "application/json");
	assert_true(bytes_is(copy, "[{\"id\":\"m1\",\"recipient\":\"\xc3\xa9@x.example\","
				   "\"event\":\"bounced\",\"attempt\":1,\"text\":\"x\"},"
				   "{\"id\":\"m1\",\"recipient\":\"\xc3\xa9@x.example\","
				   "\"event\":\"bounced\",\"attempt\":2,\"text\":\"x\"}]"));
	assert_false(has_sent(f->amqp));
	broker_acks(f, 1);
	assert_int_equal(f->outcome, UNKNOWN);
	broker_acks(f, 2);
	assert_int_equal(f->outcome, OK);
}

static void test_a_copy_that_no_queue_takes_now_is_a_failure(void **state)
{
	struct fixture *f = *state;
	publish_results(f, 1, 1);
	amqp_basic_nack_t nack = {.delivery_tag = 2};
	broker_says(f->amqp, CHANNEL, AMQP_BASIC_NACK_METHOD, &nack);
	turn(f->amqp);
	assert_int_equal(f->outcome, UNKNOWN);
	broker_acks(f, 1);
	assert_int_equal(f->outcome, E_FULL);
}

static void test_a_large_batch_is_several_copies(void **state)
{
	struct fixture *f = *state;
	size_t objects = 0, copies = 0;
	publish_results(f, 200, 4000);
	expect_original(f);
	while (has_sent(f->amqp)) {
		struct bytes copy = expect_message(f, "copies", "application/json");
		assert_true(copy.len < (300u << 10) && copy.data[0] == '[' &&
			    copy.data[copy.len - 1] == ']');
		copies++;
		for (size_t i = 0; i + 6 < copy.len; i++)
			objects += memcmp(copy.data + i, "{\"id\":", 6) == 0;
	}
	assert_int_equal(objects, 200);
	assert_int_equal(copies, 4);
	for (uint64_t tag = 1; tag <= 1 + copies; tag++) {
		assert_int_equal(f->outcome, UNKNOWN);
		broker_acks(f, tag);
	}
	assert_int_equal(f->outcome, OK);
}

static void test_events_are_copied_too(void **state)
{
	struct fixture *f = *state;
	struct bouncer_event event = {.id = BYTES("e1"), .kind = EVENT_ALERT, .alert = BYTES("a")};
	const struct bouncer_event_batch batch = {&event, 1};
	struct buf body;
	buf_init(&body, 1000);
	assert_int_equal(bouncer_event_batch_encode(&batch, &body), OK);
	publish(f, EXCHANGE_EVENTS, buf_bytes(&body));
	buf_done(&body);
	expect_original(f);
	assert_true(bytes_is(expect_message(f, "copies", "application/json"),
			     "[{\"id\":\"e1\",\"kind\":\"alert\",\"alert\":\"a\"}]"));
	broker_acks(f, 1);
	broker_acks(f, 2);
	assert_int_equal(f->outcome, OK);
}

/* Nothing of the original depends on it. */
static void test_what_cannot_be_read_has_no_copy(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_RESULTS, BYTES("\xff no results"));
	expect_original(f);
	assert_false(has_sent(f->amqp));
	broker_acks(f, 1);
	assert_int_equal(f->outcome, OK);
}

static void test_an_owner_hears_once_of_the_end(void **state)
{
	struct fixture *f = *state;
	publish_results(f, 1, 1);
	broker_acks(f, 2);
	publisher_free(&f->publisher);
	assert_int_equal(f->outcome, E_CANCELLED);
}

static void test_only_what_is_asked_for_is_copied(void **state)
{
	struct fixture *f = *state;
	const bool wanted[][2] = {{false, false}, {true, false}, {false, true}, {true, true}};
	for (int i = 0; i < 4; i++) {
		f->settings.json_copies = i;
		assert_int_equal(json_copies_are_wanted(&f->settings, EXCHANGE_RESULTS),
				 wanted[i][0]);
		assert_int_equal(json_copies_are_wanted(&f->settings, EXCHANGE_EVENTS),
				 wanted[i][1]);
		assert_false(json_copies_are_wanted(&f->settings, EXCHANGE_DELIVER));
	}
	f->outcome = OK;
}

int main(void)
{
#define PROMISE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PROMISE(test_it_is_kept_when_the_copy_is_too),
		PROMISE(test_a_copy_that_no_queue_takes_now_is_a_failure),
		PROMISE(test_a_large_batch_is_several_copies),
		PROMISE(test_events_are_copied_too),
		PROMISE(test_what_cannot_be_read_has_no_copy),
		PROMISE(test_an_owner_hears_once_of_the_end),
		PROMISE(test_only_what_is_asked_for_is_copied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
