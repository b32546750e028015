/* From lease to settlement: what is sent, reported, tried again, and when the lease is acked. */
#include "tests/unit/workers/delivery/fixture_desk.h"

#define SETTINGS                                                                                   \
	"retry:\n  default: {first: 10s, factor: 2, max: 1h, jitter: 0%, give_up: 1d}\n"           \
	"workers: {results_wait: 0s, result_headers: [X-Job, subject]}\n"                          \
	"routes:\n  - {to_domain: routed.example, host: \"127.0.0.1:2525\"}\n"

static int setup(void **state)
{
	return desk_setup(state, SETTINGS);
}

static struct lease *take(struct desk *desk, const char *const *recipients)
{
	return desk_take(desk, recipients);
}

static void test_a_delivered_message_is_reported_and_then_acked(void **state)
{
	struct desk *desk = *state;
	world.withholds = true;
	struct lease *lease = take(desk, TO("ok@x.example"));
	world_turn(20);
	assert_int_equal(world.sent_count, 1);
	assert_int_equal(lease->settled, HELD);
	world_keep();
	world_turn(0);
	assert_int_equal(lease->settled, ACKED);
	assert_int_equal(requests_count(desk->requests), 0);

	struct result result = world_result("ok@x.example");
	assert_int_equal(result.event, RESULT_DELIVERED);
	assert_int_equal(result.attempt, 1);
	assert_int_equal(result.code, 250);
	assert_true(bytes_is(result.remote_host, "mx.x.example"));
	assert_true(bytes_is(result.remote_address, "203.0.114.1:25"));
	assert_true(bytes_is(result.step, "body"));
	assert_true(bytes_is(result.site, "x.example"));
	assert_true(bytes_is(result.esmtp, "PIPELINING,SIZE"));
	assert_int_equal(result.content_bytes, strlen("Subject: x\r\n\r\nhello\r\n"));
	assert_int_equal(result.header_count, 1);
	assert_true(bytes_is(result.headers[0].name, "subject"));
	assert_true(bytes_is(result.headers[0].value, "x"));
	assert_int_equal(world_retry_count(), 0);
}

static void test_each_recipient_gets_its_own_result(void **state)
{
	struct desk *desk = *state;
	struct lease *lease = take(desk, TO("ok@x.example", "no@x.example", "later@x.example"));
	world_turn(20);
	assert_int_equal(world.sent_count, 1);
	assert_string_equal(world_events("ok@x.example"), "delivered");
	assert_string_equal(world_events("no@x.example"), "bounced");
	assert_string_equal(world_events("later@x.example"), "deferred");
	assert_int_equal(lease->settled, ACKED);
}

static void test_only_deferred_recipients_travel_on_with_one_more_attempt(void **state)
{
	struct desk *desk = *state;
	int64_t not_before, now = loop_wall_ms(world.loop);
	(void)take(desk, TO("ok@x.example", "later1@x.example", "later2@x.example"));
	world_turn(20);
	assert_int_equal(world_retry_count(), 1);
	struct delivery_request retry = world_retry(0, &not_before);
	assert_int_equal(retry.recipient_count, 2);
	assert_true(bytes_is(retry.recipients[0].address, "later1@x.example"));
	assert_int_equal(retry.recipients[0].attempt, 1);
	assert_true(bytes_is(retry.content, "Subject: x\r\n\r\nhello\r\n"));
	assert_true(not_before >= now + 10000 && not_before <= now + 11000);
	assert_int_equal(world_result("later1@x.example").next_attempt_wall_ms, not_before);
}

static void test_nothing_is_acked_before_the_retry_is_kept(void **state)
{
	struct desk *desk = *state;
	world.publish_err = E_FULL;
	struct lease *lease = take(desk, TO("later@x.example"));
	world_turn(50);
	assert_int_equal(lease->settled, HELD);
	world.publish_err = OK;
	world_turn(400);
	assert_int_equal(lease->settled, ACKED);
	assert_int_equal(world_retry_count(), 1);
	assert_string_equal(world_events("later@x.example"), "deferred");
}

static void test_a_malformed_request_is_buried_with_the_reason(void **state)
{
	struct desk *desk = *state;
	struct lease lease = {.body = BYTES("\xff\xff\xff"), .key = "default.x.example"};
	requests_take(desk->requests, "default", &lease);
	assert_int_equal(lease.settled, BURIED);
	assert_true(lease.reason[0] != '\0');
	assert_int_equal(requests_count(desk->requests), 0);
}

