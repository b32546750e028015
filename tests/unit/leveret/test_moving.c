/* Where exported messages lie, and where they are published again. */
#include "tests/check.h"

#include <string.h>

#include "broker/engine.h"
#include "leveret/moving.h"

static struct lease lease_of(const char *key, enum exchange exchange)
{
	return (struct lease){.body = BYTES("body"),
			      .key = key,
			      .message_id = "id",
			      .content_type = "",
			      .content_encoding = "gzip",
			      .reason = "",
			      .not_before_wall_ms = 5000,
			      .exchange = exchange};
}

static void test_mail_moves_and_what_others_read_stays(void **state)
{
	(void)state;
	static const struct {
		const char *queue;
		bool is_taken;
	} cases[] = {
		{"deliver.default.gmail", true},
		{"deliver.default.tail-3", true},
		{"submit.tx", true},
		{"submit.bulk", true},
		{"bouncer.results", true},
		{"bouncer.directives", true},
		{"bouncer.dsn", true},
		{"bouncer.mail", true},
		{"buried", true},
		{"lost", true},
		{"waiting", true},
		{"leveret.delay.64", true},
		{"follow.results", false},
		{"leveret.table.suppressions", false},
		{"leveret.table.directives", false},
		{"bouncer.other", false},
		{"lost.and.found", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(moving_takes(cases[i].queue), cases[i].is_taken);
}

static void test_a_message_goes_back_where_it_came_from(void **state)
{
	(void)state;
	static const struct {
		const char *queue;
		enum exchange told, wanted;
		int64_t not_before_wall_ms;
	} cases[] = {
		{"deliver.default.gmail", EXCHANGE_SUBMIT, EXCHANGE_DELIVER, 5000},
		{"submit.tx", EXCHANGE_DELIVER, EXCHANGE_SUBMIT, 0},
		{"bouncer.results", EXCHANGE_SUBMIT, EXCHANGE_RESULTS, 0},
		{"bouncer.directives", EXCHANGE_SUBMIT, EXCHANGE_INBOUND, 0},
		{"bouncer.unsub", EXCHANGE_SUBMIT, EXCHANGE_INBOUND, 0},
		{"buried", EXCHANGE_DELIVER, EXCHANGE_BURIED, 0},
		{"lost", EXCHANGE_SUBMIT, EXCHANGE_SUBMIT, 0},
		{"lost", EXCHANGE_DELIVER, EXCHANGE_DELIVER, 5000},
		{"waiting", EXCHANGE_DELIVER, EXCHANGE_DELIVER, 5000},
		{"leveret.delay.8", EXCHANGE_RESULTS, EXCHANGE_RESULTS, 0},
	};
	struct arena *arena = arena_new();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct lease lease = lease_of("a.key", cases[i].told);
		struct backlog_record record;
		struct publication publication;
		struct why why = {""};
		assert_int_equal(moving_record(cases[i].queue, &lease, &record), OK);
		assert_int_equal(moving_publication(arena, &record, &publication, &why), OK);
		assert_int_equal(publication.exchange, cases[i].wanted);
		assert_int_equal(publication.not_before_wall_ms, cases[i].not_before_wall_ms);
		assert_string_equal(publication.key, "a.key");
		assert_string_equal(publication.message_id, "id");
		assert_string_equal(publication.content_type, "");
		assert_string_equal(publication.content_encoding, "gzip");
		assert_null(publication.reason);
		assert_true(bytes_is(publication.head, "body"));
	}
	arena_free(&arena);
}

static void test_an_unknown_way_is_refused(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct lease lease = lease_of("k", EXCHANGE_DELIVER);
	struct backlog_record record = {.exchange = BYTES("elsewhere")};
	struct publication publication;
	struct why why = {""};
	assert_int_equal(moving_publication(arena, &record, &publication, &why), E_MALFORMED);
	assert_int_equal(moving_record("follow.results", &lease, &record), E_NOT_FOUND);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_moves_and_what_others_read_stays),
		cmocka_unit_test(test_a_message_goes_back_where_it_came_from),
		cmocka_unit_test(test_an_unknown_way_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
