/* What workers tell each other of what fired. */
#include "lib/shaping/word.h"

#include "tests/check.h"

#include <string.h>

static const struct shaping_fired fired = {.action = SHAPING_SLOW_BY,
					   .rule = "too-fast",
					   .value = 50,
					   .text = "",
					   .until_ms = 61000,
					   .period_ms = 60000};
static const struct shaping_facts facts = {.site = "gmail",
					   .source = "out1",
					   .host = "mx.example",
					   .tenant = "acme, inc: 3:",
					   .campaign = "",
					   .step = "rcpt",
					   .code = 421,
					   .now_ms = 1000};

static size_t written(char out[SHAPING_WORD_MAX])
{
	struct buf buf;
	struct shaping_facts told = facts;
	told.text = BYTES("4.7.28 slow\ndown");
	buf_init(&buf, SHAPING_WORD_MAX);
	assert_int_equal(shaping_word_write("me", &fired, &told, &buf), OK);
	size_t len = buf_bytes(&buf).len;
	memcpy(out, buf_bytes(&buf).data, len);
	buf_done(&buf);
	return len;
}

static void test_what_is_told_is_heard_with_the_time_that_is_left(void **state)
{
	static struct shaping_word word;
	static char text[SHAPING_WORD_MAX];
	(void)state;
	assert_true(shaping_word_read(bytes_from(text, written(text)), 500000, &word));
	assert_string_equal(word.teller, "me");
	assert_int_equal(word.fired.action, SHAPING_SLOW_BY);
	assert_int_equal(word.fired.value, 50);
	assert_int_equal(word.fired.until_ms, 560000);
	assert_int_equal(word.fired.period_ms, 60000);
	assert_string_equal(word.fired.rule, "too-fast");
	assert_string_equal(word.facts.site, "gmail");
	assert_string_equal(word.facts.source, "out1");
	assert_string_equal(word.facts.tenant, "acme, inc: 3:");
	assert_int_equal(word.facts.code, 421);
	assert_true(bytes_equal(word.facts.text, BYTES("4.7.28 slow\ndown")));
}

static void test_what_is_cut_or_changed_is_not_heard(void **state)
{
	static struct shaping_word word;
	static char text[SHAPING_WORD_MAX];
	size_t len = written(text);
	(void)state;
	for (size_t i = 0; i < len; i++)
		assert_false(shaping_word_read(bytes_from(text, i), 0, &word));
	assert_false(shaping_word_read(BYTES("2:me,3:fly,"), 0, &word));
	assert_false(shaping_word_read(BYTES("99999999999999999999:me,"), 0, &word));
	text[0] = 'x';
	assert_false(shaping_word_read(bytes_from(text, len), 0, &word));
}

/* A word comes from another process: what no rule may ask for would be counted with. */
static void test_numbers_beyond_what_rules_may_ask_for_are_not_heard(void **state)
{
	static struct shaping_word word;
	static const struct {
		enum shaping_action action;
		int64_t value, period_ms;
		bool is_heard;
	} cases[] = {
		{SHAPING_SLOW_BY, 100, 60000, true},
		{SHAPING_SLOW_BY, 101, 60000, false},
		{SHAPING_CONNECTIONS_BY, INT64_MAX, 60000, false},
		{SHAPING_SLOW_TO, 5000000, 60000, true},
		{SHAPING_SLOW_TO, INT64_MAX, 60000, false},
		{SHAPING_PARK_SITE, 1, INT64_MAX, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf buf;
		struct shaping_fired told = fired;
		told.action = cases[i].action;
		told.value = cases[i].value;
		told.period_ms = cases[i].period_ms;
		buf_init(&buf, SHAPING_WORD_MAX);
		assert_int_equal(shaping_word_write("me", &told, &facts, &buf), OK);
		assert_int_equal(shaping_word_read(buf_bytes(&buf), 0, &word), cases[i].is_heard);
		buf_done(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_told_is_heard_with_the_time_that_is_left),
		cmocka_unit_test(test_what_is_cut_or_changed_is_not_heard),
		cmocka_unit_test(test_numbers_beyond_what_rules_may_ask_for_are_not_heard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