static void test_a_suppressed_recipient_is_not_sent(void **state)
{
	struct desk *desk = *state;
	snprintf(world.suppressed, sizeof world.suppressed, "no@x.example");
	(void)take(desk, TO("no@x.example", "ok@x.example"));
	world_turn(20);
	assert_string_equal(world_events("no@x.example"), "suppressed");
	assert_string_equal(world_events("ok@x.example"), "delivered");
	assert_int_equal(world.recipients_max, 1);
}

static void test_what_was_accepted_before_a_recall_is_cancelled(void **state)
{
	struct desk *desk = *state;
	world.recalled_until_wall_ms = loop_wall_ms(world.loop);
	struct lease *lease = take(desk, TO("a@x.example", "b@x.example"));
	world_turn(20);
	assert_string_equal(world_events("a@x.example"), "cancelled");
	assert_string_equal(world_events("b@x.example"), "cancelled");
	assert_true(bytes_is(world_result("a@x.example").step, "recall"));
	assert_int_equal(lease->settled, ACKED);
	assert_int_equal(world.sent_count, 0);

	world.recalled_until_wall_ms = loop_wall_ms(world.loop) - 1;
	(void)take(desk, TO("c@x.example"));
	world_turn(20);
	assert_string_equal(world_events("c@x.example"), "delivered");
}

static void test_a_recall_reaches_what_waits_in_a_lane(void **state)
{
	struct desk *desk = *state;
	lanes_hold(desk->lanes, true);
	struct lease *lease = take(desk, TO("a@x.example", "b@x.example"));
	world_turn(20);
	world.recalled_until_wall_ms = loop_wall_ms(world.loop);
	lanes_hold(desk->lanes, false);
	world_turn(20);
	assert_string_equal(world_events("a@x.example"), "cancelled");
	assert_string_equal(world_events("b@x.example"), "cancelled");
	assert_int_equal(lease->settled, ACKED);
	assert_int_equal(world.sent_count, 0);
}

static void test_when_recalls_cannot_be_read_nothing_is_sent_and_it_is_tried_again(void **state)
{
	struct desk *desk = *state;
	world.recalls_err = E_IO;
	struct lease *lease = take(desk, TO("a@x.example"));
	world_turn(20);
	assert_string_equal(world_events("a@x.example"), "deferred");
	assert_int_equal(world.sent_count, 0);
	assert_int_equal(lease->settled, ACKED);
}

static void test_what_is_no_address_bounces_alone(void **state)
{
	struct desk *desk = *state;
	(void)take(desk, TO("nobody", "ok@x.example"));
	world_turn(20);
	assert_string_equal(world_events("nobody"), "bounced");
	assert_string_equal(world_events("ok@x.example"), "delivered");
}

static void test_a_domain_that_does_not_exist_bounces_and_one_that_fails_waits(void **state)
{
	struct desk *desk = *state;
	(void)take(desk, TO("ok@gone.example", "ok@sick.example"));
	world_turn(20);
	struct result gone = world_result("ok@gone.example"),
		      sick = world_result("ok@sick.example");
	assert_int_equal(gone.event, RESULT_BOUNCED);
	assert_int_equal(gone.code, 550);
	assert_true(bytes_is(gone.enhanced, "5.1.2"));
	assert_true(bytes_is(gone.step, "dns"));
	assert_int_equal(sick.event, RESULT_DEFERRED);
	assert_int_equal(sick.code, 451);
}

static void test_a_route_overrules_dns(void **state)
{
	struct desk *desk = *state;
	(void)take(desk, TO("ok@routed.example"));
	world_turn(20);
	assert_true(bytes_is(world_result("ok@routed.example").remote_address, "127.0.0.1:2525"));
}

static void test_address_literals_need_no_dns_and_may_not_be_special(void **state)
{
	struct desk *desk = *state;
	(void)take(desk, TO("ok@[203.0.114.9]", "ok@[IPv6:2a00::9]", "ok@[127.0.0.1]"));
	world_turn(20);
	struct result v4 = world_result("ok@[203.0.114.9]"), v6 = world_result("ok@[IPv6:2a00::9]"),
		      local = world_result("ok@[127.0.0.1]");
	assert_true(bytes_is(v4.remote_address, "203.0.114.9:25"));
	assert_true(bytes_is(v6.remote_address, "[2a00::9]:25"));
	assert_int_equal(local.event, RESULT_BOUNCED);
	assert_true(bytes_is(local.enhanced, "5.4.4"));
}

