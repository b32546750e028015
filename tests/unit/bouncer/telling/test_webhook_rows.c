/* What the HTTP API may make, and what the table's rows say of a webhook. */
#include "bouncer/telling/webhook_rows.h"

#include "bouncer/telling/webhook_rules.h"
#include "tests/check.h"

static const conf_cidrs nothing;
static const struct webhook_place place = {&nothing, ""};

static struct webhook_row good(void)
{
	return (struct webhook_row){.name = BYTES("crm"), .url = BYTES("https://crm.example/in")};
}

static void assert_check(struct webhook_row row, enum err wanted)
{
	struct why why = {""};
	assert_int_equal(webhook_row_check(&row, &place, &why), wanted);
	assert_true((why.text[0] != '\0') == (wanted != OK));
}

static void test_what_may_be_made(void **state)
{
	struct bytes kinds[] = {BYTES("delivered"), BYTES("alert")};
	struct bytes mishap[] = {BYTES("delivered"), BYTES("mishap")};
	struct webhook_row row = good();
	(void)state;
	assert_check(row, OK);
	row.events = kinds;
	row.event_count = 2;
	assert_check(row, OK);
	row.events = mishap;
	assert_check(row, E_MALFORMED);
	row = good();
	row.name = BYTES("a.b");
	assert_check(row, E_MALFORMED);
	row.name = BYTES("");
	assert_check(row, E_MALFORMED);
	row = good();
	row.url = BYTES("");
	assert_check(row, E_MALFORMED);
	row.url = BYTES("ftp://crm.example/");
	assert_check(row, E_MALFORMED);
	row.url = BYTES("http://192.168.1.1/");
	assert_check(row, E_REFUSED);
	row.url = BYTES("http://[::1]/");
	assert_check(row, E_REFUSED);
	row = good();
	row.secret = BYTES("whsec_short");
	assert_check(row, E_MALFORMED);
	row = good();
	row.timeout_ms = 99;
	assert_check(row, E_MALFORMED);
	row.timeout_ms = 60001;
	assert_check(row, E_MALFORMED);
	row.timeout_ms = 100;
	assert_check(row, OK);
}

static void test_what_is_not_given_is_as_usual(void **state)
{
	struct arena *arena = arena_new();
	struct webhook_row row = good();
	row.batch_max = 7;
	(void)state;
	const struct webhook_settings *settings = webhook_row_settings(arena, &row, &place);
	assert_string_equal(settings->name, "crm");
	assert_string_equal(settings->secret, "");
	assert_int_equal(settings->batch.max, 7);
	assert_int_equal(settings->batch.every, 2000);
	assert_int_equal(settings->timeout, 15000);
	assert_int_equal(settings->give_up, 3 * 86400000LL);
	assert_int_equal(settings->events.count, 6);
	for (size_t i = 0; i < settings->events.count; i++)
		assert_true(bouncer_event_kind_of(settings->events.items[i]) != 0);
	arena_free(&arena);
}

static void test_rows_are_the_same_when_they_do_the_same(void **state)
{
	struct webhook_row a = good(), b = good();
	struct bytes kinds[] = {BYTES("alert")};
	(void)state;
	b.version = 7;
	b.mode = WEBHOOK_ROW_PAUSED;
	assert_true(webhook_row_same(&a, &b));
	b.events = kinds;
	b.event_count = 1;
	assert_false(webhook_row_same(&a, &b));
	b = good();
	b.secret = BYTES("x");
	assert_false(webhook_row_same(&a, &b));
	b = good();
	b.requests = 3;
	assert_false(webhook_row_same(&a, &b));
}

static void test_a_new_secret_is_one(void **state)
{
	char first[WEBHOOK_SECRET_SIZE], second[WEBHOOK_SECRET_SIZE];
	struct webhook_key key;
	(void)state;
	webhook_secret_new(first);
	webhook_secret_new(second);
	assert_string_not_equal(first, second);
	assert_int_equal(webhook_key_parse(first, &key, NULL), OK);
	assert_int_equal(key.len, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_may_be_made),
		cmocka_unit_test(test_what_is_not_given_is_as_usual),
		cmocka_unit_test(test_rows_are_the_same_when_they_do_the_same),
		cmocka_unit_test(test_a_new_secret_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
