/* Publishing with confirms: what each answer of the broker, and each silence, means for the owner
 * of a publication. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/rabbitmq/publisher.h"
#include "lib/base/memory.h"
#include "tests/unit/broker/rabbitmq/fixture_amqp.h"

#include "tests/check.h"

#define CHANNEL 1
#define UNKNOWN ERR_COUNT

struct publishing {
	struct amqp_fixture *amqp;
	struct publisher *publisher;
	struct broker_settings settings;
	enum err outcomes[200];
	size_t count;
	unsigned ready_changes, broken_count;
};

static void on_ready_changed(void *owner)
{
	((struct publishing *)owner)->ready_changes++;
}

static void on_broken(void *owner, uint16_t code, const char *text)
{
	(void)code, (void)text;
	((struct publishing *)owner)->broken_count++;
}

static void confirm_select_ok(struct publishing *p)
{
	open_channel(p->amqp, CHANNEL);
	(void)expect_method(p->amqp, CHANNEL, AMQP_CONFIRM_SELECT_METHOD);
	amqp_confirm_select_ok_t ok = {0};
	broker_says(p->amqp, CHANNEL, AMQP_CONFIRM_SELECT_OK_METHOD, &ok);
}

static int setup(void **state)
{
	static const struct publisher_handler handler = {.ready_changed = on_ready_changed,
							 .broken = on_broken};
	struct publishing *p = memory_new(sizeof *p);
	void *amqp;
	(void)amqp_setup_open(&amqp);
	p->amqp = amqp;
	p->settings.publish_timeout = 60;
	p->settings.coalesce = 20;
	p->publisher = publisher_new(p->amqp->loop, p->amqp->connection, &p->settings, &handler, p);
	publisher_allow(p->publisher, true);
	confirm_select_ok(p);
	assert_true(publisher_is_ready(p->publisher));
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct publishing *p = *state;
	publisher_free(&p->publisher);
	void *amqp = p->amqp;
	(void)amqp_teardown(&amqp);
	free(p);
	return 0;
}

struct slot {
	struct publishing *publishing;
	size_t index;
};

static void on_done(void *owner, enum err err)
{
	struct slot *slot = owner;
	assert_int_equal(slot->publishing->outcomes[slot->index], UNKNOWN); /* exactly once */
	slot->publishing->outcomes[slot->index] = err;
	free(slot);
}

static void publish_body(struct publishing *p, struct bytes head, struct blob *tail)
{
	struct slot *slot = memory_new(sizeof *slot);
	*slot = (struct slot){p, p->count};
	p->outcomes[p->count++] = UNKNOWN;
	const struct outgoing outgoing = {
		.exchange = "x", .key = "k", .message_id = "id", .head = head, .tail = tail};
	publisher_publish(p->publisher, &outgoing, on_done, slot);
}

static void publish(struct publishing *p)
{
	publish_body(p, BYTES("body"), NULL);
}

static void expect_publication(struct publishing *p, struct bytes body)
{
	const amqp_basic_publish_t *publish_method =
		expect_method(p->amqp, CHANNEL, AMQP_BASIC_PUBLISH_METHOD);
	assert_true(publish_method->mandatory);
	struct wire_frame header = next_sent(p->amqp);
	assert_int_equal(header.type, WIRE_CONTENT);
	assert_int_equal(header.properties->delivery_mode, AMQP_DELIVERY_PERSISTENT);
	assert_int_equal(header.body_size, body.len);
	size_t at = 0;
	while (at < body.len) {
		struct wire_frame frame = next_sent(p->amqp);
		assert_int_equal(frame.type, WIRE_BODY);
		assert_true(
			bytes_equal(frame.body, bytes_first(bytes_skip(body, at), frame.body.len)));
		at += frame.body.len;
	}
}

static void expect_publications(struct publishing *p, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_publication(p, BYTES("body"));
	assert_false(has_sent(p->amqp));
}

static void publish_and_expect(struct publishing *p, size_t count)
{
	for (size_t i = 0; i < count; i++)
		publish(p);
	turn(p->amqp);
	expect_publications(p, count);
}

static void broker_acks(struct publishing *p, uint64_t tag, bool is_multiple)
{
	amqp_basic_ack_t ack = {.delivery_tag = tag, .multiple = is_multiple};
	broker_says(p->amqp, CHANNEL, AMQP_BASIC_ACK_METHOD, &ack);
}

static void broker_returns(struct publishing *p, const char *tag)
{
	amqp_basic_return_t returned = {.reply_code = 312, .reply_text = wire_text("NO_ROUTE")};
	amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CORRELATION_ID_FLAG,
					      .correlation_id = wire_text(tag)};
	broker_sends_message(p->amqp, CHANNEL, AMQP_BASIC_RETURN_METHOD, &returned, &properties,
			     BYTES("body"));
}

