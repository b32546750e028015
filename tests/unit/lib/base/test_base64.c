/* Base 64: each run of bytes has one text, and no other text is taken. */
#include "tests/check.h"

#include <stdio.h>

#include "lib/base/base64.h"

static void test_only_the_one_right_text_is_taken(void **state)
{
	struct arena *arena = arena_new();
	(void)state;
	static const struct {
		const char *in, *out; /* NULL: refused */
	} cases[] = {
		{"", ""},
		{"Zg==", "f"},
		{"Zm8=", "fo"},
		{"Zm9v", "foo"},
		{"Zm9vYg==", "foob"},
		{"Zm9vYmE=", "fooba"},
		{"Zm9vYmFy", "foobar"},
		{"+/+/", "\xfb\xff\xbf"},
		{"Zg", NULL},
		{"Zg=", NULL},
		{"Zg===", NULL},
		{"====", NULL},
		{"Z===", NULL},
		{"=", NULL},
		{"Zh==", NULL},
		{"Zm9=", NULL},
		{"Zg==Zg==", NULL},
		{"Zm9v\n", NULL},
		{"Zm 9v", NULL},
		{"Z-_v", NULL},
		{"Zm9v====", NULL},
		{"Zg=v", NULL},
		{"\xc3\xa9Zg", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bytes out = BYTES("untouched");
		enum err err = base64_decode(arena, bytes_of(cases[i].in), &out);
		if (err != (cases[i].out ? OK : E_MALFORMED))
			print_error("case: %s\n", cases[i].in);
		assert_int_equal(err, cases[i].out ? OK : E_MALFORMED);
		assert_true(bytes_is(out, cases[i].out ? cases[i].out : "untouched"));
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_the_one_right_text_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
