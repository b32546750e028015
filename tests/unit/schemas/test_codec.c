/* Decoding believes nothing: what is malformed, too big or too costly is refused with the place, and large content never moves. */
#include "fixture_schemas.h"

#include <string.h>

#include "schemas/schemas.h"

static enum err decode_submission(struct fixture *f, struct submission *ret)
{
	return submission_decode(f->arena, buf_bytes(&f->out), ret, &f->why);
}

static void assert_refused(struct fixture *f, enum err wanted, const char *reason)
{
	struct submission s;
	f->why.text[0] = '\0';
	enum err err = decode_submission(f, &s);
	if (err != wanted)
		fail_msg("%s: got %s (%s)", reason, err_text(err), f->why.text);
	if (!strstr(f->why.text, reason))
		fail_msg("got \"%s\", wanted \"%s\"", f->why.text, reason);
}

static void test_content_is_borrowed_wherever_it_stands(void **state)
{
	struct fixture *f = *state;
	struct delivery_request r;
	for (int order = 0; order < 3; order++) {
		buf_clear(&f->out);
		if (order == 0)
			put_text(&f->out, 15, "content");
		put_text(&f->out, 1, "id");
		put_bytes(&f->out, 3,
			  BYTES("\x0a\x03"
				"a@b"));
		if (order == 1)
			put_text(&f->out, 15, "content");
		put_text(&f->out, 4, "pool");
		put_text(&f->out, 5, "site");
		if (order == 2)
			put_text(&f->out, 15, "content");
		struct bytes in = buf_bytes(&f->out);
		assert_int_equal(delivery_request_decode(f->arena, in, &r, &f->why), OK);
		assert_bytes_are(r.content, "content");
		assert_bytes_are(r.site, "site");
		assert_true(r.content.data > in.data && r.content.data < in.data + in.len);
	}
}

static void test_a_large_content_costs_no_memory(void **state)
{
	struct fixture *f = *state;
	struct submission s;
	size_t size = 20u << 20;
	uint8_t *content = arena_zalloc(f->arena, 1, size);
	put_text(&f->out, 3, "a@b.example");
	put_bytes(&f->out, 15, bytes_from(content, size));
	size_t before = arena_bytes(f->arena);
	assert_int_equal(decode_submission(f, &s), OK);
	assert_int_equal(s.content.len, size);
	assert_true(arena_bytes(f->arena) - before < 65536);
}

static void test_each_broken_field_is_named(void **state)
{
	struct fixture *f = *state;
	static const struct {
		unsigned number;
		const char *text;
		enum err err;
		const char *reason;
	} cases[] = {
		{1, "a b", E_MALFORMED, "id: not printable ASCII"},
		{1, "caf\xc3\xa9", E_MALFORMED, "id: not printable ASCII"},
		{1, "0123456789012345678901234567890123456789012345678901234567890123x", E_TOO_BIG,
		 "id: too long"},
		{2, "a@b\r\nRCPT TO:<c@d>", E_MALFORMED, "sender: holds a control"},
		{2, "\xff@b", E_MALFORMED, "sender: not UTF-8"},
		{3, "", E_MALFORMED, "recipients[1]: missing"},
		{3, "a\n@b", E_MALFORMED, "recipients[1]: holds a control"},
		{4, "p\x1b[2J", E_MALFORMED, "pool: holds a control"},
		{4, "p\xc2\x9b", E_MALFORMED, "pool: holds a control"},
		{5, "\xed\xa0\x80", E_MALFORMED, "tenant: not UTF-8"},
		{7, "", E_MALFORMED, "tags[0]: missing"},
		{8, "\x12\x01v", E_MALFORMED, "metadata[0].name: missing"},
		{8, "\x0a\x01n\x12\x01\x07", E_MALFORMED, "metadata[0].value: holds a control"},
		{8, "\x0a\x01n\x0a\x01n", E_MALFORMED, "metadata[0].name: given twice"},
		{8, "\x08\x01", E_MALFORMED, "metadata[0].name: of another type"},
		{8, "\x0a\x05n", E_MALFORMED, "metadata[0]: not a Protocol Buffers message"},
		{9, "x", E_MALFORMED, "not_before_wall_ms: of another type"},
		{15, "again", E_MALFORMED, "content: given twice"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		buf_clear(&f->out);
		put_submission(&f->out);
		put_text(&f->out, cases[i].number, cases[i].text);
		assert_refused(f, cases[i].err, cases[i].reason);
	}
}

static void test_a_nul_is_refused_in_names_and_addresses(void **state)
{
	struct fixture *f = *state;
	for (unsigned number = 1; number <= 7; number++) {
		buf_clear(&f->out);
		put_submission(&f->out);
		put_bytes(&f->out, number, BYTES("a@b\0.example"));
		assert_refused(f, E_MALFORMED, number == 1 ? "not printable" : "control");
	}
}

static void test_times_out_of_this_world_are_refused(void **state)
{
	struct fixture *f = *state;
	static const uint64_t times[] = {(uint64_t)-1, (uint64_t)INT64_MAX, 253402300800000};
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		buf_clear(&f->out);
		put_submission(&f->out);
		put_number(&f->out, 10, times[i]);
		assert_refused(f, E_MALFORMED, "expires_wall_ms: not a time");
	}
}

