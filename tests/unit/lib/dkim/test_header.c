/* Headers as they will stand on the wire. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "lib/dkim/header.h"

/* "name|whole" of each field, then "=body", or the error. */
static void read(const char *message, char out[1000])
{
	struct arena *arena = arena_new();
	struct header header;
	struct why why = {""};
	size_t len = 0;
	enum err err = header_read(arena, bytes_of(message), &header, &why);
	out[0] = '\0';
	if (err != OK) {
		(void)snprintf(out, 1000, "%s", err_text(err));
		arena_free(&arena);
		return;
	}
	for (size_t i = 0; i < header.field_count; i++)
		len += (size_t)snprintf(out + len, 1000 - len, "%.*s|%.*s",
					BYTES_ARGS(header.fields[i].name),
					BYTES_ARGS(header.fields[i].whole));
	(void)snprintf(out + len, 1000 - len, "=%.*s", BYTES_ARGS(header.body));
	arena_free(&arena);
}

static void test_headers(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"A: 1\r\nB: 2\r\n\r\nbody", "A|A: 1\r\nB|B: 2\r\n=body"},
		{"A: 1\r\n\r\n", "A|A: 1\r\n="},
		{"A: 1", "A|A: 1\r\n="},
		{"A: 1\r\n", "A|A: 1\r\n="},
		{"", "="},
		{"\r\nbody", "=body"},
		{"A: 1\r\n 2\r\n\t3\r\n\r\nbody", "A|A: 1\r\n 2\r\n\t3\r\n=body"},
		{"A: 1\r\n \r\nB: 2\r\n\r\n", "A|A: 1\r\n \r\nB|B: 2\r\n="},
		{"A : 1\r\n\r\n", "A|A : 1\r\n="},
		{"A: 1\nB: 2\n\nbody", "A|A: 1\r\nB|B: 2\r\n=body"},
		{"A: 1\rB: 2\r\n\r\n", "A|A: 1 B: 2\r\n="},
		{"A: 1\r\r\n\r\r\nB: 2\r\n\r\n", "A|A: 1 \r\n \r\nB|B: 2\r\n="},
		{"A: 1\n\r\nbody", "A|A: 1\r\n=body"},
		{"A: 1\n\r", "A|A: 1\r\n \r\n="},
		{"no field\r\n\r\n", "malformed"},
		{"A: 1\r\nno field\r\n\r\n", "malformed"},
		{": 1\r\n\r\n", "malformed"},
		{" A: 1\r\n\r\n", "malformed"},
		{"A\x80: 1\r\n\r\n", "malformed"},
	};
	char out[1000];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		read(cases[i].in, out);
		assert_string_equal(out, cases[i].out);
	}
}

static void test_a_field_is_found_without_reading_on(void **state)
{
	struct header_field field;
	(void)state;
	assert_int_equal(
		header_field_find(BYTES("A: 1\r\nFROM: x\r\n y\r\nno field"), "from", &field), OK);
	assert_true(bytes_is(field.value, " x\r\n y\r\n"));
	assert_int_equal(header_field_find(BYTES("A: 1\r\n\r\nFrom: x\r\n"), "from", &field),
			 E_NOT_FOUND);
	assert_int_equal(header_field_find(BYTES("no field\r\nFrom: x\r\n"), "from", &field),
			 E_MALFORMED);
}

static void test_too_many_fields_are_refused(void **state)
{
	static char text[5 * (HEADER_FIELDS_MAX + 1) + 1];
	char out[1000];
	(void)state;
	for (size_t i = 0; i <= HEADER_FIELDS_MAX; i++)
		memcpy(text + 5 * i, "A:1\r\n", 5);
	read(text, out);
	assert_string_equal(out, "too big");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_a_field_is_found_without_reading_on),
		cmocka_unit_test(test_too_many_fields_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
