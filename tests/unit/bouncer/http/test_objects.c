#include "tests/check.h"

#include <string.h>

#include "bouncer/http/objects.h"

/* The objects joined by '|', and what ended them. */
static enum err split(const char *text, char out[256])
{
	struct objects objects;
	struct bytes object;
	enum err err;
	out[0] = '\0';
	objects_init(&objects, bytes_of(text));
	while (!(err = objects_next(&objects, &object))) {
		strncat(out, (const char *)object.data, object.len);
		strcat(out, "|");
	}
	return err;
}

static void test_a_list_and_lines_are_the_same(void **state)
{
	static const char *const texts[] = {
		"[{\"a\":1},{\"b\":[{}]}]",
		" [ {\"a\":1} , {\"b\":[{}]} ] \n",
		"{\"a\":1}\n{\"b\":[{}]}",
		"\r\n{\"a\":1}\r\n\r\n{\"b\":[{}]}\r\n",
	};
	char out[256];
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_int_equal(split(texts[i], out), E_NOT_FOUND);
		assert_string_equal(out, "{\"a\":1}|{\"b\":[{}]}|");
	}
}

static void test_nothing_is_an_empty_list(void **state)
{
	char out[256];
	(void)state;
	assert_int_equal(split("", out), E_NOT_FOUND);
	assert_int_equal(split("[]", out), E_NOT_FOUND);
	assert_int_equal(split(" \n ", out), E_NOT_FOUND);
}

static void test_braces_and_quotes_in_texts_are_text(void **state)
{
	char out[256];
	(void)state;
	assert_int_equal(split("[{\"a\":\"}\\\"]{\"}]", out), E_NOT_FOUND);
	assert_string_equal(out, "{\"a\":\"}\\\"]{\"}|");
}

static void test_what_is_not_such_a_text_is_refused(void **state)
{
	static const char *const texts[] = {"[{}",     "[{},]",	 "[{}{}]", "[,{}]",   "{\"a\":1",
					    "{}]",     "[{}] x", "x",	   "[1]",     "{},{}",
					    "[{\"a\\", "{\"",	 "[",	   "[{}][{}]"};
	char out[256];
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(split(texts[i], out), E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_list_and_lines_are_the_same),
		cmocka_unit_test(test_nothing_is_an_empty_list),
		cmocka_unit_test(test_braces_and_quotes_in_texts_are_text),
		cmocka_unit_test(test_what_is_not_such_a_text_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