static void assert_outcomes(const struct publishing *p, const enum err *expected, size_t count)
{
	assert_int_equal(p->count, count);
	for (size_t i = 0; i < count; i++) {
		if (p->outcomes[i] != expected[i])
			print_message("publication %zu\n", i);
		assert_int_equal(p->outcomes[i], expected[i]);
	}
}
#define ASSERT_OUTCOMES(p, ...)                                                                    \
	assert_outcomes(p, (const enum err[]){__VA_ARGS__},                                        \
			sizeof((enum err[]){__VA_ARGS__}) / sizeof(enum err))

/* ---- confirms ---- */

static void test_an_ack_confirms_its_own_or_all_before_it(void **state)
{
	struct publishing *p = *state;
	publish_and_expect(p, 5);
	broker_acks(p, 2, false);
	ASSERT_OUTCOMES(p, UNKNOWN, OK, UNKNOWN, UNKNOWN, UNKNOWN);
	broker_acks(p, 4, true);
	ASSERT_OUTCOMES(p, OK, OK, OK, OK, UNKNOWN);
	broker_acks(p, 0, true);
	ASSERT_OUTCOMES(p, OK, OK, OK, OK, OK);
	assert_int_equal(publisher_unconfirmed_count(p->publisher), 0);
	assert_int_equal(publisher_unconfirmed_bytes(p->publisher), 0);
}

static void test_acks_of_what_was_never_sent_mean_nothing(void **state)
{
	struct publishing *p = *state;
	broker_acks(p, 1, false);
	broker_acks(p, 99, true);
	broker_acks(p, UINT64_MAX, true);
	publish_and_expect(p, 1);
	ASSERT_OUTCOMES(p, UNKNOWN);
	broker_acks(p, 1, false);
	broker_acks(p, 1, false);
	ASSERT_OUTCOMES(p, OK);
}

static void test_a_returned_message_is_unroutable_though_it_is_acked(void **state)
{
	struct publishing *p = *state;
	publish_and_expect(p, 3);
	broker_returns(p, "2");
	broker_returns(p, "77");
	broker_returns(p, "not ours");
	ASSERT_OUTCOMES(p, UNKNOWN, UNKNOWN, UNKNOWN);
	broker_acks(p, 3, true);
	ASSERT_OUTCOMES(p, OK, E_UNROUTABLE, OK);
}

static void test_a_nack_is_a_full_queue(void **state)
{
	struct publishing *p = *state;
	publish_and_expect(p, 2);
	amqp_basic_nack_t nack = {.delivery_tag = 1};
	broker_says(p->amqp, CHANNEL, AMQP_BASIC_NACK_METHOD, &nack);
	broker_acks(p, 2, false);
	ASSERT_OUTCOMES(p, E_FULL, OK);
}

static void test_the_ring_grows_and_goes_round(void **state)
{
	struct publishing *p = *state;
	p->settings.publish_timeout = 5000;
	uint64_t tag = 0;
	for (int round = 0; round < 5; round++) {
		p->count = 0;
		for (int i = 0; i < 150; i++)
			publish(p);
		turn(p->amqp);
		buf_clear(&p->amqp->sent);
		tag += 150;
		broker_acks(p, tag - 75, true);
		assert_int_equal(publisher_unconfirmed_count(p->publisher), 75);
		broker_acks(p, tag, true);
		for (size_t i = 0; i < 150; i++)
			assert_int_equal(p->outcomes[i], OK);
	}
}

static void test_silence_is_a_time_out_and_a_late_ack_means_nothing(void **state)
{
	struct publishing *p = *state;
	publish_and_expect(p, 2);
	run_ms(p->amqp, 30);
	ASSERT_OUTCOMES(p, UNKNOWN, UNKNOWN);
	run_ms(p->amqp, 60);
	ASSERT_OUTCOMES(p, E_TIMEOUT, E_TIMEOUT);
	publish_and_expect(p, 1);
	broker_acks(p, 2, true);
	ASSERT_OUTCOMES(p, E_TIMEOUT, E_TIMEOUT, UNKNOWN);
	broker_acks(p, 3, true);
	ASSERT_OUTCOMES(p, E_TIMEOUT, E_TIMEOUT, OK);
}

