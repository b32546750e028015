/* A record is read as it was written, to the byte of the golden files; bytes that are no record are refused, not read past. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "broker/embedded/packet/record.h"
#include "lib/base/memory.h"

#define HEAD_SIZE 38 /* up to the first text */

static const struct record inline_record = {
	.exchange = EXCHANGE_DELIVER,
	.since_wall_ms = 1795252800123,
	.body_size = 20,
	.key = "news.gmail",
	.message_id = "01KAJ7WZ0G3K5N8Q2R4T6V8X0Z",
	.content_type = "application/x-protobuf",
	.content_encoding = "",
	.reason = "",
	.body = {(const uint8_t *)"Subject: hello\r\n\r\n\0\xff", 20},
};

static const struct record file_record = {
	.exchange = EXCHANGE_BURIED,
	.since_wall_ms = 1795252800124,
	.file = 0x0123456789abcdef,
	.body_size = 26214400,
	.key = "news.gmail",
	.message_id = "",
	.content_type = "text/plain",
	.content_encoding = "gzip",
	.reason = "it cannot be read",
};

static struct shared *golden(const char *name)
{
	char path[1024];
	struct shared *shared = NULL;
	(void)snprintf(path, sizeof path, "%s/tests/golden/embedded/%s", LEVERET_SOURCE_DIR, name);
	assert_int_equal(shared_map(path, &shared, NULL), OK);
	return shared;
}

static void assert_records_equal(const struct record *a, const struct record *b)
{
	assert_int_equal(a->exchange, b->exchange);
	assert_true(a->since_wall_ms == b->since_wall_ms);
	assert_true(a->file == b->file);
	assert_true(a->body_size == b->body_size);
	assert_string_equal(a->key, b->key);
	assert_string_equal(a->message_id, b->message_id);
	assert_string_equal(a->content_type, b->content_type);
	assert_string_equal(a->content_encoding, b->content_encoding);
	assert_string_equal(a->reason, b->reason);
	assert_true(bytes_equal(a->body, b->body));
}

static struct shared *encoded(const struct record *record, struct bytes tail)
{
	struct shared *shared = NULL;
	assert_int_equal(record_encode(record, tail, &shared), OK);
	return shared;
}

static void assert_golden(const char *name, const struct record *expected)
{
	struct shared *file = golden(name);
	struct record record;
	assert_int_equal(record_parse(shared_bytes(file), &record), OK);
	assert_records_equal(&record, expected);
	struct shared *again = encoded(expected, BYTES_NONE);
	assert_true(bytes_equal(shared_bytes(again), shared_bytes(file)));
	shared_unref(&again);
	shared_unref(&file);
}

static void test_golden_bytes_are_read_and_written(void **state)
{
	(void)state;
	assert_golden("record_v1_inline.bin", &inline_record);
	assert_golden("record_v1_file.bin", &file_record);
}

static void test_a_body_in_two_parts_is_one_body(void **state)
{
	(void)state;
	struct shared *whole = encoded(&inline_record, BYTES_NONE);
	for (size_t cut = 0; cut <= inline_record.body.len; cut++) {
		struct record record = inline_record;
		record.body = bytes_first(inline_record.body, cut);
		struct shared *parts = encoded(&record, bytes_skip(inline_record.body, cut));
		assert_true(bytes_equal(shared_bytes(parts), shared_bytes(whole)));
		shared_unref(&parts);
	}
	shared_unref(&whole);
}

static void test_texts_may_be_absent_and_the_body_empty(void **state)
{
	(void)state;
	struct record bare = {.exchange = EXCHANGE_SUBMIT, .since_wall_ms = -1}, record;
	struct shared *shared = encoded(&bare, BYTES_NONE);
	assert_int_equal(shared_bytes(shared).len, HEAD_SIZE + 5);
	assert_int_equal(record_parse(shared_bytes(shared), &record), OK);
	assert_string_equal(record.key, "");
	assert_string_equal(record.reason, "");
	assert_true(record.since_wall_ms == -1);
	assert_int_equal(record.body.len, 0);
	shared_unref(&shared);
}

static void test_a_text_has_a_longest_length(void **state)
{
	(void)state;
	char text[RECORD_TEXT_MAX + 2];
	memset(text, 'x', sizeof text);
	text[RECORD_TEXT_MAX + 1] = '\0';
	struct record record = inline_record, parsed;
	struct shared *shared = NULL;
	record.reason = text;
	assert_int_equal(record_encode(&record, BYTES_NONE, &shared), E_TOO_BIG);
	assert_null(shared);
	text[RECORD_TEXT_MAX] = '\0';
	shared = encoded(&record, BYTES_NONE);
	assert_int_equal(record_parse(shared_bytes(shared), &parsed), OK);
	assert_string_equal(parsed.reason, text);
	shared_unref(&shared);
}

/* Each prefix stands in an allocation of its own size, so that reading past it is seen by AddressSanitizer. */
static void test_no_prefix_of_a_record_is_a_record(void **state)
{
	(void)state;
	struct shared *whole = golden("record_v1_inline.bin");
	for (size_t len = 0; len < shared_bytes(whole).len; len++) {
		struct record record;
		uint8_t *piece = memory_new(len);
		memcpy(piece, shared_bytes(whole).data, len);
		assert_int_equal(record_parse(bytes_from(piece, len), &record), E_MALFORMED);
		free(piece);
	}
	shared_unref(&whole);
}

static void test_bytes_that_are_no_record_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
	} cases[] = {
		{"another version", 0, 2},
		{"an unknown exchange", 1, EXCHANGE_EVENTS + 1},
		{"flags nobody defined", 2, 1},
		{"more flags", 3, 0x80},
		{"a file and a body", 12, 1},
		{"a body shorter than what stands", 20, 19},
		{"a body longer", 20, 21},
		{"a huge body", 27, 0xff},
		{"a key that ends early", 28, 9},
		{"a key that ends late", 28, 11},
		{"a key too long", 29, 0x40},
		{"a NUL inside a text", HEAD_SIZE + 3, 0},
		{"no NUL behind a text", HEAD_SIZE + 10, 'x'},
	};
	struct shared *whole = golden("record_v1_inline.bin");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct record record;
		struct shared *changed = shared_copy(shared_bytes(whole));
		uint8_t *data = (uint8_t *)(uintptr_t)shared_bytes(changed).data;
		assert_int_not_equal(data[cases[i].at], cases[i].value);
		data[cases[i].at] = cases[i].value;
		enum err err = record_parse(shared_bytes(changed), &record);
		if (err != E_MALFORMED)
			print_error("%s was taken\n", cases[i].what);
		assert_int_equal(err, E_MALFORMED);
		shared_unref(&changed);
	}
	shared_unref(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_bytes_are_read_and_written),
		cmocka_unit_test(test_a_body_in_two_parts_is_one_body),
		cmocka_unit_test(test_texts_may_be_absent_and_the_body_empty),
		cmocka_unit_test(test_a_text_has_a_longest_length),
		cmocka_unit_test(test_no_prefix_of_a_record_is_a_record),
		cmocka_unit_test(test_bytes_that_are_no_record_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
