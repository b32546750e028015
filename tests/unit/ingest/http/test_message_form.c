/* The JSON of a message: read when right, and when wrong refused with the place. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/http/message_form.h"

static enum err read_form(struct arena *arena, const char *text, struct posting *ret,
			  struct why *why)
{
	why->text[0] = '\0';
	return message_form_read(arena, bytes_of(text), ret, why);
}

static void test_every_field_is_read(void **state)
{
	struct arena *arena = arena_new();
	struct posting posting;
	struct why why;
	(void)state;
	enum err err = read_form(
		arena,
		"{\"from\": \"a@x.example\", \"to\": [\"b@y.example\", \"c@y.example\"],"
		" \"raw\": \"U3ViamVjdDogeA==\", \"pool\": \"bulk\", \"campaign\": \"spring\","
		" \"tags\": \"one\", \"metadata\": {\"n\": 42, \"r\": 0.1, \"t\": true},"
		" \"not_before\": \"1970-01-01T00:00:01Z\", \"expires\": 2000, \"retry\": \"code\","
		" \"window\": \"office\", \"priority\": -9}",
		&posting, &why);
	assert_string_equal(why.text, "");
	assert_int_equal(err, OK);
	assert_int_equal(message_form_check(&posting, &why), OK);
	assert_int_equal(posting.recipient_count, 2);
	assert_true(bytes_is(posting.recipients[1].address, "c@y.example"));
	assert_true(bytes_is(posting.content, "Subject: x"));
	assert_true(bytes_is(posting.pool, "bulk"));
	assert_true(bytes_is(posting.labels.campaign, "spring"));
	assert_true(bytes_is(posting.labels.tags[0], "one"));
	assert_true(bytes_is(posting.labels.metadata[0].value, "42"));
	assert_true(bytes_is(posting.labels.metadata[1].value, "0.1"));
	assert_true(bytes_is(posting.labels.metadata[2].value, "true"));
	assert_int_equal(posting.not_before_wall_ms, 1000);
	assert_int_equal(posting.expires_wall_ms, 2000);
	assert_true(bytes_is(posting.retry, "code"));
	assert_true(bytes_is(posting.window, "office"));
	assert_int_equal(posting.priority, 1);
	arena_free(&arena);
}

static const struct {
	const char *text, *reason;
} refusals[] = {
	{"[]", "JSON: not an object"},
	{"{\"from\": 1}", "from: not a string"},
	{"{\"from\": \"a\\r\\nBcc: x\"}", "from: holds a line break or control character"},
	{"{\"from\": \"a\\u2028b\"}", "from: holds a line break or control character"},
	{"{\"form\": 1}", "form: unknown field"},
	{"{\"a\\nb\": 1}", "?: unknown field"},
	{"{\"raw\": \"@\"}", "raw: not base 64"},
	{"{\"tags\": [\"a\", \"\"]}", "tags[1]: empty"},
	{"{\"tags\": [\"a\", \"b\\u0007\"]}", "tags[1]: holds a line break or control character"},
	{"{\"metadata\": {\"k\": {}}}", "metadata.k: not a string"},
	{"{\"metadata\": {\"k\": \"a\\nb\"}}",
	 "metadata.k: holds a line break or control character"},
	{"{\"metadata\": {\"k\\n\": \"a\"}}", "metadata.?: not a name"},
	{"{\"priority\": 10}", "priority: not a number from -9 to 9"},
	{"{\"priority\": \"high\"}", "priority: not a number from -9 to 9"},
	{"{\"expires\": 1.5}", "expires: not a time as in RFC 3339, nor milliseconds since 1970"},
	{"{\"expires\": -1}", "expires: not a time as in RFC 3339, nor milliseconds since 1970"},
	{"{\"raw\": \"\", \"mime\": \"\"}", "raw: given beside mime"},
};

static void test_refusals_name_the_place(void **state)
{
	struct arena *arena = arena_new();
	struct posting posting;
	struct why why;
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		assert_int_equal(read_form(arena, refusals[i].text, &posting, &why), E_MALFORMED);
		assert_string_equal(why.text, refusals[i].reason);
	}
	arena_free(&arena);
}

static void test_depth_and_number_are_bounded(void **state)
{
	struct arena *arena = arena_new();
	struct posting posting;
	struct why why;
	size_t size = (size_t)2 << 20;
	char *text = calloc(1, size);
	(void)state;
	memset(text, '[', 100000);
	assert_int_equal(read_form(arena, text, &posting, &why), E_MALFORMED);
	assert_string_equal(why.text, "JSON: more than 64 levels");
	(void)strcpy(text, "{\"to\": [");
	for (size_t i = strlen(text); i < size - 4; i += 2)
		memcpy(text + i, "0,", 2);
	assert_int_equal(read_form(arena, text, &posting, &why), E_TOO_BIG);
	free(text);
	arena_free(&arena);
}

static void test_arguments_make_an_envelope(void **state)
{
	struct arena *arena = arena_new();
	struct posting posting = {.content = BYTES("x")};
	struct why why;
	(void)state;
	assert_int_equal(message_form_check(&posting, &why), E_MALFORMED);
	assert_int_equal(message_form_argument(arena, "from", BYTES_NONE, &posting, &why), OK);
	assert_int_equal(message_form_argument(arena, "from", BYTES_NONE, &posting, &why),
			 E_MALFORMED);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
			message_form_argument(arena, "to", BYTES("a@x.example"), &posting, &why),
			OK);
	assert_int_equal(posting.recipient_count, 20);
	assert_int_equal(message_form_argument(arena, "tag", BYTES("a\nb"), &posting, &why),
			 E_MALFORMED);
	assert_int_equal(message_form_argument(arena, "cc", BYTES("a"), &posting, &why),
			 E_NOT_FOUND);
	assert_int_equal(message_form_check(&posting, &why), OK);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_is_read),
		cmocka_unit_test(test_refusals_name_the_place),
		cmocka_unit_test(test_depth_and_number_are_bounded),
		cmocka_unit_test(test_arguments_make_an_envelope),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