static void test_the_time_for_an_answer_begins_with_the_sending(void **state)
{
	struct publishing *p = *state;
	p->amqp->unsent = 1 << 20;
	publish(p);
	publish(p);
	run_ms(p->amqp, 40);
	assert_false(has_sent(p->amqp));
	p->amqp->unsent = 0;
	publisher_drained(p->publisher);
	expect_publications(p, 2);
	run_ms(p->amqp, 40);
	ASSERT_OUTCOMES(p, UNKNOWN, UNKNOWN);
	broker_acks(p, 1, false);
	run_ms(p->amqp, 40);
	ASSERT_OUTCOMES(p, OK, E_TIMEOUT);
}

static void test_what_waits_fails_when_nothing_moves(void **state)
{
	struct publishing *p = *state;
	p->amqp->unsent = 1 << 20;
	publish(p);
	publish(p);
	run_ms(p->amqp, 30);
	ASSERT_OUTCOMES(p, UNKNOWN, UNKNOWN);
	run_ms(p->amqp, 60);
	ASSERT_OUTCOMES(p, E_TIMEOUT, E_TIMEOUT);
	p->amqp->unsent = 0;
	publisher_drained(p->publisher);
	turn(p->amqp);
	assert_false(has_sent(p->amqp));
	publish_and_expect(p, 1);
	broker_acks(p, 1, false);
	ASSERT_OUTCOMES(p, E_TIMEOUT, E_TIMEOUT, OK);
}

/* ---- company ---- */

static void test_the_first_goes_at_once_and_the_next_wait_for_company(void **state)
{
	struct publishing *p = *state;
	publish_and_expect(p, 1);
	publish(p);
	turn(p->amqp);
	publish(p);
	turn(p->amqp);
	assert_false(has_sent(p->amqp));
	run_ms(p->amqp, 30);
	expect_publications(p, 2);
}

static void test_a_confirm_sends_what_waits(void **state)
{
	struct publishing *p = *state;
	publish_and_expect(p, 1);
	publish(p);
	publish(p);
	turn(p->amqp);
	broker_acks(p, 1, false);
	turn(p->amqp);
	expect_publications(p, 2);
}

static void test_much_that_waits_is_sent_without_more(void **state)
{
	struct publishing *p = *state;
	static uint8_t large[70000];
	publish_and_expect(p, 1);
	publish_body(p, bytes_from(large, sizeof large), NULL);
	turn(p->amqp);
	expect_publication(p, bytes_from(large, sizeof large));
}

/* ---- large bodies ---- */

static struct blob *pattern_blob(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 >> 3);
	return blob_from_bytes(bytes_from(bytes, size));
}

static void test_a_body_is_cut_into_frames_across_head_and_tail(void **state)
{
	struct publishing *p = *state;
	static uint8_t whole[300000];
	struct blob *all = pattern_blob(whole, sizeof whole);
	blob_unref(&all);
	struct blob *tail = blob_from_bytes(bytes_skip(bytes_from(whole, sizeof whole), 1000));
	publish_body(p, bytes_from(whole, 1000), tail);
	blob_unref(&tail);
	turn(p->amqp);
	expect_publication(p, bytes_from(whole, sizeof whole));
}

static void test_a_large_body_waits_for_the_stream_to_drain(void **state)
{
	struct publishing *p = *state;
	static uint8_t whole[600000];
	struct blob *tail = pattern_blob(whole, sizeof whole);
	publish_body(p, BYTES_NONE, tail);
	blob_unref(&tail);
	p->amqp->unsent = 100; /* not much: it begins */
	turn(p->amqp);
	assert_true(p->amqp->sent.len > 0);
	buf_clear(&p->amqp->sent);

	p->amqp->unsent = 1 << 20;
	publish(p);
	publish(p);
	run_ms(p->amqp, 30);
	assert_false(has_sent(p->amqp)); /* the stream holds enough */
	p->amqp->unsent = 0;
	publisher_drained(p->publisher);
	expect_publications(p, 2);
}

static void test_what_cannot_be_sent_is_too_big_and_harms_nobody(void **state)
{
	struct publishing *p = *state;
	publish_body(p, (struct bytes){(const uint8_t *)"", (size_t)200 << 20}, NULL);
	publish(p);
	assert_int_equal(p->outcomes[0], UNKNOWN); /* not from inside the call */
	turn(p->amqp);
	ASSERT_OUTCOMES(p, E_TOO_BIG, UNKNOWN);
	expect_publications(p, 1);
}

/* ---- trouble ---- */

static void test_losing_the_connection_leaves_sent_ones_in_doubt(void **state)
{
	struct publishing *p = *state;
	publish_and_expect(p, 2);
	publish(p); /* waits for company */
	turn(p->amqp);
	connection_end(p->amqp->connection);
	turn(p->amqp);
	ASSERT_OUTCOMES(p, E_CLOSED, E_CLOSED, E_AWAY);
	assert_false(publisher_is_ready(p->publisher));
	publish(p);
	turn(p->amqp);
	ASSERT_OUTCOMES(p, E_CLOSED, E_CLOSED, E_AWAY, E_AWAY);
}

