/* Policies as shipped and as set, the ring of counts and the allowance of an hour. */
#include "tests/check.h"

#include "bouncer/suppressions/allowance.h"
#include "bouncer/suppressions/policy.h"
#include "bouncer/suppressions/soft_ring.h"

#define DAY_MS INT64_C(86400000)
#define NOW_MS INT64_C(1800000000000)

static struct policies shipped(void)
{
	struct policies policies;
	policies_init(&policies, &(const struct conf_items){NULL, 0});
	return policies;
}

static void test_what_says_nothing_of_the_address_never_suppresses(void **state)
{
	(void)state;
	static const unsigned innocent[] = {CLASS_POLICY_RELATED,   CLASS_SPAM_RELATED,
					    CLASS_QUOTA_ISSUES,	    CLASS_CONTENT_RELATED,
					    CLASS_INVALID_SENDER,   CLASS_RELAYING_ISSUES,
					    CLASS_VIRUS_RELATED,    CLASS_OTHER,
					    CLASS_BAD_CONNECTION,   CLASS_PROTOCOL_ERRORS,
					    CLASS_BAD_CONFIGURATION};
	struct policies policies = shipped();
	for (size_t i = 0; i < sizeof innocent / sizeof innocent[0]; i++)
		assert_false(policy_decide(&policies.of[innocent[i]], 1000, NOW_MS).must_suppress);
}

static void test_what_is_sure_suppresses_at_once_and_for_ever(void **state)
{
	(void)state;
	static const unsigned sure[] = {CLASS_BAD_MAILBOX, OUTCOME_COMPLAINT, OUTCOME_UNSUBSCRIBE};
	struct policies policies = shipped();
	for (size_t i = 0; i < sizeof sure / sizeof sure[0]; i++) {
		struct policy_decision decision = policy_decide(&policies.of[sure[i]], 1, NOW_MS);
		assert_true(decision.must_suppress);
		assert_int_equal(decision.expires_wall_ms, 0);
		assert_false(policy_counts(&policies.of[sure[i]]));
	}
}

static void test_settings_change_only_what_they_give(void **state)
{
	(void)state;
	struct policy_settings settings[] = {{.name = "bad-domain", .after = 5, .suppress = ""},
					     {.name = "quota_issues",
					      .suppress = "14d",
					      .after = 3,
					      .scope = 1 + SUPPRESS_FOR_TENANT}};
	const struct conf_items items = {settings, 2};
	struct policies policies;
	policies_init(&policies, &items);
	assert_int_equal(policies.of[CLASS_BAD_DOMAIN].after, 5);
	assert_int_equal(policies.of[CLASS_BAD_DOMAIN].suppress_ms, 30 * DAY_MS);
	assert_int_equal(policies.of[CLASS_QUOTA_ISSUES].scope, SUPPRESS_FOR_TENANT);
	assert_true(policy_counts(&policies.of[CLASS_QUOTA_ISSUES]));
	assert_false(policy_decide(&policies.of[CLASS_QUOTA_ISSUES], 2, NOW_MS).must_suppress);
	struct policy_decision decision =
		policy_decide(&policies.of[CLASS_QUOTA_ISSUES], 3, NOW_MS);
	assert_true(decision.must_suppress);
	assert_int_equal(decision.expires_wall_ms, NOW_MS + 14 * DAY_MS);
	assert_int_equal(policies.longest_within_ms, 30 * DAY_MS);
}

static void test_every_class_has_its_name(void **state)
{
	(void)state;
	for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++)
		assert_int_equal(outcome_of_name(bytes_of(outcome_name(outcome))), outcome);
	for (unsigned class = 0; class < CLASS_COUNT; class ++)
		assert_int_equal(
			outcome_of_name(bytes_of(bounce_class_name((enum bounce_class) class))),
			class);
	assert_int_equal(outcome_of_name(BYTES("full")), OUTCOME_COUNT);
}

static void test_a_gone_address_that_is_not_sure_is_something_else(void **state)
{
	(void)state;
	struct bounce_verdict verdict = {.class = CLASS_BAD_MAILBOX, .family = FAMILY_HARD};
	assert_int_equal(outcome_of_verdict(&verdict), CLASS_BAD_MAILBOX);
	verdict.family = FAMILY_UNDETERMINED;
	assert_int_equal(outcome_of_verdict(&verdict), CLASS_OTHER);
}

