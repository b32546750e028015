/* Content of submissions: every line ends in CRLF, and nothing else is changed. */
#include "tests/check.h"

#include <string.h>

#include "ingest/content.h"

static enum err normalise(struct bytes in, struct blob **ret, struct content_facts *facts)
{
	struct blob_writer *writer = blob_writer_new("/nonexistent", 4096);
	enum err err = content_normalise(in, 10, writer, facts, NULL);
	if (err == OK)
		*ret = blob_writer_finish(&writer);
	blob_writer_free(&writer);
	return err;
}

static void test_lines_end_in_crlf_whatever_they_ended_in(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} cases[] = {
		{"", ""},
		{"a", "a\r\n"},
		{"a\n", "a\r\n"},
		{"a\r\n", "a\r\n"},
		{"a\nb\n", "a\r\nb\r\n"},
		{"a\r\nb\nc\r\nd", "a\r\nb\r\nc\r\nd\r\n"},
		{"\n\n\r\n\n", "\r\n\r\n\r\n\r\n"},
		{".\n..\r\n.", ".\r\n..\r\n.\r\n"},
		{"0123456789\n0123456789\r\n", "0123456789\r\n0123456789\r\n"},
		{"01234567890\n", NULL},
		{"01234567890", NULL},
		{"a\rb\n", NULL},
		{"a\r\r\n", NULL},
		{"a\r", NULL},
		{"\r", NULL},
		{"a\n\rb\n", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct blob *blob = NULL;
		struct content_facts facts;
		enum err err = normalise(bytes_of(cases[i].in), &blob, &facts);
		if (!cases[i].out) {
			assert_int_equal(err, E_MALFORMED);
			continue;
		}
		assert_int_equal(err, OK);
		assert_true(bytes_is(blob_memory(blob), cases[i].out));
		blob_unref(&blob);
	}
}

static void test_a_nul_is_refused(void **state)
{
	struct blob *blob = NULL;
	struct content_facts facts;
	(void)state;
	assert_int_equal(normalise(BYTES("a\0b\n"), &blob, &facts), E_MALFORMED);
}

static void test_hops_and_8bit_are_seen(void **state)
{
	struct blob *blob = NULL;
	struct content_facts facts;
	(void)state;
	assert_int_equal(
		normalise(BYTES("Received:\nA: b\nRECEIVED:\n\nReceived:\n"), &blob, &facts), OK);
	assert_int_equal(facts.hops, 2);
	assert_false(facts.has_8bit);
	blob_unref(&blob);
	assert_int_equal(normalise(BYTES("A: b\n\n\xe4\n"), &blob, &facts), OK);
	assert_true(facts.has_8bit);
	blob_unref(&blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_end_in_crlf_whatever_they_ended_in),
		cmocka_unit_test(test_a_nul_is_refused),
		cmocka_unit_test(test_hops_and_8bit_are_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
