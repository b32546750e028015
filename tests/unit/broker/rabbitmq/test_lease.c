/* Consumers and leases against a broker that is the test: what is acked, given back, published
 * again, and shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/rabbitmq/intake.h"
#include "lib/base/memory.h"
#include "tests/unit/broker/rabbitmq/fixture_amqp.h"

#include "tests/check.h"

#define PUBLISH_CHANNEL 1
#define CHANNEL		2

struct taking {
	struct amqp_fixture *amqp;
	struct publisher *publisher;
	struct broker_settings settings;
	struct intake intake;
	struct consumer *consumer;
	struct lease *leases[100];
	size_t count;
	unsigned missing_count;
};

static const struct engine engine = {
	.consumer_free = amqp_consumer_free,
	.consumer_pause = amqp_consumer_pause,
	.lease_is_lost = amqp_lease_is_lost,
	.lease_settle = amqp_lease_settle,
};

static void on_ready_changed(void *owner)
{
	(void)owner;
}

static void on_broken(void *owner, uint16_t code, const char *text)
{
	(void)owner, (void)code, (void)text;
}

static void on_missing(void *owner)
{
	((struct taking *)owner)->missing_count++;
}

static void on_taken(void *owner, struct lease *lease)
{
	struct taking *t = owner;
	t->leases[t->count++] = lease;
}

static void answer_consume(struct taking *t)
{
	(void)expect_method(t->amqp, CHANNEL, AMQP_BASIC_QOS_METHOD);
	(void)expect_method(t->amqp, CHANNEL, AMQP_BASIC_CONSUME_METHOD);
	amqp_basic_qos_ok_t qos = {0};
	broker_says(t->amqp, CHANNEL, AMQP_BASIC_QOS_OK_METHOD, &qos);
	amqp_basic_consume_ok_t consume = {.consumer_tag = wire_text("leveret-1")};
	broker_says(t->amqp, CHANNEL, AMQP_BASIC_CONSUME_OK_METHOD, &consume);
}

static void start_with(struct taking *t, const struct consumer_options *options)
{
	t->consumer = amqp_consumer_new(&t->intake, options, on_taken, t);
	open_channel(t->amqp, CHANNEL);
	answer_consume(t);
}

static void start(struct taking *t, size_t prefetch_bytes)
{
	const struct consumer_options options = {
		.queue = "submit.tx", .prefetch = 4, .prefetch_bytes = prefetch_bytes};
	start_with(t, &options);
}

static void start_foreign(struct taking *t)
{
	const struct consumer_options options = {
		.queue = "outbox", .prefetch = 4, .is_foreign = true};
	start_with(t, &options);
}

/* One connection serves both sides here; the engine has two. */
static int setup(void **state)
{
	static const struct publisher_handler handler = {.ready_changed = on_ready_changed,
							 .broken = on_broken};
	struct taking *t = memory_new(sizeof *t);
	void *amqp;
	(void)amqp_setup_open(&amqp);
	t->amqp = amqp;
	t->settings = (struct broker_settings){
		.publish_timeout = 5000, .prefix = "", .delivery_limit = 10};
	t->publisher = publisher_new(t->amqp->loop, t->amqp->connection, &t->settings, &handler, t);
	publisher_allow(t->publisher, true);
	open_channel(t->amqp, PUBLISH_CHANNEL);
	(void)expect_method(t->amqp, PUBLISH_CHANNEL, AMQP_CONFIRM_SELECT_METHOD);
	amqp_confirm_select_ok_t ok = {0};
	broker_says(t->amqp, PUBLISH_CHANNEL, AMQP_CONFIRM_SELECT_OK_METHOD, &ok);
	t->intake = (struct intake){.engine = &engine,
				    .loop = t->amqp->loop,
				    .connection = t->amqp->connection,
				    .publisher = t->publisher,
				    .settings = &t->settings,
				    .queue_missing = on_missing,
				    .owner = t};
	intake_init(&t->intake);
	intake_allow(&t->intake, true);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct taking *t = *state;
	intake_done(&t->intake);
	publisher_free(&t->publisher);
	if (t->consumer)
		amqp_consumer_free(t->consumer);
	for (size_t i = 0; i < t->count; i++) {
		if (t->leases[i])
			amqp_lease_settle(t->leases[i], SETTLE_ACK, 0, NULL);
	}
	void *amqp = t->amqp;
	(void)amqp_teardown(&amqp);
	free(t);
	return 0;
}