static void test_what_is_required_is_missed(void **state)
{
	struct fixture *f = *state;
	assert_refused(f, E_MALFORMED, "recipients: missing");
	put_text(&f->out, 3, "a@b");
	assert_refused(f, E_MALFORMED, "content: missing");
	put_text(&f->out, 15, "");
	assert_refused(f, E_MALFORMED, "content: missing");
}

static void test_a_metadata_name_stands_once(void **state)
{
	struct fixture *f = *state;
	put_submission(&f->out);
	put_text(&f->out, 8, "\x0a\x01n\x12\x01v");
	put_text(&f->out, 8, "\x0a\x01n\x12\x01w");
	assert_refused(f, E_MALFORMED, "metadata: a name is there twice");
}

static void test_bytes_that_are_no_message_are_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *data;
		size_t len;
	} cases[] = {
		{"\x00", 1}, /* number 0 */
		{"\x0a", 1}, /* no length */
		{"\x0a\x05"
		 "ab",
		 4},							  /* shorter than told */
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},	  /* 2^64 - 1 bytes */
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* no varint */
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},	  /* past 64 bits */
		{"\x0b\x0c", 2},					  /* a group */
		{"\x0e", 1},						  /* type 6 */
		{"\x0f", 1},						  /* type 7 */
		{"\x48\x80", 2},					  /* a varint without end */
		{"\x0d\x01\x02\x03", 4},				  /* half a fixed32 */
		{"\x09\x01\x02\x03", 4},				  /* half a fixed64 */
		{"{\"sender\":\"a@b\"}", 16},
		{"\x1f\x8b\x08\x00", 4},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		buf_clear(&f->out);
		put_raw(&f->out, bytes_from(cases[i].data, cases[i].len));
		assert_refused(f, E_MALFORMED, "not a Protocol Buffers message");
	}
}

static void test_a_flood_of_items_is_refused_before_it_costs(void **state)
{
	struct fixture *f = *state;
	struct delivery_request r;
	struct result_batch batch;
	size_t count = 2000000;
	uint8_t *flood = arena_alloc(f->arena, 2 * count);
	size_t before = arena_bytes(f->arena);
	for (size_t i = 0; i < count; i++)
		memcpy(flood + 2 * i, "\x1a\x00", 2);
	assert_int_equal(
		delivery_request_decode(f->arena, bytes_from(flood, 2 * count), &r, &f->why),
		E_TOO_BIG);
	assert_string_equal(f->why.text, "recipients[10000]: too many");
	for (size_t i = 0; i < count; i++)
		memcpy(flood + 2 * i, "\x0a\x00", 2);
	assert_int_equal(
		result_batch_decode(f->arena, bytes_from(flood, 2 * count), &batch, &f->why),
		E_TOO_BIG);
	assert_string_equal(f->why.text, "results[1000]: too many");
	for (size_t i = 0; i < count; i++)
		memcpy(flood + 2 * i, "\x78\x00", 2);
	assert_int_equal(
		result_batch_decode(f->arena, bytes_from(flood, 2 * count), &batch, &f->why),
		E_TOO_BIG);
	assert_string_equal(f->why.text, "too many unknown fields");
	assert_true(arena_bytes(f->arena) - before < 65536);
}

static void test_more_than_the_head_may_hold_is_refused(void **state)
{
	struct fixture *f = *state;
	size_t size = SCHEMA_HEAD_MAX;
	put_submission(&f->out);
	put_bytes(&f->out, 99, bytes_from(arena_zalloc(f->arena, 1, size), size));
	assert_refused(f, E_TOO_BIG, "beside the content");
}

static void test_unknown_fields_of_a_later_version_are_passed_over(void **state)
{
	struct fixture *f = *state;
	struct submission s;
	put_submission(&f->out);
	put_text(&f->out, 200, "new");
	put_number(&f->out, 201, 7);
	put_raw(&f->out, BYTES("\xd5\x0c"
			       "1234")); /* fixed32 202 */
	assert_int_equal(decode_submission(f, &s), OK);
	assert_int_equal(s.recipient_count, 1);
}

