/* JSON: the forms a person may write, what is refused and where, and what is written is always one line of good JSON. */
#include "fixture_schemas.h"

#include <string.h>

#include "schemas/schemas.h"

#define BASE "\"recipients\":\"a@b.example\",\"mime\":\"Subject: x\\r\\n\\r\\n\""

static enum err from_json(struct fixture *f, const char *text, struct submission *ret)
{
	f->why.text[0] = '\0';
	return submission_from_json(f->arena, bytes_of(text), ret, &f->why);
}

static void test_the_forms_a_person_may_write(void **state)
{
	struct fixture *f = *state;
	struct submission s;
	assert_int_equal(from_json(f, "{" BASE "}", &s), OK);
	assert_int_equal(s.recipient_count, 1);
	assert_bytes_are(s.recipients[0], "a@b.example");
	assert_bytes_are(s.content, "Subject: x\r\n\r\n");

	assert_int_equal(from_json(f,
				   " {\"recipients\":[\"a@b\",\"c@d\"],\"content\":\"YQ==\",\n"
				   "\"sender\":\"\",\"tags\":[],\"metadata\":[],\"id\":null,"
				   "\"metadata\":{\"a\":\"b\"}} ",
				   &s),
			 E_MALFORMED); /* metadata twice */
	assert_int_equal(from_json(f,
				   " {\"recipients\":[\"a@b\",\"c@d\"],\"content\":\"YQ==\",\n"
				   "\"sender\":\"\",\"tags\":\"one\",\"id\":null,"
				   "\"metadata\":{\"a\":\"b\",\"c\":\"\"},"
				   "\"notBeforeWallMs\":\"1\",\"expires_wall_ms\":2}\n",
				   &s),
			 OK);
	assert_int_equal(s.recipient_count, 2);
	assert_bytes_are(s.content, "a");
	assert_int_equal(s.labels.tag_count, 1);
	assert_bytes_are(s.labels.tags[0], "one");
	assert_int_equal(s.labels.metadata_count, 2);
	assert_bytes_are(s.labels.metadata[1].name, "c");
	assert_int_equal(s.not_before_wall_ms, 1);
	assert_int_equal(s.expires_wall_ms, 2);
	assert_int_equal(s.id.len, 0);
}

static void test_what_is_wrong_is_named(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *in;
		const char *reason;
	} cases[] = {
		{"", "JSON: there is none"},
		{"null", "JSON: "},
		{"[]", "JSON: not an object"},
		{"{", "JSON: line"},
		{"{" BASE "} x", "JSON: line"},
		{"{" BASE "}{" BASE "}", "JSON: line"},
		{"\xef\xbb\xbf{" BASE "}", "JSON: line"},
		{"{" BASE ",}", "JSON: line"},
		{"{" BASE ",\"pool\":NaN}", "JSON: line"},
		{"{" BASE ",\"pool\":'a'}", "JSON: line"},
		{"{" BASE ",\"pool\":\"\\u0000\"}", "JSON: line"},
		{"{" BASE ",\"pool\":\"\\ud800\"}", "JSON: line"},
		{"{" BASE ",\"pool\":\"\xff\"}", "JSON: line"},
		{"{" BASE ",\"pool\":\"a\nb\"}", "JSON: line"},
		{"{" BASE ",\"pool\":\"a\",\"pool\":\"b\"}", "JSON: line"},
		{"{" BASE ",\"expires_wall_ms\":1,\"expiresWallMs\":1}",
		 "expires_wall_ms: given twice"},
		{"{" BASE ",\"content\":\"YQ==\"}", "content: given twice"},
		{"{" BASE ",\"subject\":\"a\"}", "subject: unknown field"},
		{"{" BASE ",\"expires_WallMs\":1}", "expires_WallMs: unknown field"},
		{"{" BASE ",\"a\\nb\":\"a\"}", "?: unknown field"},
		{"{" BASE ",\"\":\"a\"}", "?: unknown field"},
		{"{" BASE ",\"metadata\":[{\"name\":\"a\",\"more\":1}]}",
		 "metadata[0].more: unknown field"},
		{"{" BASE ",\"metadata\":[{\"value\":\"a\"}]}", "metadata[0].name: missing"},
		{"{" BASE ",\"metadata\":[1]}", "metadata[0]: not an object"},
		{"{" BASE ",\"metadata\":{\"a\":1}}", "metadata[0]: not a string"},
		{"{" BASE ",\"metadata\":{\"\":\"a\"}}", "metadata[0]: missing"},
		{"{" BASE ",\"metadata\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", "metadata: a name"},
		{"{" BASE ",\"tags\":[\"a\",7]}", "tags[1]: not a string"},
		{"{" BASE ",\"tags\":{\"a\":\"b\"}}", "tags: not a string"},
		{"{" BASE ",\"pool\":[\"a\"]}", "pool: not a string"},
		{"{" BASE ",\"pool\":\"a\\nb\"}", "pool: holds a control"},
		{"{" BASE ",\"sender\":\"a@b\\r\\nX: y\"}", "sender: holds a control"},
		{"{" BASE ",\"expires_wall_ms\":1.5}", "expires_wall_ms: not a whole number"},
		{"{" BASE ",\"expires_wall_ms\":\"1e3\"}", "expires_wall_ms: not a whole number"},
		{"{" BASE ",\"expires_wall_ms\":\"\"}", "expires_wall_ms: not a whole number"},
		{"{" BASE ",\"expires_wall_ms\":-1}", "expires_wall_ms: not a time"},
		{"{" BASE ",\"expires_wall_ms\":99999999999999999999}", "JSON: line"},
		{"{\"mime\":\"x\"}", "recipients: missing"},
		{"{\"mime\":\"x\",\"recipients\":[]}", "recipients: missing"},
		{"{\"mime\":\"x\",\"recipients\":[\"\"]}", "recipients[0]: missing"},
		{"{\"mime\":\"x\",\"recipients\":\"a\\n@b\"}", "recipients: holds a control"},
		{"{\"recipients\":\"a@b\"}", "content: missing"},
		{"{\"recipients\":\"a@b\",\"mime\":\"\"}", "mime: missing"},
		{"{\"recipients\":\"a@b\",\"mime\":7}", "mime: not a string"},
		{"{\"recipients\":\"a@b\",\"content\":\"YQ\"}", "content: not base 64"},
		{"{\"recipients\":\"a@b\",\"content\":7}", "content: not a string"},
		{"{\"recipients\":\"a@b\",\"mime\":\"x\",\"priority\":{\"a\":1}}",
		 "priority: not a whole number"},
		{"{\"recipients\":\"a@b\",\"mime\":\"x\",\"priority\":\"9\"}",
		 "priority: not a whole number"},
		{"{\"recipients\":\"a@b\",\"mime\":\"x\",\"priority\":4294967296}",
		 "priority: too big"},
		{"[[[[[[[[[[[[[[[[[[[[", "JSON: more than 16 levels"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct submission s;
		enum err err = from_json(f, cases[i].in, &s);
		if (err != E_MALFORMED || !strstr(f->why.text, cases[i].reason))
			fail_msg("%s: %s (%s)", cases[i].in, err_text(err), f->why.text);
	}
}