static void deliver_with(struct taking *t, uint64_t tag, const char *body,
			 amqp_table_entry_t *header)
{
	amqp_basic_deliver_t deliver = {.consumer_tag = wire_text("leveret-1"),
					.delivery_tag = tag,
					.routing_key = wire_text("tx")};
	amqp_basic_properties_t properties = {._flags = AMQP_BASIC_MESSAGE_ID_FLAG,
					      .message_id = wire_text("id")};
	if (header) {
		properties._flags |= AMQP_BASIC_HEADERS_FLAG;
		properties.headers = (amqp_table_t){1, header};
	}
	broker_sends_message(t->amqp, CHANNEL, AMQP_BASIC_DELIVER_METHOD, &deliver, &properties,
			     bytes_of(body));
}

static void deliver(struct taking *t, uint64_t first, uint64_t last)
{
	for (uint64_t tag = first; tag <= last; tag++)
		deliver_with(t, tag, "body", NULL);
}

static void settle(struct taking *t, size_t index, enum settlement how, int64_t delay_ms,
		   const char *reason)
{
	struct lease *lease = t->leases[index];
	t->leases[index] = NULL;
	amqp_lease_settle(lease, how, delay_ms, reason);
}

static void ack(struct taking *t, size_t index)
{
	settle(t, index, SETTLE_ACK, 0, NULL);
}

static void expect_ack(struct taking *t, uint64_t tag, bool is_multiple)
{
	const amqp_basic_ack_t *sent = expect_method(t->amqp, CHANNEL, AMQP_BASIC_ACK_METHOD);
	assert_int_equal(sent->delivery_tag, tag);
	assert_int_equal(sent->multiple, is_multiple);
}

static void expect_nack(struct taking *t, uint64_t tag)
{
	const amqp_basic_nack_t *sent = expect_method(t->amqp, CHANNEL, AMQP_BASIC_NACK_METHOD);
	assert_int_equal(sent->delivery_tag, tag);
	assert_true(sent->requeue);
	assert_false(sent->multiple);
}

/* Reads a whole publication. */
static void expect_successor_to(struct taking *t, const char *exchange, const char *key,
				const char *header, const char *value)
{
	const amqp_basic_publish_t *sent =
		expect_method(t->amqp, PUBLISH_CHANNEL, AMQP_BASIC_PUBLISH_METHOD);
	assert_true(bytes_is(wire_bytes(sent->exchange), exchange));
	assert_true(bytes_is(wire_bytes(sent->routing_key), key));
	struct wire_frame content = next_sent(t->amqp);
	assert_true(bytes_is(wire_bytes(content.properties->message_id), "id"));
	struct bytes found = BYTES_NONE;
	if (header)
		assert_true(
			wire_value_text(wire_find(&content.properties->headers, header), &found));
	assert_true(bytes_equal(found, bytes_of(value)));
	assert_true(bytes_is(next_sent(t->amqp).body, "body"));
}

static void expect_successor(struct taking *t, const char *exchange, const char *header,
			     const char *value)
{
	expect_successor_to(t, exchange, "tx", header, value);
}

static void confirm(struct taking *t, uint64_t tag)
{
	amqp_basic_ack_t method = {.delivery_tag = tag};
	broker_says(t->amqp, PUBLISH_CHANNEL, AMQP_BASIC_ACK_METHOD, &method);
	turn(t->amqp);
}

/* ---- acks ---- */

static void test_acks_of_a_turn_go_together(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	deliver(t, 1, 4);
	assert_int_equal(t->count, 4);
	ack(t, 2);
	ack(t, 0);
	ack(t, 1);
	assert_false(has_sent(t->amqp));
	turn(t->amqp);
	expect_ack(t, 3, true);
	assert_false(has_sent(t->amqp));
}

static void test_an_ack_of_many_never_reaches_past_a_held_lease(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	deliver(t, 1, 4);
	ack(t, 0);
	ack(t, 2);
	ack(t, 3);
	turn(t->amqp);
	expect_ack(t, 3, false);
	expect_ack(t, 4, false);
	expect_ack(t, 1, true);
	ack(t, 1);
	turn(t->amqp);
	expect_ack(t, 2, true);
}

