/* Base 64: each run of bytes has one text, and no other text is taken. */
#include "fixture_schemas.h"
#include "schemas/base64.h"

static void test_only_the_one_right_text_is_taken(void **state)
{
	struct fixture *f = *state;
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
		enum err err = base64_decode(f->arena, bytes_of(cases[i].in), &out);
		if (err != (cases[i].out ? OK : E_MALFORMED))
			fail_msg("%s: %s", cases[i].in, err_text(err));
		assert_bytes_are(out, cases[i].out ? cases[i].out : "untouched");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_fixture(test_only_the_one_right_text_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
