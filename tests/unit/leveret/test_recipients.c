/* Recipients are found in headers as people and scripts write them. */
#include "tests/check.h"

#include "leveret/recipients.h"

static void test_recipients_are_found_in_every_form(void **state)
{
	(void)state;
	static const struct {
		const char *message;
		size_t count;
		const char *first, *last;
	} cases[] = {
		{"To: a@x.example\n\nTo: not@me\n", 1, "a@x.example", "a@x.example"},
		{"To: Anna <a@x.example>, b@y.example\r\n\r\n", 2, "a@x.example", "b@y.example"},
		{"to: \"Doe, Jo\" <jo@x.example>,\n\tk@y.example\nSubject: x\n\n", 2,
		 "jo@x.example", "k@y.example"},
		{"Cc: c@x.example\nBCC: d@x.example\nX-To: e@x.example\n\n", 2, "c@x.example",
		 "d@x.example"},
		{"To: friends: a@x.example, b@x.example;\n\n", 2, "a@x.example", "b@x.example"},
		{"To:\n\n", 0, NULL, NULL},
		{"To: a@x.example", 1, "a@x.example", "a@x.example"},
		{"", 0, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct recipients found = {.count = 0};
		assert_int_equal(recipients_from_header(bytes_of(cases[i].message), &found), OK);
		assert_int_equal(found.count, cases[i].count);
		if (found.count == 0)
			continue;
		assert_true(bytes_is(found.items[0], cases[i].first));
		assert_true(bytes_is(found.items[found.count - 1], cases[i].last));
	}
}

static void test_too_many_recipients_are_an_error(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	uint8_t *text = arena_alloc(arena, 4 + 4 * (RECIPIENTS_MAX + 1));
	size_t len = 0;
	for (const char *c = "To: "; *c; c++)
		text[len++] = (uint8_t)*c;
	for (int i = 0; i <= RECIPIENTS_MAX; i++)
		for (const char *c = "a@b,"; *c; c++)
			text[len++] = (uint8_t)*c;
	struct recipients found = {.count = 0};
	assert_int_equal(recipients_from_header(bytes_from(text, len), &found), E_TOO_BIG);
	arena_free(&arena);
}

static void test_bcc_does_not_travel_and_lines_end_in_crlf(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct bytes sent = message_for_sending(
		arena, BYTES("Bcc: secret@x\n folded@x\nTo: a@x\r\n\nline\nBcc: kept\n"));
	assert_true(bytes_is(sent, "To: a@x\r\n\r\nline\r\nBcc: kept\r\n"));
	assert_true(bytes_is(message_for_sending(arena, BYTES_NONE), ""));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recipients_are_found_in_every_form),
		cmocka_unit_test(test_too_many_recipients_are_an_error),
		cmocka_unit_test(test_bcc_does_not_travel_and_lines_end_in_crlf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