static void test_a_release_goes_before_the_acks_of_its_turn(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	deliver(t, 1, 2);
	ack(t, 1);
	settle(t, 0, SETTLE_RELEASE, 0, NULL);
	turn(t->amqp);
	expect_nack(t, 1);
	expect_ack(t, 2, true);
}

static void test_settling_a_lost_lease_does_nothing(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	deliver(t, 1, 3);
	broker_closes_channel(t->amqp, CHANNEL, 406, "delivery acknowledgement timed out");
	assert_true(amqp_lease_is_lost(t->leases[0]));
	ack(t, 0);
	settle(t, 1, SETTLE_RETRY, 5000, NULL);
	settle(t, 2, SETTLE_BURY, 0, "bad");
	turn(t->amqp);
	assert_false(has_sent(t->amqp));
	assert_int_equal(t->intake.held_count, 0);
	assert_int_equal(t->intake.held_bytes, 0);
}

/* ---- successors ---- */

static void test_a_retried_message_is_acked_only_when_its_successor_is_kept(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	deliver(t, 1, 1);
	settle(t, 0, SETTLE_RETRY, 5000, NULL);
	turn(t->amqp);
	expect_successor(t, "leveret.delay.4", HEADER_QUEUE, "submit.tx");
	assert_false(has_sent(t->amqp));
	confirm(t, 1);
	expect_ack(t, 1, true);
}

static void test_a_buried_message_carries_its_reason(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	deliver(t, 1, 1);
	settle(t, 0, SETTLE_BURY, 0, "no recipients");
	turn(t->amqp);
	expect_successor(t, "leveret.buried", HEADER_REASON, "no recipients");
	confirm(t, 1);
	expect_ack(t, 1, true);
}

static void test_a_message_whose_successor_is_refused_goes_back_after_a_wait(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	deliver(t, 1, 1);
	settle(t, 0, SETTLE_RETRY, 0, NULL);
	turn(t->amqp);
	expect_successor(t, "leveret.due", HEADER_QUEUE, "submit.tx");
	amqp_basic_nack_t nack = {.delivery_tag = 1};
	broker_says(t->amqp, PUBLISH_CHANNEL, AMQP_BASIC_NACK_METHOD, &nack);
	run_ms(t->amqp, 100);
	assert_false(has_sent(t->amqp));
	run_ms(t->amqp, 1000);
	expect_nack(t, 1);
}

static void test_a_successor_of_a_lost_lease_is_no_longer_our_business(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	deliver(t, 1, 1);
	settle(t, 0, SETTLE_RETRY, 0, NULL);
	turn(t->amqp);
	expect_successor(t, "leveret.due", HEADER_QUEUE, "submit.tx");
	broker_closes_channel(t->amqp, CHANNEL, 406, "timed out");
	confirm(t, 1);
	assert_false(has_sent(t->amqp));
}

static void test_a_message_that_came_back_often_is_put_in_its_queue_anew(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	amqp_table_entry_t header = wire_entry_int("x-delivery-count", 5);
	deliver_with(t, 1, "body", &header);
	settle(t, 0, SETTLE_RELEASE, 0, NULL);
	turn(t->amqp);
	expect_successor(t, "leveret.due", HEADER_QUEUE, "submit.tx");
}

static void test_a_mad_count_of_deliveries_is_survived(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	amqp_table_entry_t header = wire_entry_int("x-delivery-count", INT64_MAX / 2 + 4);
	deliver_with(t, 1, "body", &header);
	settle(t, 0, SETTLE_RELEASE, 0, NULL);
	turn(t->amqp);
	expect_successor(t, "leveret.due", HEADER_QUEUE, "submit.tx");
}

/* ---- queues of others: nothing of ours leads back to them ---- */

static void test_a_message_of_others_that_is_retried_goes_back_after_a_wait(void **state)
{
	struct taking *t = *state;
	start_foreign(t);
	deliver(t, 1, 1);
	settle(t, 0, SETTLE_RETRY, 60000, NULL);
	run_ms(t->amqp, 100);
	assert_false(has_sent(t->amqp));
	run_ms(t->amqp, 1000);
	expect_nack(t, 1);
}

