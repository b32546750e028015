#include "broker/rabbitmq/entry.h"

#include "tests/check.h"

static void test_an_entry_is_read_as_it_was_written(void **state)
{
	static const struct table_entry entries[] = {
		{{(const uint8_t *)"a@x.test", 8}, {(const uint8_t *)"why\0not", 7}, UINT64_MAX},
		{{(const uint8_t *)"\xff\0", 2}, {NULL, 0}, 0},
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf out;
		struct table_entry read;
		enum entry_kind kind, written = i == 0 ? ENTRY_SET : ENTRY_REMOVED;
		buf_init(&out, 1000);
		assert_int_equal(entry_write(written, &entries[i], &out), OK);
		assert_int_equal(entry_read(buf_bytes(&out), &kind, &read), OK);
		assert_int_equal(kind, written);
		assert_true(bytes_equal(read.key, entries[i].key));
		assert_true(bytes_equal(read.value, entries[i].value));
		assert_int_equal(read.version, entries[i].version);
		buf_done(&out);
	}
}

static const struct {
	const char *bytes;
	size_t len;
} malformed[] = {
#define CASE(bytes)                                                                                \
	{                                                                                          \
		bytes, sizeof(bytes) - 1                                                           \
	}
	CASE(""),
	CASE("\1"),
	CASE("\1\0\0\0\0\0\0\0\0\0\0\0"),
	CASE("\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	CASE("\4\0\0\0\0\0\0\0\0\0\0\0\0"),
	CASE("\1\0\0\0\0\0\0\0\0\0\0\0\1"),
	CASE("\1\0\0\0\0\0\0\0\0\xff\xff\xff\xff key"),
};

static void test_malformed_entries_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
		enum entry_kind kind;
		struct table_entry entry;
		assert_int_equal(
			entry_read(bytes_from(malformed[i].bytes, malformed[i].len), &kind, &entry),
			E_MALFORMED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_entry_is_read_as_it_was_written),
		cmocka_unit_test(test_malformed_entries_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