static void test_a_flood_of_values_is_refused_before_parsing(void **state)
{
	struct fixture *f = *state;
	struct submission s;
	put_raw(&f->out, BYTES("{\"recipients\":["));
	for (int i = 0; i < 50000; i++)
		put_raw(&f->out, BYTES("{},"));
	assert_int_equal(submission_from_json(f->arena, buf_bytes(&f->out), &s, &f->why),
			 E_TOO_BIG);
	assert_non_null(strstr(f->why.text, "values"));
}

static void test_more_recipients_than_allowed_are_refused(void **state)
{
	struct fixture *f = *state;
	struct submission s;
	put_raw(&f->out, BYTES("{\"mime\":\"x\",\"recipients\":[\"a@b\""));
	for (int i = 1; i < SCHEMA_RECIPIENTS_MAX; i++)
		put_raw(&f->out, BYTES(",\"a@b\""));
	size_t start = f->out.len;
	put_raw(&f->out, BYTES("]}"));
	assert_int_equal(submission_from_json(f->arena, buf_bytes(&f->out), &s, &f->why), OK);
	f->out.len = start;
	put_raw(&f->out, BYTES(",\"a@b\"]}"));
	assert_int_equal(submission_from_json(f->arena, buf_bytes(&f->out), &s, &f->why),
			 E_TOO_BIG);
	assert_string_equal(f->why.text, "recipients: too many");
}

static void test_brackets_inside_strings_do_not_count(void **state)
{
	struct fixture *f = *state;
	struct submission s;
	put_raw(&f->out, BYTES("{\"recipients\":\"a@b\",\"mime\":\"\\\"\\\\"));
	for (int i = 0; i < 50000; i++)
		put_raw(&f->out, BYTES("[{,"));
	put_raw(&f->out, BYTES("\"}"));
	assert_int_equal(submission_from_json(f->arena, buf_bytes(&f->out), &s, &f->why), OK);
	assert_int_equal(s.content.len, 150002);
}

static void test_hostile_text_stays_inside_its_string(void **state)
{
	struct fixture *f = *state;
	struct pair pair = {BYTES("a\"b"), BYTES("\xff\n")};
	struct result r = {
		.id = BYTES("1"),
		.recipient = BYTES("a@b"),
		.event = RESULT_BOUNCED,
		.text = BYTES("\"},{\r\n\x1b[0m caf\xe9 \xc3\xa9 \xed\xa0\x80 \0 \xe2\x82"),
		.labels = {.metadata = &pair, .metadata_count = 1},
	};
	assert_int_equal(result_to_json(&r, &f->out), OK);
	assert_bytes_are(buf_bytes(&f->out),
			 "{\"id\":\"1\",\"recipient\":\"a@b\",\"event\":\"bounced\",\"text\":"
			 "\"\\\"},{\\r\\n\\u001B[0m caf\xef\xbf\xbd \xc3\xa9 "
			 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \\u0000 \xef\xbf\xbd\xef\xbf\xbd\","
			 "\"metadata\":{\"a\\\"b\":\"\xef\xbf\xbd\\n\"}}");
}

static void test_a_full_buffer_gets_nothing(void **state)
{
	struct suppression s = {.address = BYTES("a@b.example")};
	struct buf small;
	(void)state;
	for (size_t max = 0; max < strlen("{\"address\":\"a@b.example\"}"); max++) {
		buf_init(&small, max);
		assert_int_equal(suppression_to_json(&s, &small), E_FULL);
		assert_int_equal(small.len, 0);
		buf_done(&small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_fixture(test_the_forms_a_person_may_write),
		test_with_fixture(test_what_is_wrong_is_named),
		test_with_fixture(test_a_flood_of_values_is_refused_before_parsing),
		test_with_fixture(test_more_recipients_than_allowed_are_refused),
		test_with_fixture(test_brackets_inside_strings_do_not_count),
		test_with_fixture(test_hostile_text_stays_inside_its_string),
		test_with_fixture(test_a_full_buffer_gets_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
