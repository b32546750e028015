/* Claims: all that was put in comes out again; nothing but what we wrote for this use, in time, is one. */
#include "tests/check.h"

#include <string.h>

#include "lib/returnpath/claim.h"

#define DAY   INT64_C(86400000)
#define TODAY (20000 * DAY + 5)

static const struct return_keys keys = {
	.items = {{.id = 2, .secret = {(const uint8_t *)"0123456789abcdef-new", 20}},
		  {.id = 1, .secret = {(const uint8_t *)"0123456789abcdef-old", 20}}},
	.count = 2,
};
static const struct return_keys old_key = {
	.items = {{.id = 1, .secret = {(const uint8_t *)"0123456789abcdef-old", 20}}},
	.count = 1,
};
static const struct return_keys other_key = {
	.items = {{.id = 1, .secret = {(const uint8_t *)"0123456789abcdef-odd", 20}}},
	.count = 1,
};

static struct claim example(void)
{
	return (struct claim){.message_id = BYTES("client/id 7"),
			      .recipient = BYTES("ann@there.test"),
			      .tenant = BYTES("acme"),
			      .pool = BYTES("news"),
			      .campaign = BYTES("spring")};
}

static enum err check(const struct return_keys *with, enum claim_use use, const char *text,
		      int64_t wall_ms, struct arena *arena, struct claim *ret)
{
	return claim_check(with, use, bytes_of(text), wall_ms, 30, arena, ret);
}

static void test_what_was_put_in_comes_out(void **state)
{
	struct arena *arena = arena_new();
	struct claim claim = example(), read;
	char text[CLAIM_SIZE];
	(void)state;
	for (size_t len = 0; len < 20; len++) { /* every remainder of base64 */
		claim.pool = bytes_first(BYTES("a-pool-of-twenty-one"), len);
		assert_int_equal(claim_make(&old_key, CLAIM_FEEDBACK, &claim, TODAY, text), OK);
		assert_int_equal(check(&keys, CLAIM_FEEDBACK, text, TODAY, arena, &read), OK);
		assert_true(bytes_equal(read.message_id, claim.message_id));
		assert_true(bytes_equal(read.recipient, claim.recipient));
		assert_true(bytes_equal(read.tenant, claim.tenant));
		assert_true(bytes_equal(read.pool, claim.pool));
		assert_true(bytes_equal(read.campaign, claim.campaign));
		assert_int_equal(read.day_wall_ms, 20000 * DAY);
	}
	arena_free(&arena);
}

/* As versions wrote them that put no campaign in. */
static void test_a_claim_of_the_form_before_is_still_good(void **state)
{
	static const char text[] = "AWYBTiAAC2NsaWVudC9pZCA3AA5hbm5AdGhlcmUudGVzdAAEYWNtZQAEbmV3cym"
				   "AAHENgX5AiMcsqaLbYO4";
	struct arena *arena = arena_new();
	struct claim read;
	(void)state;
	assert_int_equal(check(&keys, CLAIM_FEEDBACK, text, TODAY, arena, &read), OK);
	assert_true(bytes_is(read.message_id, "client/id 7"));
	assert_true(bytes_is(read.pool, "news"));
	assert_int_equal(read.campaign.len, 0);
	arena_free(&arena);
}

static void test_every_changed_character_is_refused(void **state)
{
	struct arena *arena = arena_new();
	struct claim claim = example(), read;
	char text[CLAIM_SIZE];
	(void)state;
	assert_int_equal(claim_make(&keys, CLAIM_UNSUBSCRIBE, &claim, TODAY, text), OK);
	for (size_t i = 0; text[i]; i++) {
		char was = text[i];
		for (const char *c = "AQgw_-5+/= "; *c; c++) {
			text[i] = *c;
			if (*c != was)
				assert_int_not_equal(
					check(&keys, CLAIM_UNSUBSCRIBE, text, TODAY, arena, &read),
					OK);
		}
		text[i] = was;
	}
	for (size_t len = 0; len < strlen(text); len++)
		assert_int_not_equal(claim_check(&keys, CLAIM_UNSUBSCRIBE, bytes_from(text, len),
						 TODAY, 30, arena, &read),
				     OK);
	arena_free(&arena);
}

static void test_use_key_and_day_count(void **state)
{
	struct arena *arena = arena_new();
	struct claim claim = example(), read;
	char text[CLAIM_SIZE];
	(void)state;
	assert_int_equal(claim_make(&keys, CLAIM_FEEDBACK, &claim, TODAY, text), OK);
	assert_int_equal(check(&keys, CLAIM_UNSUBSCRIBE, text, TODAY, arena, &read), E_REFUSED);
	assert_int_equal(check(&old_key, CLAIM_FEEDBACK, text, TODAY, arena, &read), E_REFUSED);
	assert_int_equal(check(&keys, CLAIM_FEEDBACK, text, TODAY + 30 * DAY, arena, &read), OK);
	assert_int_equal(check(&keys, CLAIM_FEEDBACK, text, TODAY + 31 * DAY, arena, &read),
			 E_TIMEOUT);
	assert_int_equal(check(&keys, CLAIM_FEEDBACK, text, TODAY - 2 * DAY, arena, &read),
			 E_TIMEOUT);
	assert_int_equal(claim_make(&other_key, CLAIM_FEEDBACK, &claim, TODAY, text), OK);
	assert_int_equal(check(&keys, CLAIM_FEEDBACK, text, TODAY, arena, &read), E_REFUSED);
	arena_free(&arena);
}

static void test_what_does_not_fit_is_told(void **state)
{
	static const char long_text[CLAIM_LEN_MAX] = {0};
	struct arena *arena = arena_new();
	struct claim claim = example(), read;
	char text[CLAIM_SIZE];
	size_t len = sizeof long_text;
	(void)state;
	do {
		claim.tenant = bytes_from(long_text, len--);
	} while (claim_make(&keys, CLAIM_FEEDBACK, &claim, TODAY, text) == E_TOO_BIG && len > 0);
	assert_true(len > 500);
	assert_true(strlen(text) <= CLAIM_LEN_MAX);
	assert_int_equal(check(&keys, CLAIM_FEEDBACK, text, TODAY, arena, &read), OK);
	assert_int_equal(read.tenant.len, len + 1);
	assert_int_equal(read.campaign.len, 0); /* it is what gives way */
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_put_in_comes_out),
		cmocka_unit_test(test_a_claim_of_the_form_before_is_still_good),
		cmocka_unit_test(test_every_changed_character_is_refused),
		cmocka_unit_test(test_use_key_and_day_count),
		cmocka_unit_test(test_what_does_not_fit_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