static void test_tags_begin_anew_with_each_connection(void **state)
{
	struct publishing *p = *state;
	publish_and_expect(p, 3);
	connection_end(p->amqp->connection);
	turn(p->amqp);
	buf_clear(&p->amqp->sent);
	p->amqp->opened_count = 0;
	begin(p->amqp);
	open_connection(p->amqp);
	confirm_select_ok(p);
	publish_and_expect(p, 1);
	broker_acks(p, 1, false);
	ASSERT_OUTCOMES(p, E_CLOSED, E_CLOSED, E_CLOSED, OK);
}

static void test_a_closed_channel_is_reported_and_opens_again(void **state)
{
	struct publishing *p = *state;
	static uint8_t large[50000];
	publish(p);
	publish_body(p, bytes_from(large, sizeof large), NULL);
	publish(p);
	turn(p->amqp);
	buf_clear(&p->amqp->sent);
	broker_closes_channel(
		p->amqp, CHANNEL, 406,
		"PRECONDITION_FAILED - message size 50000 is larger than configured max");
	turn(p->amqp);
	ASSERT_OUTCOMES(p, E_CLOSED, E_TOO_BIG, E_CLOSED);
	assert_int_equal(p->broken_count, 1);
	publisher_reopen(p->publisher);
	confirm_select_ok(p);
	publish_and_expect(p, 1);
}

static void test_an_alarm_fails_what_was_not_sent(void **state)
{
	struct publishing *p = *state;
	publish_and_expect(p, 1);
	publish(p);
	turn(p->amqp);
	publisher_block(p->publisher, true);
	turn(p->amqp);
	ASSERT_OUTCOMES(p, UNKNOWN, E_BLOCKED);
	publish(p);
	turn(p->amqp);
	ASSERT_OUTCOMES(p, UNKNOWN, E_BLOCKED, E_BLOCKED);
	publisher_block(p->publisher, false);
	broker_acks(p, 1, false);
	publish_and_expect(p, 1);
	ASSERT_OUTCOMES(p, OK, E_BLOCKED, E_BLOCKED, UNKNOWN);
}

static void test_freeing_cancels_what_is_pending(void **state)
{
	struct publishing *p = *state;
	publish_and_expect(p, 1);
	publish(p);
	publisher_free(&p->publisher);
	ASSERT_OUTCOMES(p, E_CANCELLED, E_CANCELLED);
}

static void test_long_keys_stay_different_and_keep_their_beginning(void **state)
{
	(void)state;
	char a[400], b[400], out_a[WIRE_SHORT_MAX + 1], out_b[WIRE_SHORT_MAX + 1];
	memset(a, 'a', sizeof a);
	memcpy(a, "pool.", 5);
	a[399] = '\0';
	memcpy(b, a, sizeof b);
	b[398] = 'b';
	publisher_key(a, out_a);
	publisher_key(b, out_b);
	assert_int_equal(strlen(out_a), WIRE_SHORT_MAX);
	assert_string_not_equal(out_a, out_b);
	assert_memory_equal(out_a, "pool.aaa", 8);
	publisher_key("pool.site", out_a);
	assert_string_equal(out_a, "pool.site");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_ack_confirms_its_own_or_all_before_it),
		TEST(test_acks_of_what_was_never_sent_mean_nothing),
		TEST(test_a_returned_message_is_unroutable_though_it_is_acked),
		TEST(test_a_nack_is_a_full_queue),
		TEST(test_the_ring_grows_and_goes_round),
		TEST(test_silence_is_a_time_out_and_a_late_ack_means_nothing),
		TEST(test_the_time_for_an_answer_begins_with_the_sending),
		TEST(test_what_waits_fails_when_nothing_moves),
		TEST(test_the_first_goes_at_once_and_the_next_wait_for_company),
		TEST(test_a_confirm_sends_what_waits),
		TEST(test_much_that_waits_is_sent_without_more),
		TEST(test_a_body_is_cut_into_frames_across_head_and_tail),
		TEST(test_a_large_body_waits_for_the_stream_to_drain),
		TEST(test_what_cannot_be_sent_is_too_big_and_harms_nobody),
		TEST(test_losing_the_connection_leaves_sent_ones_in_doubt),
		TEST(test_tags_begin_anew_with_each_connection),
		TEST(test_a_closed_channel_is_reported_and_opens_again),
		TEST(test_an_alarm_fails_what_was_not_sent),
		TEST(test_freeing_cancels_what_is_pending),
		cmocka_unit_test(test_long_keys_stay_different_and_keep_their_beginning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
