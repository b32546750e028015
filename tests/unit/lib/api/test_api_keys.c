/* API keys: found by what is presented and by nothing else; a limit is a minute's worth at once, then its rate. */
#include "tests/check.h"

#include <stdlib.h>

#include "lib/api/api_keys.h"

struct fixture {
	struct api_key_settings settings[2];
	struct conf_items items;
	struct api_keys *keys;
	char hex[2][DIGEST_HEX_SIZE];
	const char *scopes[2];
};

static int set_up(void **state)
{
	static const char *const texts[] = {"secret-one", "secret-two"};
	struct fixture *f = calloc(1, sizeof *f);
	f->scopes[0] = "send";
	f->scopes[1] = "recall";
	for (size_t i = 0; i < 2; i++) {
		struct digest digest = digest_of(bytes_of(texts[i]));
		digest_hex(&digest, f->hex[i]);
		f->settings[i].name = texts[i] + 7;
		f->settings[i].sha256 = f->hex[i];
		f->settings[i].tenant = "";
		f->settings[i].scopes.items = f->scopes;
		f->settings[i].scopes.count = i + 1;
	}
	f->settings[0].rate = 60;
	f->items = (struct conf_items){f->settings, 2};
	f->keys = api_keys_new(&f->items);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	api_keys_free(&f->keys);
	free(f);
	return 0;
}

static void test_a_key_is_found_by_itself(void **state)
{
	struct fixture *f = *state;
	const struct api_key *one = api_keys_find(f->keys, "Bearer secret-one");
	const struct api_key *two = api_keys_find(f->keys, "secret-two");
	assert_non_null(one);
	assert_non_null(two);
	assert_string_equal(one->settings->name, "one");
	assert_int_equal(one->scopes, API_SEND);
	assert_int_equal(two->scopes, API_SEND | API_RECALL);
}

static void test_nothing_else_is_a_key(void **state)
{
	struct fixture *f = *state;
	assert_null(api_keys_find(f->keys, NULL));
	assert_null(api_keys_find(f->keys, ""));
	assert_null(api_keys_find(f->keys, "Bearer "));
	assert_null(api_keys_find(f->keys, "Bearer secret-on"));
	assert_null(api_keys_find(f->keys, "Bearer secret-one2"));
	assert_null(api_keys_find(f->keys, f->hex[0]));
	assert_null(api_keys_find(f->keys, "Basic secret-one"));
}

static void test_a_limit_lets_a_minutes_worth_pass_and_then_its_rate(void **state)
{
	struct fixture *f = *state;
	struct api_key *key = api_keys_find(f->keys, "secret-one");
	assert_int_equal(api_key_wait_ms(key, 1000), 0);
	api_key_spend(key, 60);
	assert_in_range(api_key_wait_ms(key, 1000), 1000, 1001);
	assert_int_equal(api_key_wait_ms(key, 2001), 0);
	api_key_spend(key, 61); /* the one that passes the limit is taken, and paid for */
	assert_in_range(api_key_wait_ms(key, 2001), 60000, 61001);
	assert_int_equal(api_key_wait_ms(key, 10000000), 0);
	api_key_spend(key, 60); /* an hour of silence saved up no more than a minute's */
	assert_true(api_key_wait_ms(key, 10000000) > 0);
}

static void test_a_key_without_a_limit_never_waits(void **state)
{
	struct fixture *f = *state;
	struct api_key *key = api_keys_find(f->keys, "secret-two");
	api_key_spend(key, 1000000);
	assert_int_equal(api_key_wait_ms(key, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_key_is_found_by_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_else_is_a_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_limit_lets_a_minutes_worth_pass_and_then_its_rate, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_a_key_without_a_limit_never_waits, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
