/* Templates: what is written comes out as documented; what is wrong is refused with its line; nothing makes them work without end. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "lib/template/template.h"

struct expanded {
	enum err err;
	char text[512];
	struct why why;
};

static struct expanded expand(const char *text, const char *own, const char *shared,
			      enum template_form form)
{
	struct expanded ret = {0};
	struct arena *arena = arena_new();
	struct template *template = NULL;
	struct template_values *values = NULL;
	struct buf out;
	buf_init(&out, sizeof ret.text - 1);
	ret.err = template_parse(arena, bytes_of(text), &template, &ret.why);
	if (ret.err == OK)
		ret.err = template_values_read(bytes_of(own), bytes_of(shared), &values, &ret.why);
	if (ret.err == OK)
		ret.err = template_expand(template, values, form, &out);
	memcpy(ret.text, buf_bytes(&out).data ? (const char *)buf_bytes(&out).data : "",
	       buf_bytes(&out).len);
	template_values_free(&values);
	buf_done(&out);
	arena_free(&arena);
	return ret;
}

#define VALUES                                                                                     \
	"{\"name\": \"Ada & <Co>\", \"n\": 3, \"r\": 1.10, \"big\": 9007199254740993, "            \
	"\"yes\": true, \"no\": false, \"nil\": null, \"zero\": 0, \"empty\": [], \"void\": "      \
	"\"\", "                                                                                   \
	"\"person\": {\"first\": \"Ada\", \"tags\": [\"x\", \"y\"]}, "                             \
	"\"items\": [{\"what\": \"hat\", \"n\": 1}, {\"what\": \"coat\"}], "                       \
	"\"grid\": [[1, 2], [3]], \"lines\": \"a\\r\\n\\tBcc: b\"}"
#define SHARED "{\"shop\": \"Leveret\", \"name\": \"nobody\"}"

static const struct {
	const char *text, *html;
} cases[] = {
	{"", ""},
	{"no tags } { }} here", "no tags } { }} here"},
	{"{{name}}", "Ada &amp; &lt;Co&gt;"},
	{"{{{name}}} {{&name}} {{& name }}", "Ada & <Co> Ada & <Co> Ada & <Co>"},
	{"{{ n }}/{{r}}/{{big}}/{{yes}}/{{no}}/{{nil}}/{{none}}/{{items}}/{{person}}",
	 "3/1.1/9007199254740993/true/false////"},
	{"{{shop}} {{@root.shop}}", "Leveret Leveret"},
	{"{{person.first}} {{person.tags.1}} {{person.tags.2}} {{person.first.x}}", "Ada y  "},
	{"{{#if yes}}a{{/if}}{{#if no}}b{{/if}}{{#if nil}}c{{/if}}{{#if zero}}d{{/if}}"
	 "{{#if empty}}e{{/if}}{{#if void}}f{{/if}}{{#if none}}g{{/if}}{{#if person}}h{{/if}}",
	 "ah"},
	{"{{#if no}}a{{else}}b{{/if}}{{#unless no}}c{{else}}d{{/unless}}", "bc"},
	{"{{#each items}}{{@index}}{{@number}}{{what}}{{n}}{{#if @last}}.{{else}},{{/if}}{{/each}}",
	 "01hat1,12coat3."},
	{"{{#each items}}{{this.n}};{{/each}}", "1;;"},
	{"{{#each person.tags}}{{this}}{{.}}{{/each}}{{#each empty}}a{{else}}none{{/each}}",
	 "xxyynone"},
	{"{{#each grid}}{{#each this}}{{@first}}{{this}} {{/each}}|{{/each}}",
	 "true1 false2 |true3 |"},
	{"a{{! a {{ comment }}b", "ab"},
	{"\\{{name}} \\{{{x}}}", "{{name}} {{{x}}}"},
	{"one\n{{#if yes}}\ntwo\n  {{/if}}  \r\nthree{{! x }}\n", "one\ntwo\nthree\n"},
	{"{{#if yes}} x {{/if}}\n", " x \n"},
	{"{{@index}}{{this}}{{@nothing}}", "0"},
};

static void test_every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct expanded e = expand(cases[i].text, VALUES, SHARED, TEMPLATE_HTML);
		if (e.err != OK || strcmp(e.text, cases[i].html) != 0)
			print_error("%s: %s\n", cases[i].text, e.why.text);
		assert_int_equal(e.err, OK);
		assert_string_equal(e.text, cases[i].html);
	}
}

static void test_plain_text_is_not_escaped_and_a_line_stays_one(void **state)
{
	(void)state;
	assert_string_equal(expand("{{name}}", VALUES, "", TEMPLATE_TEXT).text, "Ada & <Co>");
	assert_string_equal(expand("{{lines}}", VALUES, "", TEMPLATE_LINE).text, "a Bcc: b");
	assert_string_equal(expand("{{{lines}}}", VALUES, "", TEMPLATE_LINE).text, "a Bcc: b");
}

static const struct {
	const char *text, *why;
} wrong[] = {
	{"a\nb {{name", "line 2: a tag without its end"},
	{"{{name}", "line 1: a tag without its end"},
	{"{{{name}}", "line 1: a tag without its end"},
	{"{{a {{b}} }}", "line 1: a tag within a tag"},
	{"{{}}", "line 1: a tag that holds no path of a value"},
	{"{{a b}}", "line 1: a tag that holds no path of a value"},
	{"{{a..b}}", "line 1: a tag that holds no path of a value"},
	{"{{.a}}", "line 1: a tag that holds no path of a value"},
	{"{{a()}}", "line 1: a tag that holds no path of a value"},
	{"{{> part}}", "line 1: a tag that holds no path of a value"},
	{"{{#if}}{{/if}}", "line 1: a block that is not #if, #unless or #each"},
	{"{{#with a}}{{/with}}", "line 1: a block that is not #if, #unless or #each"},
	{"\n\n{{#if a}}", "line 3: a block without its end"},
	{"{{/if}}", "line 1: the end of a block that was not begun"},
	{"{{#if a}}{{/each}}", "line 1: the end of another block than the open one"},
	{"{{else}}", "line 1: an else without its block"},
	{"{{#if a}}{{else}}{{else}}{{/if}}", "line 1: an else without its block"},
};

static void test_what_is_wrong_is_told_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct expanded e = expand(wrong[i].text, "", "", TEMPLATE_TEXT);
		assert_int_equal(e.err, E_MALFORMED);
		assert_string_equal(e.why.text, wrong[i].why);
	}
}

/* {"b": {"b": {"b": ... 0}}} */
static const char *deep_values(void)
{
	static char values[1000];
	values[0] = '\0';
	for (int i = 0; i < 100; i++)
		(void)strcat(values, "{\"b\": ");
	(void)strcat(values, "0");
	for (int i = 0; i < 100; i++)
		(void)strcat(values, "}");
	return values;
}

