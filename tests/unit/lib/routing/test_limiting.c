/* Limits as words: all of them or none, in the bounds of the settings. */
#include "tests/check.h"

#include "lib/routing/limiting.h"

static const struct site_settings settings = {.connections = 20, .rate = 0};

static void test_words_are_put_over_settings(void **state)
{
	struct site_settings site = settings;
	(void)state;
	assert_int_equal(limiting_apply(BYTES("connections=5  rate=100/min"), &site, NULL), OK);
	assert_int_equal(site.connections, 5);
	assert_int_equal(site.rate, INT64_C(100) * 60 * 24);
	assert_int_equal(limiting_apply(BYTES(""), &site, NULL), OK);
	assert_int_equal(limiting_apply(BYTES("rate=none rate_per_tenant=1/s"), &site, NULL), OK);
	assert_int_equal(site.rate, 0);
	assert_int_equal(site.rate_per_tenant, 86400);
	assert_int_equal(site.connections, 5);
}

static void test_one_wrong_word_and_nothing_is_changed(void **state)
{
	static const char *const wrong[] = {
		"connections=0",
		"connections=10001",
		"connections=",
		"connections",
		"=5",
		"connections=5 x=1",
		"rate=fast",
		"domains=x",
		"port=25",
		"rate=5/s connections=-1",
		"connections=5/s",
		"tls=1",
	};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct site_settings site = settings;
		struct why why;
		assert_int_equal(limiting_apply(bytes_of(wrong[i]), &site, &why), E_MALFORMED);
		assert_memory_equal(&site, &settings, sizeof site);
		assert_true(why.text[0] != '\0');
	}
}

static void test_what_is_the_same_and_how_it_is_written(void **state)
{
	struct site_settings site = settings;
	char text[UNITS_TEXT_SIZE];
	(void)state;
	assert_true(limiting_is_same(&site, &settings));
	for (size_t i = 0; limiting_names[i]; i++) {
		char word[200];
		(void)snprintf(word, sizeof word, "%s=%s", limiting_names[i],
			       limiting_is_rate(i) ? "7/min" : "7");
		site = settings;
		assert_int_equal(limiting_apply(bytes_of(word), &site, NULL), OK);
		assert_false(limiting_is_same(&site, &settings));
		limiting_write(&site, i, text);
		assert_string_equal(text, limiting_is_rate(i) ? "7/min" : "7");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_are_put_over_settings),
		cmocka_unit_test(test_one_wrong_word_and_nothing_is_changed),
		cmocka_unit_test(test_what_is_the_same_and_how_it_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