static void test_a_redelivered_request_skips_what_the_journal_holds(void **state)
{
	struct desk *desk = *state;
	struct lease *first = take(desk, TO("ok@x.example", "ok2@x.example"));
	world_turn(50);
	assert_int_equal(first->settled, ACKED);
	assert_int_equal(world.sent_count, 1);

	/* The ack was lost with the connection: the same message comes again. */
	struct lease *again = world_lease(0, TO("ok@x.example", "ok3@x.example"));
	again->is_redelivered = true;
	requests_take(desk->requests, "default", again);
	world_turn(50);
	assert_int_equal(again->settled, ACKED);
	assert_int_equal(world.sent_count, 2);
	assert_int_equal(world.recipients_max, 2);
	assert_string_equal(world_events("ok@x.example"), "delivered delivered");
	assert_int_equal(world_result("ok@x.example").attempt, 1);
	assert_string_equal(world_events("ok3@x.example"), "delivered");
}

static void test_an_in_doubt_recipient_is_tried_again(void **state)
{
	struct desk *desk = *state;
	(void)take(desk, TO("doubt@x.example"));
	world_turn(20);
	assert_string_equal(world_events("doubt@x.example"), "deferred");
	assert_int_equal(world_retry_count(), 1);
}

static void test_an_expired_message_is_not_sent(void **state)
{
	struct desk *desk = *state;
	struct lease *lease = world_lease(0, TO("ok@x.example"));
	struct delivery_request mail;
	struct buf body;
	assert_int_equal(delivery_request_decode(world.arena, lease->body, &mail, NULL), OK);
	mail.expires_wall_ms = loop_wall_ms(world.loop) - 1;
	buf_init(&body, 4096);
	assert_int_equal(delivery_request_encode_head(&mail, mail.content.len, &body), OK);
	assert_int_equal(buf_append(&body, mail.content), OK);
	lease->body = buf_bytes(&body);
	requests_take(desk->requests, "default", lease);
	world_turn(20);
	buf_done(&body);
	assert_int_equal(lease->settled, ACKED);
	assert_int_equal(world.sent_count, 0);
	assert_string_equal(world_events("ok@x.example"), "expired");
}

static void test_a_lost_lease_drops_what_waits_and_publishes_no_retry(void **state)
{
	struct desk *desk = *state;
	lanes_hold(desk->lanes, true);
	struct lease *lease = take(desk, TO("later@x.example"));
	world_turn(10);
	lease->is_lost = true;
	requests_review(desk->requests);
	assert_int_equal(requests_count(desk->requests), 0);
	lanes_hold(desk->lanes, false);
	world_turn(20);
	assert_int_equal(world.sent_count, 0);
	assert_int_equal(world.kept_count, 0);
}

static void test_stopping_gives_back_what_waits_and_finishes_what_is_under_way(void **state)
{
	struct desk *desk = *state;
	world.is_mute = true;
	struct lease *under_way = take(desk, TO("ok@x.example"));
	world_turn(20);
	assert_int_equal(world.sent_count, 1);
	lanes_hold(desk->lanes, true);
	struct lease *waiting = take(desk, TO("ok@y.example"));
	requests_stop(desk->requests);
	assert_int_equal(waiting->settled, RELEASED);
	assert_int_equal(under_way->settled, HELD);
	world_answer();
	world_turn(20);
	assert_int_equal(under_way->settled, ACKED);
	assert_int_equal(requests_count(desk->requests), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, desk_teardown)
		TEST(test_a_delivered_message_is_reported_and_then_acked),
		TEST(test_each_recipient_gets_its_own_result),
		TEST(test_only_deferred_recipients_travel_on_with_one_more_attempt),
		TEST(test_nothing_is_acked_before_the_retry_is_kept),
		TEST(test_a_malformed_request_is_buried_with_the_reason),
		TEST(test_a_suppressed_recipient_is_not_sent),
		TEST(test_what_was_accepted_before_a_recall_is_cancelled),
		TEST(test_a_recall_reaches_what_waits_in_a_lane),
		TEST(test_when_recalls_cannot_be_read_nothing_is_sent_and_it_is_tried_again),
		TEST(test_what_is_no_address_bounces_alone),
		TEST(test_a_domain_that_does_not_exist_bounces_and_one_that_fails_waits),
		TEST(test_a_route_overrules_dns),
		TEST(test_address_literals_need_no_dns_and_may_not_be_special),
		TEST(test_a_redelivered_request_skips_what_the_journal_holds),
		TEST(test_an_in_doubt_recipient_is_tried_again),
		TEST(test_an_expired_message_is_not_sent),
		TEST(test_a_lost_lease_drops_what_waits_and_publishes_no_retry),
		TEST(test_stopping_gives_back_what_waits_and_finishes_what_is_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
