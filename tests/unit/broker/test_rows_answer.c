/* Rows survive their way through answers; what is none of them is not read. */
#include "broker/rows_answer.h"

#include "tests/check.h"

static void test_rows_come_as_they_went(void **state)
{
	struct buf out;
	uint32_t number;
	bool is_last;
	struct bytes rows, key, value;
	(void)state;
	buf_init(&out, ROWS_ANSWER_MAX);
	rows_answer_begin(&out, 7);
	assert_int_equal(rows_answer_add(&out, BYTES("a"), BYTES("first")), OK);
	assert_int_equal(rows_answer_add(&out, BYTES("b"), BYTES_NONE), OK);
	rows_answer_close(&out, true);
	assert_int_equal(rows_answer_read(buf_bytes(&out), &number, &is_last, &rows), OK);
	assert_int_equal(number, 7);
	assert_true(is_last);
	assert_true(rows_answer_next(&rows, &key, &value));
	assert_true(bytes_is(key, "a") && bytes_is(value, "first"));
	assert_true(rows_answer_next(&rows, &key, &value));
	assert_true(bytes_is(key, "b") && value.len == 0);
	assert_false(rows_answer_next(&rows, &key, &value));
	buf_done(&out);
}

static void test_an_answer_has_an_end(void **state)
{
	static const uint8_t much[ROWS_ANSWER_MAX];
	struct buf out;
	(void)state;
	buf_init(&out, ROWS_ANSWER_MAX);
	rows_answer_begin(&out, 0);
	assert_int_equal(rows_answer_add(&out, BYTES("k"), bytes_from(much, sizeof much)),
			 E_TOO_BIG);
	assert_int_equal(rows_answer_add(&out, BYTES("k"), bytes_from(much, sizeof much / 2)), OK);
	assert_int_equal(rows_answer_add(&out, BYTES("k"), bytes_from(much, sizeof much / 2)),
			 E_FULL);
	buf_done(&out);
}

static void test_what_is_cut_is_not_read_further(void **state)
{
	struct buf out;
	uint32_t number;
	bool is_last;
	struct bytes rows, key, value;
	(void)state;
	buf_init(&out, ROWS_ANSWER_MAX);
	rows_answer_begin(&out, 0);
	assert_int_equal(rows_answer_add(&out, BYTES("key"), BYTES("value")), OK);
	rows_answer_close(&out, false);
	for (size_t len = 0; len < out.len; len++) {
		struct bytes cut = bytes_first(buf_bytes(&out), len);
		if (rows_answer_read(cut, &number, &is_last, &rows) == OK)
			assert_false(rows_answer_next(&rows, &key, &value));
	}
	assert_int_equal(rows_answer_read(BYTES("\1\2\3\4\5\6\7\10"), &number, &is_last, &rows),
			 E_MALFORMED);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_come_as_they_went),
		cmocka_unit_test(test_an_answer_has_an_end),
		cmocka_unit_test(test_what_is_cut_is_not_read_further),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
