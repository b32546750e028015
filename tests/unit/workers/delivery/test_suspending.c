/* What is suspended is put off without an attempt, or goes back to its queue. */
#include "tests/unit/workers/delivery/fixture_desk.h"

#define SETTINGS                                                                                   \
	"retry:\n  default: {first: 10s, jitter: 0%}\n"                                            \
	"sources: {one: {}, two: {}}\n"                                                            \
	"pools: {default: {sources: {one: 1, two: 1}}}\n"                                          \
	"workers: {results_wait: 0s, suspended_wait: 1m}\n"

static int setup(void **state)
{
	return desk_setup(state, SETTINGS);
}

static void suspend(struct desk *desk, struct directive directive)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct buf value;
	directive.kind = DIRECTIVE_SUSPEND;
	buf_init(&value, REPLICA_VALUE_MAX);
	assert_int_equal(directive_encode(&directive, &value), OK);
	const struct table_entry entry = {
		.key = bytes_from(key, directive_key(&directive, key)),
		.value = buf_bytes(&value),
		.version = 1,
	};
	suspensions_note(desk->suspensions, &entry);
	buf_done(&value);
}

/* As it came, in one act: no copy of it is ever in the broker beside it. */
static void assert_put_off(const struct lease *lease, int64_t least_ms, int64_t most_ms)
{
	assert_int_equal(lease->settled, RETRIED);
	assert_int_equal(world_retry_count(), 0);
	assert_true(lease->retry_ms >= least_ms && lease->retry_ms <= most_ms);
}

static void test_mail_of_a_suspended_campaign_is_put_off(void **state)
{
	struct desk *desk = *state;
	suspend(desk, (struct directive){.tenant = BYTES("acme"), .campaign = BYTES("spring")});
	struct lease *lease = desk_take(desk, TO("ok@x.example"));
	world_turn(20);
	assert_int_equal(world.sent_count, 0);
	assert_string_equal(world_events("ok@x.example"), "");
	assert_put_off(lease, 59000, 120000);
}

static void test_it_comes_back_when_the_suspension_ends(void **state)
{
	struct desk *desk = *state;
	suspend(desk, (struct directive){.site = BYTES("x.example"),
					 .until_wall_ms = loop_wall_ms(world.loop) + 5000});
	struct lease *lease = desk_take(desk, TO("ok@x.example"));
	world_turn(20);
	assert_put_off(lease, 4000, 5000);
}

static void test_what_waits_is_put_off_too(void **state)
{
	struct desk *desk = *state;
	lanes_hold(desk->lanes, true);
	struct lease *lease = desk_take(desk, TO("ok@x.example"));
	suspend(desk, (struct directive){.tenant = BYTES("acme")});
	requests_heed(desk->requests);
	lanes_hold(desk->lanes, false);
	world_turn(20);
	assert_int_equal(world.sent_count, 0);
	assert_put_off(lease, 59000, 120000);
}

static void test_what_was_tried_in_part_is_published_again(void **state)
{
	struct desk *desk = *state;
	(void)snprintf(world.suppressed, sizeof world.suppressed, "gone@x.example");
	suspend(desk, (struct directive){.tenant = BYTES("acme")});
	struct lease *lease = desk_take(desk, TO("gone@x.example", "ok@x.example"));
	world_turn(20);
	assert_int_equal(lease->settled, ACKED);
	assert_int_equal(world_retry_count(), 1);
	int64_t not_before;
	struct delivery_request retry = world_retry(0, &not_before);
	assert_int_equal(retry.recipient_count, 1);
	assert_true(bytes_is(retry.recipients[0].address, "ok@x.example"));
}

static void test_what_waits_of_a_queue_that_stands_goes_back_to_it(void **state)
{
	struct desk *desk = *state;
	lanes_hold(desk->lanes, true);
	struct lease *lease = desk_take(desk, TO("ok@x.example"));
	suspend(desk, (struct directive){.pool = BYTES("default")});
	requests_heed(desk->requests);
	assert_int_equal(lease->settled, RELEASED);
	assert_int_equal(world.kept_count, 0);
}

static bool is_one_out(void *owner, const struct source *source, const char *pool, const char *site)
{
	(void)owner, (void)pool, (void)site;
	return strcmp(source->name, "one") == 0;
}

static void test_a_suspended_source_is_passed_over(void **state)
{
	struct desk *desk = *state;
	sources_pass_over(desk->sources, is_one_out, NULL);
	for (int i = 0; i < 5; i++)
		assert_string_equal(sources_next(desk->sources, "default", "x.example")->name,
				    "two");
}

static void test_what_waits_for_a_suspended_source_chooses_anew(void **state)
{
	struct desk *desk = *state;
	lanes_hold(desk->lanes, true);
	struct lease *lease = desk_take(desk, TO("ok@x.example")); /* from one, the first */
	suspend(desk, (struct directive){.source = BYTES("one")});
	sources_pass_over(desk->sources, is_one_out, NULL);
	requests_heed(desk->requests);
	lanes_hold(desk->lanes, false);
	world_turn(20);
	assert_put_off(lease, -1000, 0);
}

static void test_without_any_source_mail_is_put_off(void **state)
{
	struct desk *desk = *state;
	suspend(desk, (struct directive){.source = BYTES("one")});
	suspend(desk, (struct directive){.source = BYTES("two")});
	struct lease *lease = desk_take(desk, TO("ok@x.example"));
	world_turn(20);
	assert_int_equal(world.sent_count, 0);
	assert_put_off(lease, 59000, 120000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, desk_teardown)
		TEST(test_mail_of_a_suspended_campaign_is_put_off),
		TEST(test_it_comes_back_when_the_suspension_ends),
		TEST(test_what_waits_is_put_off_too),
		TEST(test_what_was_tried_in_part_is_published_again),
		TEST(test_what_waits_of_a_queue_that_stands_goes_back_to_it),
		TEST(test_a_suspended_source_is_passed_over),
		TEST(test_what_waits_for_a_suspended_source_chooses_anew),
		TEST(test_without_any_source_mail_is_put_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