/* ---- counts ---- */

static void test_a_ring_counts_each_once_by_class_and_time(void **state)
{
	(void)state;
	struct soft_ring ring = {0};
	assert_true(soft_ring_add(&ring, (struct soft_event){200, 2, 1}));
	assert_true(soft_ring_add(&ring, (struct soft_event){100, 1, 1}));
	assert_false(soft_ring_add(&ring, (struct soft_event){100, 1, 1}));
	assert_true(soft_ring_add(&ring, (struct soft_event){150, 3, 9}));
	assert_int_equal(soft_ring_count(&ring, 1, 0, 1000), 2);
	assert_int_equal(soft_ring_count(&ring, 1, 101, 1000), 1);
	assert_int_equal(soft_ring_count(&ring, 1, 0, 199), 1);
	soft_ring_forget(&ring, 150);
	assert_int_equal(ring.count, 1);
	assert_int_equal(ring.events[0].at_s, 200);
}

static void test_a_ring_is_bounded_and_survives_its_store(void **state)
{
	(void)state;
	struct soft_ring ring = {0}, again;
	uint8_t stored[SOFT_RING_BYTES];
	for (uint32_t i = 0; i < 3 * SOFT_RING_MAX; i++)
		assert_true(soft_ring_add(&ring, (struct soft_event){i, i, 4}));
	assert_int_equal(ring.count, SOFT_RING_MAX);
	assert_int_equal(ring.events[0].at_s, 2 * SOFT_RING_MAX);
	assert_false(soft_ring_add(&ring, (struct soft_event){1, 1, 4}));
	size_t len = soft_ring_write(&ring, stored);
	assert_int_equal(soft_ring_parse(bytes_from(stored, len), &again), OK);
	assert_memory_equal(&again, &ring, sizeof ring);
	assert_int_equal(soft_ring_parse(bytes_from(stored, len - 1), &again), E_MALFORMED);
	assert_int_equal(soft_ring_parse(BYTES_NONE, &again), E_MALFORMED);
}

/* ---- the allowance ---- */

static void test_an_hour_has_its_share_and_the_next_another(void **state)
{
	(void)state;
	struct allowance allowance = {0};
	uint8_t stored[ALLOWANCE_BYTES];
	for (int i = 0; i < 3; i++)
		assert_true(allowance_take(&allowance, NOW_MS + i * 60000, 3));
	assert_false(allowance_take(&allowance, NOW_MS + 59 * 60000, 3));
	allowance_write(&allowance, stored);
	allowance_parse(bytes_from(stored, sizeof stored), &allowance);
	assert_false(allowance_take(&allowance, NOW_MS + 59 * 60000, 3));
	assert_true(allowance_take(&allowance, NOW_MS + 60 * 60000, 3));
	assert_false(allowance_take(&allowance, NOW_MS + 60 * 60000, 3));
	assert_true(allowance_take(&allowance, NOW_MS + 300 * 60000, 3));
}

static void test_a_clock_that_was_ahead_does_not_hold_everything(void **state)
{
	(void)state;
	struct allowance allowance = {0};
	assert_true(allowance_take(&allowance, NOW_MS + 400 * DAY_MS, 1));
	assert_true(allowance_take(&allowance, NOW_MS, 1));
	assert_false(allowance_take(&allowance, NOW_MS - 60000, 1));
	assert_true(allowance_take(&allowance, NOW_MS, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_says_nothing_of_the_address_never_suppresses),
		cmocka_unit_test(test_what_is_sure_suppresses_at_once_and_for_ever),
		cmocka_unit_test(test_settings_change_only_what_they_give),
		cmocka_unit_test(test_every_class_has_its_name),
		cmocka_unit_test(test_a_gone_address_that_is_not_sure_is_something_else),
		cmocka_unit_test(test_a_ring_counts_each_once_by_class_and_time),
		cmocka_unit_test(test_a_ring_is_bounded_and_survives_its_store),
		cmocka_unit_test(test_an_hour_has_its_share_and_the_next_another),
		cmocka_unit_test(test_a_clock_that_was_ahead_does_not_hold_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