static void test_a_message_of_others_that_came_back_often_is_put_behind_its_queue(void **state)
{
	struct taking *t = *state;
	t->settings.delivery_limit = 1000; /* ours; theirs may be the broker's own */
	start_foreign(t);
	amqp_table_entry_t header = wire_entry_int("x-delivery-count", 10);
	deliver_with(t, 1, "body", &header);
	settle(t, 0, SETTLE_RETRY, 0, NULL);
	run_ms(t->amqp, 1100);
	expect_successor_to(t, "", "outbox", NULL, NULL);
	confirm(t, 1);
	expect_ack(t, 1, true);
}

static void test_a_message_of_others_cannot_ask_to_be_parked(void **state)
{
	struct taking *t = *state;
	start_foreign(t);
	amqp_table_entry_t header = wire_entry_int(HEADER_NOT_BEFORE, INT64_MAX);
	deliver_with(t, 1, "body", &header);
	assert_int_equal(t->count, 1);
	assert_false(has_sent(t->amqp));
}

static void test_a_queue_of_others_has_no_prefix_and_is_waited_for(void **state)
{
	struct taking *t = *state;
	t->settings.prefix = "ours.";
	const struct consumer_options options = {
		.queue = "outbox", .prefetch = 1, .is_foreign = true};
	t->consumer = amqp_consumer_new(&t->intake, &options, on_taken, t);
	open_channel(t->amqp, CHANNEL);
	(void)expect_method(t->amqp, CHANNEL, AMQP_BASIC_QOS_METHOD);
	const amqp_basic_consume_t *consume =
		expect_method(t->amqp, CHANNEL, AMQP_BASIC_CONSUME_METHOD);
	assert_true(bytes_is(wire_bytes(consume->queue), "outbox"));
	broker_closes_channel(t->amqp, CHANNEL, 404, "NOT_FOUND");
	assert_int_equal(t->missing_count, 0);
	run_ms(t->amqp, 300);
	open_channel(t->amqp, CHANNEL);
	answer_consume(t);
}

/* ---- what is shown when ---- */

static void test_a_message_that_is_not_due_is_parked_unseen(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	amqp_table_entry_t header =
		wire_entry_int(HEADER_NOT_BEFORE, loop_wall_ms(t->amqp->loop) + 9000);
	deliver_with(t, 1, "body", &header);
	turn(t->amqp);
	assert_int_equal(t->count, 0);
	expect_successor(t, "leveret.delay.8", HEADER_QUEUE, "submit.tx");
	confirm(t, 1);
	expect_ack(t, 1, true);
}

static void test_a_message_that_is_nearly_due_waits_here(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	amqp_table_entry_t soon =
		wire_entry_int(HEADER_NOT_BEFORE, loop_wall_ms(t->amqp->loop) + 200);
	deliver_with(t, 1, "soon", &soon);
	deliver_with(t, 2, "now", NULL);
	assert_int_equal(t->count, 1);
	assert_true(bytes_is(t->leases[0]->body, "now"));
	run_ms(t->amqp, 250);
	assert_int_equal(t->count, 2);
	assert_true(bytes_is(t->leases[1]->body, "soon"));
}

static void test_mad_times_are_survived(void **state)
{
	static const int64_t times[] = {INT64_MIN, -1, 0, 1};
	struct taking *t = *state;
	start(t, 0);
	for (size_t i = 0; i < 4; i++) {
		amqp_table_entry_t header = wire_entry_int(HEADER_NOT_BEFORE, times[i]);
		deliver_with(t, i + 1, "body", &header);
	}
	assert_int_equal(t->count, 4);
	ack(t, 0);
	turn(t->amqp);
	expect_ack(t, 1, true);
	amqp_table_entry_t header = wire_entry_int(HEADER_NOT_BEFORE, INT64_MAX);
	deliver_with(t, 5, "body", &header);
	turn(t->amqp);
	expect_successor(t, "leveret.delay.8192", HEADER_QUEUE, "submit.tx");
}

static void test_reading_stops_at_the_byte_budget_and_goes_on_below_it(void **state)
{
	struct taking *t = *state;
	start(t, 8);
	deliver(t, 1, 1);
	assert_false(t->amqp->is_paused);
	deliver(t, 2, 2);
	assert_true(t->amqp->is_paused);
	deliver(t, 3, 3); /* not looked at */
	assert_int_equal(t->count, 2);
	ack(t, 0);
	turn(t->amqp);
	assert_false(t->amqp->is_paused);
}

