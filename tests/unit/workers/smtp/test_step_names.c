/* Shaping rules may name every step that a session has. */
#include "tests/check.h"

#include "lib/shaping/settings.h"
#include "workers/smtp/session.h"

static void test_every_step_of_a_session_can_be_named_in_a_shaping_rule(void **state)
{
	(void)state;
	for (int step = 0; step < SMTP_STEP_COUNT; step++)
		assert_true(shaping_is_step(smtp_step_name((enum smtp_step)step)));
	assert_true(shaping_is_step("dns"));
	assert_false(shaping_is_step("receipt"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_step_of_a_session_can_be_named_in_a_shaping_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
