/* What follows from each outcome. */
#include "tests/check.h"

#include "workers/delivery/verdict.h"

#define RETRY_AT 1000
#define LATER	 2000

static void test_the_reply_decides_and_silence_means_later(void **state)
{
	static const struct {
		enum smtp_outcome_kind kind;
		enum smtp_step step;
		unsigned code;
		int64_t expires;
		enum verdict verdict;
	} cases[] = {
		{SMTP_REPLIED, SMTP_STEP_BODY, 250, LATER, VERDICT_DELIVERED},
		{SMTP_REPLIED, SMTP_STEP_BODY, 250, 1, VERDICT_DELIVERED}, /* late, but there */
		{SMTP_REPLIED, SMTP_STEP_RCPT, 450, LATER, VERDICT_RETRY},
		{SMTP_REPLIED, SMTP_STEP_BODY, 451, LATER, VERDICT_RETRY},
		{SMTP_REPLIED, SMTP_STEP_GREETING, 421, LATER, VERDICT_RETRY},
		{SMTP_REPLIED, SMTP_STEP_GREETING, 554, LATER, VERDICT_RETRY},
		{SMTP_REPLIED, SMTP_STEP_AUTH, 535, LATER, VERDICT_RETRY},
		{SMTP_REPLIED, SMTP_STEP_EHLO, 550, LATER, VERDICT_RETRY},
		{SMTP_REPLIED, SMTP_STEP_RCPT, 550, LATER, VERDICT_BOUNCED},
		{SMTP_REPLIED, SMTP_STEP_BODY, 554, 1, VERDICT_BOUNCED},
		{SMTP_REPLIED, SMTP_STEP_DATA, 250, LATER,
		 VERDICT_RETRY}, /* no 354: not delivered */
		{SMTP_REPLIED, SMTP_STEP_BODY, 354, LATER, VERDICT_RETRY}, /* makes no sense */
		{SMTP_NOT_SENT, SMTP_STEP_CONNECT, 0, LATER, VERDICT_RETRY},
		{SMTP_IN_DOUBT, SMTP_STEP_BODY, 0, LATER, VERDICT_RETRY},
		{SMTP_REPLIED, SMTP_STEP_RCPT, 450, RETRY_AT, VERDICT_EXPIRED},
		{SMTP_REPLIED, SMTP_STEP_RCPT, 450, RETRY_AT + 1, VERDICT_RETRY},
		{SMTP_NOT_SENT, SMTP_STEP_MAIL, 0, RETRY_AT - 1, VERDICT_EXPIRED},
		{SMTP_IN_DOUBT, SMTP_STEP_BODY, 0, RETRY_AT, VERDICT_EXPIRED},
		{SMTP_REPLIED, SMTP_STEP_RCPT, 450, 0, VERDICT_RETRY}, /* never expires */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct smtp_outcome outcome = {
			.kind = cases[i].kind, .step = cases[i].step, .reply.code = cases[i].code};
		assert_int_equal(verdict_of(&outcome, RETRY_AT, cases[i].expires),
				 cases[i].verdict);
	}
}

static void test_a_shaping_rule_has_the_last_word_but_over_what_was_delivered(void **state)
{
	const struct ruling bounces = {.is_bounced = true}, waits = {.retry_after_ms = 1000};
	(void)state;
	assert_int_equal(verdict_ruled(VERDICT_RETRY, &bounces, 10, 0), VERDICT_BOUNCED);
	assert_int_equal(verdict_ruled(VERDICT_DELIVERED, &bounces, 10, 0), VERDICT_DELIVERED);
	assert_int_equal(verdict_ruled(VERDICT_BOUNCED, &waits, 10, 0), VERDICT_RETRY);
	assert_int_equal(verdict_ruled(VERDICT_BOUNCED, &waits, 10, 10), VERDICT_EXPIRED);
	assert_int_equal(verdict_ruled(VERDICT_EXPIRED, &waits, 10, 20), VERDICT_RETRY);
	assert_int_equal(verdict_ruled(VERDICT_RETRY, &(const struct ruling){0}, 10, 0),
			 VERDICT_RETRY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_reply_decides_and_silence_means_later),
		cmocka_unit_test(test_a_shaping_rule_has_the_last_word_but_over_what_was_delivered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