static void test_ten_thousand_recipients_are_taken(void **state)
{
	struct fixture *f = *state;
	struct submission s = {.content = BYTES("x"), .recipient_count = SCHEMA_RECIPIENTS_MAX};
	s.recipients = arena_zalloc(f->arena, s.recipient_count, sizeof *s.recipients);
	for (size_t i = 0; i < s.recipient_count; i++)
		s.recipients[i] = bytes_of(arena_printf(f->arena, "user%zu@example.com", i));
	assert_int_equal(submission_encode(&s, &f->out), OK);
	struct submission back;
	assert_int_equal(decode_submission(f, &back), OK);
	assert_int_equal(back.recipient_count, SCHEMA_RECIPIENTS_MAX);
	assert_bytes_are(back.recipients[9999], "user9999@example.com");
}

static void test_an_unknown_event_is_refused(void **state)
{
	struct fixture *f = *state;
	struct result_batch batch;
	put_bytes(&f->out, 1,
		  BYTES("\x0a\x01i\x12\x03"
			"a@b\x20\x07"));
	assert_int_equal(result_batch_decode(f->arena, buf_bytes(&f->out), &batch, &f->why),
			 E_MALFORMED);
	assert_string_equal(f->why.text, "results[0].event: unknown value");
	buf_clear(&f->out);
	put_bytes(&f->out, 1,
		  BYTES("\x0a\x01i\x12\x03"
			"a@b"));
	assert_int_equal(result_batch_decode(f->arena, buf_bytes(&f->out), &batch, &f->why),
			 E_MALFORMED);
	assert_string_equal(f->why.text, "results[0].event: missing");
}

static void test_suppressing_names_an_address(void **state)
{
	struct fixture *f = *state;
	struct directive d;
	put_number(&f->out, 1, DIRECTIVE_SUPPRESS);
	assert_int_equal(directive_decode(f->arena, buf_bytes(&f->out), &d, &f->why), E_MALFORMED);
	assert_string_equal(f->why.text, "suppression: missing");
	put_text(&f->out, 9, "");
	assert_int_equal(directive_decode(f->arena, buf_bytes(&f->out), &d, &f->why), E_MALFORMED);
	assert_string_equal(f->why.text, "suppression.address: missing");
	buf_clear(&f->out);
	put_number(&f->out, 1, DIRECTIVE_SUSPEND);
	assert_int_equal(directive_decode(f->arena, buf_bytes(&f->out), &d, &f->why), OK);
	assert_false(d.has_suppression);
}

static void test_a_recall_names_a_campaign(void **state)
{
	struct fixture *f = *state;
	struct directive d;
	put_number(&f->out, 1, DIRECTIVE_RECALL);
	assert_int_equal(directive_decode(f->arena, buf_bytes(&f->out), &d, &f->why), E_MALFORMED);
	assert_string_equal(f->why.text, "campaign: missing");
}

static void test_a_full_buffer_gets_nothing(void **state)
{
	struct fixture *f = *state;
	struct submission s;
	struct buf small;
	assert_int_equal(submission_decode(f->arena, golden(f, "submission.bin"), &s, &f->why), OK);
	for (size_t max = 0; max < golden(f, "submission.bin").len; max++) {
		buf_init(&small, max);
		assert_int_equal(submission_encode(&s, &small), E_FULL);
		assert_int_equal(small.len, 0);
		buf_done(&small);
	}
	buf_init(&small, golden(f, "submission.bin").len);
	assert_int_equal(submission_encode(&s, &small), OK);
	buf_done(&small);
}

static void test_a_cut_message_is_never_taken_for_a_whole_one(void **state)
{
	struct fixture *f = *state;
	struct delivery_request r;
	struct bytes in = golden(f, "delivery_request.bin");
	for (size_t len = 0; len < in.len; len++) {
		uint8_t *cut = memcpy(arena_alloc(f->arena, len), in.data, len);
		assert_int_not_equal(
			delivery_request_decode(f->arena, bytes_from(cut, len), &r, &f->why), OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_fixture(test_content_is_borrowed_wherever_it_stands),
		test_with_fixture(test_a_large_content_costs_no_memory),
		test_with_fixture(test_each_broken_field_is_named),
		test_with_fixture(test_a_nul_is_refused_in_names_and_addresses),
		test_with_fixture(test_times_out_of_this_world_are_refused),
		test_with_fixture(test_what_is_required_is_missed),
		test_with_fixture(test_a_metadata_name_stands_once),
		test_with_fixture(test_bytes_that_are_no_message_are_refused),
		test_with_fixture(test_a_flood_of_items_is_refused_before_it_costs),
		test_with_fixture(test_more_than_the_head_may_hold_is_refused),
		test_with_fixture(test_unknown_fields_of_a_later_version_are_passed_over),
		test_with_fixture(test_ten_thousand_recipients_are_taken),
		test_with_fixture(test_an_unknown_event_is_refused),
		test_with_fixture(test_suppressing_names_an_address),
		test_with_fixture(test_a_recall_names_a_campaign),
		test_with_fixture(test_a_full_buffer_gets_nothing),
		test_with_fixture(test_a_cut_message_is_never_taken_for_a_whole_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
