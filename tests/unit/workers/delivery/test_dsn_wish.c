/* When senders are told by mail what became of theirs. */
#include "tests/check.h"

#include "workers/delivery/dsn_wish.h"

enum { ASKED, ALWAYS, NEVER };
#define HOUR 3600000

static void test_senders_are_told_what_they_asked_for(void **state)
{
	static const struct {
		int policy; /* of failure and delay */
		struct dsn_facts facts;
		int told; /* -1: nothing */
	} cases[] = {
		{ASKED,
		 {.has_sender = true, .notify = NOTIFY_FAILURE, .event = RESULT_BOUNCED},
		 DSN_FAILED},
		{ASKED,
		 {.has_sender = true, .notify = NOTIFY_FAILURE, .event = RESULT_EXPIRED},
		 DSN_FAILED},
		{ASKED,
		 {.has_sender = true, .notify = NOTIFY_FAILURE, .event = RESULT_SUPPRESSED},
		 DSN_FAILED},
		{ASKED,
		 {.has_sender = true, .notify = NOTIFY_FAILURE, .event = RESULT_CANCELLED},
		 -1},
		{ASKED, {.has_sender = true, .notify = 0, .event = RESULT_BOUNCED}, -1},
		{ALWAYS, {.has_sender = true, .notify = 0, .event = RESULT_BOUNCED}, DSN_FAILED},
		{ALWAYS, {.has_sender = true, .notify = NOTIFY_NEVER, .event = RESULT_BOUNCED}, -1},
		{ALWAYS,
		 {.has_sender = true, .notify = NOTIFY_SUCCESS, .event = RESULT_BOUNCED},
		 -1},
		{NEVER,
		 {.has_sender = true, .notify = NOTIFY_FAILURE, .event = RESULT_BOUNCED},
		 -1},
		/* who notices come from */
		{ALWAYS,
		 {.has_sender = false, .notify = NOTIFY_FAILURE, .event = RESULT_BOUNCED},
		 -1},
		{ALWAYS, {.has_sender = false, .notify = 0, .event = RESULT_EXPIRED}, -1},

		{ASKED,
		 {.has_sender = true, .notify = NOTIFY_SUCCESS, .event = RESULT_DELIVERED},
		 DSN_RELAYED},
		{ASKED,
		 {.has_sender = true,
		  .notify = NOTIFY_SUCCESS,
		  .event = RESULT_DELIVERED,
		  .is_last_host = true},
		 DSN_DELIVERED},
		{ASKED,
		 {.has_sender = true,
		  .notify = NOTIFY_SUCCESS,
		  .event = RESULT_DELIVERED,
		  .is_passed_on = true},
		 -1},
		{ALWAYS,
		 {.has_sender = true, .notify = NOTIFY_FAILURE, .event = RESULT_DELIVERED},
		 -1},
		{ALWAYS, {.has_sender = true, .notify = 0, .event = RESULT_DELIVERED}, -1},

		{ASKED,
		 {.has_sender = true,
		  .notify = NOTIFY_DELAY,
		  .event = RESULT_DEFERRED,
		  .age_ms = 4 * HOUR},
		 DSN_DELAYED},
		{ASKED,
		 {.has_sender = true,
		  .notify = NOTIFY_DELAY,
		  .event = RESULT_DEFERRED,
		  .age_ms = 4 * HOUR - 1},
		 -1},
		{ASKED,
		 {.has_sender = true,
		  .notify = NOTIFY_DELAY,
		  .event = RESULT_DEFERRED,
		  .age_ms = 5 * HOUR,
		  .was_delay_told = true},
		 -1},
		{ASKED,
		 {.has_sender = true, .notify = 0, .event = RESULT_DEFERRED, .age_ms = 5 * HOUR},
		 -1},
		{ALWAYS,
		 {.has_sender = true, .notify = 0, .event = RESULT_DEFERRED, .age_ms = 5 * HOUR},
		 DSN_DELAYED},
		{ASKED,
		 {.has_sender = true, .notify = 0, .event = RESULT_DEFERRED, .is_late = true},
		 DSN_DELAYED},
		{ASKED,
		 {.has_sender = true,
		  .notify = NOTIFY_DELAY,
		  .event = RESULT_DEFERRED,
		  .is_late = true},
		 DSN_DELAYED},
		{ASKED,
		 {.has_sender = true,
		  .notify = NOTIFY_FAILURE,
		  .event = RESULT_DEFERRED,
		  .is_late = true},
		 -1},
		{ASKED,
		 {.has_sender = true,
		  .notify = NOTIFY_NEVER,
		  .event = RESULT_DEFERRED,
		  .is_late = true},
		 -1},
		{ASKED,
		 {.has_sender = true,
		  .notify = 0,
		  .event = RESULT_DEFERRED,
		  .is_late = true,
		  .was_delay_told = true},
		 -1},
		{NEVER,
		 {.has_sender = true,
		  .notify = NOTIFY_DELAY,
		  .event = RESULT_DEFERRED,
		  .is_late = true},
		 -1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct dsn_settings settings = {.failure = cases[i].policy,
						      .delay = cases[i].policy,
						      .success = ASKED,
						      .delay_after = (int64_t)4 * HOUR};
		enum dsn_kind kind = DSN_KIND_COUNT;
		bool is_told = dsn_is_wished(&settings, &cases[i].facts, &kind);
		assert_int_equal(is_told ? (int)kind : -1, cases[i].told);
	}
}

static void test_success_is_not_told_where_it_is_off(void **state)
{
	const struct dsn_settings settings = {.success = 1};
	const struct dsn_facts facts = {
		.has_sender = true, .notify = NOTIFY_SUCCESS, .event = RESULT_DELIVERED};
	enum dsn_kind kind;
	(void)state;
	assert_false(dsn_is_wished(&settings, &facts, &kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_senders_are_told_what_they_asked_for),
		cmocka_unit_test(test_success_is_not_told_where_it_is_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