/* A list of 100 items in loops of loops would make 10^32 letters. */
static void test_loops_in_loops_end(void **state)
{
	char text[600] = "", values[600] = "{\"a\": [0";
	(void)state;
	for (int i = 0; i < 99; i++)
		(void)strcat(values, ",0");
	(void)strcat(values, "]}");
	for (int i = 0; i < TEMPLATE_DEPTH_MAX; i++)
		(void)strcat(text, "{{#each a}}");
	for (int i = 0; i < TEMPLATE_DEPTH_MAX; i++)
		(void)strcat(text, "{{/each}}");
	assert_int_equal(expand(text, values, "", TEMPLATE_TEXT).err, E_TOO_BIG);
	/* 10,000 turns of a loop, each of which looks for a name of 80 parts. */
	(void)strcpy(text, "{{#each a}}{{#each a}}{{@root.b");
	for (int i = 0; i < 80; i++)
		(void)strcat(text, ".b");
	(void)strcat(text, "}}{{/each}}{{/each}}");
	assert_int_equal(expand(text, values, deep_values(), TEMPLATE_TEXT).err, E_TOO_BIG);
	(void)strcpy(text, "{{#each a}}{{#each a}}0123456789{{/each}}{{/each}}");
	assert_int_equal(expand(text, values, "", TEMPLATE_TEXT).err, E_FULL);
}

static void test_blocks_are_not_nested_without_end(void **state)
{
	char text[600] = "";
	(void)state;
	for (int i = 0; i <= TEMPLATE_DEPTH_MAX; i++)
		(void)strcat(text, "{{#if a}}");
	assert_int_equal(expand(text, "", "", TEMPLATE_TEXT).err, E_MALFORMED);
}

static void test_values_are_an_object(void **state)
{
	(void)state;
	assert_int_equal(expand("", "[]", "", TEMPLATE_TEXT).err, E_MALFORMED);
	assert_int_equal(expand("", "{", "", TEMPLATE_TEXT).err, E_MALFORMED);
	assert_int_equal(expand("", "{}", "1", TEMPLATE_TEXT).err, E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form),
		cmocka_unit_test(test_plain_text_is_not_escaped_and_a_line_stays_one),
		cmocka_unit_test(test_what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(test_loops_in_loops_end),
		cmocka_unit_test(test_blocks_are_not_nested_without_end),
		cmocka_unit_test(test_values_are_an_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