static void test_at_the_byte_budget_only_sips_are_read(void **state)
{
	struct taking *t = *state;
	start(t, 4);
	deliver(t, 1, 1);
	assert_true(t->amqp->is_paused);
	connection_sip(t->amqp->connection, 1);
	assert_false(t->amqp->is_paused);
	deliver(t, 2, 2); /* its first frame is a sip */
	assert_true(t->amqp->is_paused);
	assert_int_equal(t->count, 1);
}

static void test_pausing_cancels_and_gives_back_what_nobody_saw(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	deliver(t, 1, 1);
	amqp_table_entry_t soon =
		wire_entry_int(HEADER_NOT_BEFORE, loop_wall_ms(t->amqp->loop) + 500);
	deliver_with(t, 2, "soon", &soon);
	amqp_consumer_pause(t->consumer, true);
	expect_nack(t, 2);
	(void)expect_method(t->amqp, CHANNEL, AMQP_BASIC_CANCEL_METHOD);
	deliver(t, 3, 3); /* was on its way */
	expect_nack(t, 3);
	ack(t, 0);
	turn(t->amqp);
	expect_ack(t, 1, true);

	amqp_consumer_pause(t->consumer, false); /* waits for the answer to the cancel */
	assert_false(has_sent(t->amqp));
	amqp_basic_cancel_ok_t ok = {.consumer_tag = wire_text("leveret-1")};
	broker_says(t->amqp, CHANNEL, AMQP_BASIC_CANCEL_OK_METHOD, &ok);
	answer_consume(t);
}

static void test_a_missing_queue_is_reported_and_tried_again(void **state)
{
	struct taking *t = *state;
	const struct consumer_options options = {.queue = "gone", .prefetch = 1};
	t->consumer = amqp_consumer_new(&t->intake, &options, on_taken, t);
	open_channel(t->amqp, CHANNEL);
	buf_clear(&t->amqp->sent);
	broker_closes_channel(t->amqp, CHANNEL, 404, "NOT_FOUND - no queue 'gone'");
	assert_int_equal(t->missing_count, 1);
	run_ms(t->amqp, 300);
	open_channel(t->amqp, CHANNEL);
	answer_consume(t);
}

static void test_a_freed_consumer_keeps_its_channel_until_its_leases_are_settled(void **state)
{
	struct taking *t = *state;
	start(t, 0);
	deliver(t, 1, 1);
	amqp_consumer_free(t->consumer);
	t->consumer = NULL;
	turn(t->amqp);
	(void)expect_method(t->amqp, CHANNEL, AMQP_BASIC_CANCEL_METHOD);
	assert_false(has_sent(t->amqp));
	ack(t, 0);
	turn(t->amqp);
	expect_ack(t, 1, true);
	(void)expect_method(t->amqp, CHANNEL, AMQP_CHANNEL_CLOSE_METHOD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_acks_of_a_turn_go_together),
		TEST(test_an_ack_of_many_never_reaches_past_a_held_lease),
		TEST(test_a_release_goes_before_the_acks_of_its_turn),
		TEST(test_settling_a_lost_lease_does_nothing),
		TEST(test_a_retried_message_is_acked_only_when_its_successor_is_kept),
		TEST(test_a_buried_message_carries_its_reason),
		TEST(test_a_message_whose_successor_is_refused_goes_back_after_a_wait),
		TEST(test_a_successor_of_a_lost_lease_is_no_longer_our_business),
		TEST(test_a_message_that_came_back_often_is_put_in_its_queue_anew),
		TEST(test_a_mad_count_of_deliveries_is_survived),
		TEST(test_a_message_of_others_that_is_retried_goes_back_after_a_wait),
		TEST(test_a_message_of_others_that_came_back_often_is_put_behind_its_queue),
		TEST(test_a_message_of_others_cannot_ask_to_be_parked),
		TEST(test_a_queue_of_others_has_no_prefix_and_is_waited_for),
		TEST(test_a_message_that_is_not_due_is_parked_unseen),
		TEST(test_a_message_that_is_nearly_due_waits_here),
		TEST(test_mad_times_are_survived),
		TEST(test_reading_stops_at_the_byte_budget_and_goes_on_below_it),
		TEST(test_at_the_byte_budget_only_sips_are_read),
		TEST(test_pausing_cancels_and_gives_back_what_nobody_saw),
		TEST(test_a_missing_queue_is_reported_and_tried_again),
		TEST(test_a_freed_consumer_keeps_its_channel_until_its_leases_are_settled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
