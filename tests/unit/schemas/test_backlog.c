/* Exported messages come back as they were; what was cut or changed is seen. */
#include "tests/check.h"

#include <string.h>

#include "schemas/backlog.h"

static const struct backlog_record sample = {
	.not_before_wall_ms = 1795252800123,
	.exchange = {(const uint8_t *)"deliver", 7},
	.key = {(const uint8_t *)"default.gmail", 13},
	.message_id = {(const uint8_t *)"01J", 3},
	.content_type = {(const uint8_t *)"application/x-protobuf", 22},
	.queue = {(const uint8_t *)"waiting", 7},
	.body = {(const uint8_t *)"b\0dy\n", 5},
};

static void write_sample(struct buf *out)
{
	buf_init(out, 1 << 20);
	assert_int_equal(backlog_write(&sample, out), OK);
	assert_int_equal(backlog_write(&(struct backlog_record){.is_end = true, .count = 1}, out),
			 OK);
}

static void test_a_message_comes_back_as_it_was(void **state)
{
	(void)state;
	struct buf out;
	struct backlog_record got;
	struct why why = {""};
	size_t len = 0;
	write_sample(&out);
	assert_int_equal(backlog_read(buf_bytes(&out), &got, &len, &why), OK);
	assert_false(got.is_end);
	assert_int_equal(got.not_before_wall_ms, sample.not_before_wall_ms);
	assert_true(bytes_equal(got.exchange, sample.exchange));
	assert_true(bytes_equal(got.key, sample.key));
	assert_true(bytes_equal(got.message_id, sample.message_id));
	assert_true(bytes_equal(got.content_type, sample.content_type));
	assert_int_equal(got.content_encoding.len, 0);
	assert_int_equal(got.reason.len, 0);
	assert_true(bytes_equal(got.queue, sample.queue));
	assert_true(bytes_equal(got.body, sample.body));
	buf_consume(&out, len);
	assert_int_equal(backlog_read(buf_bytes(&out), &got, &len, &why), OK);
	assert_true(got.is_end);
	assert_int_equal(got.count, 1);
	assert_int_equal(len, out.len);
	buf_done(&out);
}

static void test_a_cut_record_is_awaited(void **state)
{
	(void)state;
	struct buf out;
	struct backlog_record got;
	struct why why = {""};
	size_t whole = 0, need = 0;
	write_sample(&out);
	assert_int_equal(backlog_read(buf_bytes(&out), &got, &whole, &why), OK);
	for (size_t len = 0; len < whole; len++) {
		assert_int_equal(backlog_read(bytes_first(buf_bytes(&out), len), &got, &need, &why),
				 E_NOT_FOUND);
		assert_true(need > len && need <= whole);
	}
	buf_done(&out);
}

/* Every single byte counts: a changed one is an error, a longer wait, or (kind, lengths) never the same message. */
static void test_a_changed_byte_is_seen(void **state)
{
	(void)state;
	struct buf out;
	struct backlog_record got;
	struct why why = {""};
	size_t whole = 0, len = 0;
	write_sample(&out);
	assert_int_equal(backlog_read(buf_bytes(&out), &got, &whole, &why), OK);
	for (size_t i = 0; i < whole; i++) {
		out.data[out.start + i] ^= 0x01;
		assert_int_not_equal(
			backlog_read(bytes_first(buf_bytes(&out), whole), &got, &len, &why), OK);
		out.data[out.start + i] ^= 0x01;
	}
	buf_done(&out);
}

static void test_lengths_are_bounded(void **state)
{
	(void)state;
	static uint8_t text[BACKLOG_TEXT_MAX + 1];
	struct backlog_record record = {.key = bytes_from(text, sizeof text)}, got;
	struct why why = {""};
	struct buf out;
	size_t len = 0;
	memset(text, 'k', sizeof text);
	buf_init(&out, 1 << 20);
	assert_int_equal(backlog_write(&record, &out), E_TOO_BIG);
	record.key.len--;
	assert_int_equal(backlog_write(&record, &out), OK);
	assert_int_equal(backlog_read(buf_bytes(&out), &got, &len, &why), OK);
	assert_int_equal(got.key.len, BACKLOG_TEXT_MAX);
	buf_done(&out);

	buf_init(&out, 40); /* no room: nothing of it is there */
	assert_int_equal(backlog_write(&record, &out), E_FULL);
	assert_int_equal(out.len, 0);
	buf_done(&out);

	static const uint8_t huge[13] = {'M', 8, 0, 0, 0, 0, 0, 0, 0xff};
	assert_int_equal(backlog_read(bytes_from(huge, sizeof huge), &got, &len, &why), E_TOO_BIG);
	assert_int_equal(backlog_read(BYTES("From: a@b"), &got, &len, &why), E_MALFORMED);
}

static void test_a_nul_is_refused(void **state)
{
	(void)state;
	struct backlog_record record = {.key = BYTES("a\0b")}, got;
	struct why why = {""};
	struct buf out;
	size_t len = 0;
	buf_init(&out, 1 << 20);
	assert_int_equal(backlog_write(&record, &out), OK);
	assert_int_equal(backlog_read(buf_bytes(&out), &got, &len, &why), E_MALFORMED);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_comes_back_as_it_was),
		cmocka_unit_test(test_a_cut_record_is_awaited),
		cmocka_unit_test(test_a_changed_byte_is_seen),
		cmocka_unit_test(test_lengths_are_bounded),
		cmocka_unit_test(test_a_nul_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
