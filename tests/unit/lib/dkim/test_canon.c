/* Canonical forms: the RFC's own examples, the edges, and that it does not matter how a body is cut. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/dkim/canon.h"

static void keep(void *owner, struct bytes b)
{
	assert_true(b.len > 0);
	assert_int_equal(buf_append(owner, b), OK);
}

static void assert_text(struct buf *buf, const char *expected)
{
	struct bytes b = buf_bytes(buf);
	if (!bytes_is(b, expected))
		print_error("got \"%.*s\", not \"%s\"\n", BYTES_ARGS(b), expected);
	assert_true(bytes_is(b, expected));
	buf_done(buf);
}

static bool is_binary;

/* `step` bytes at a time; 0: all at once. */
static void canonical(enum canon canon, struct bytes in, size_t step, struct buf *out)
{
	struct canon_body *body = malloc(sizeof *body);
	struct canon_sink sink = {keep, out};
	assert_non_null(body);
	buf_init(out, 1 << 20);
	canon_body_begin(body, canon, &sink);
	if (is_binary)
		canon_body_take_binary(body);
	while (in.len > 0) {
		size_t len = step > 0 && step < in.len ? step : in.len;
		canon_body_add(body, bytes_first(in, len));
		in = bytes_skip(in, len);
	}
	canon_body_end(body);
	free(body);
}

static const struct {
	const char *in, *simple, *relaxed;
} bodies[] = {
	{"", "\r\n", ""},
	{"\r\n", "\r\n", ""},
	{"\r\n\r\n\r\n", "\r\n", ""},
	{"a", "a\r\n", "a\r\n"},
	{"a\r\n", "a\r\n", "a\r\n"},
	{"a\r\n\r\n\r\n", "a\r\n", "a\r\n"},
	{"\r\na\r\n\r\nb\r\n\r\n", "\r\na\r\n\r\nb\r\n", "\r\na\r\n\r\nb\r\n"},
	/* RFC 6376 3.4.5 */
	{" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
	{"a \t b\t\r\n", "a \t b\t\r\n", "a b\r\n"},
	{"\ta\r\n", "\ta\r\n", " a\r\n"},
	{"   ", "   \r\n", ""},
	{"a\r\n  \t\r\n \r\n", "a\r\n  \t\r\n \r\n", "a\r\n"},
	{"a\r\n  \r\nb\r\n", "a\r\n  \r\nb\r\n", "a\r\n\r\nb\r\n"},
	{"a  ", "a  \r\n", "a\r\n"},
	{".\r\n..\r\n", ".\r\n..\r\n", ".\r\n..\r\n"},
	/* what the worker mends on the way out */
	{"a\nb\n\n", "a\r\nb\r\n", "a\r\nb\r\n"},
	{"a\rb\r\n", "a b\r\n", "a b\r\n"},
	{"a\r\r\nb\r", "a \r\nb \r\n", "a\r\nb\r\n"},
	{"\r", " \r\n", ""},
	{"\n\r", "\r\n \r\n", ""},
	{"\r\r\n\n", " \r\n", ""},
};

static void test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		for (size_t step = 0; step < 5; step++) {
			struct buf out;
			canonical(CANON_SIMPLE, bytes_of(bodies[i].in), step, &out);
			assert_text(&out, bodies[i].simple);
			canonical(CANON_RELAXED, bytes_of(bodies[i].in), step, &out);
			assert_text(&out, bodies[i].relaxed);
		}
}

/* A line ends in CR LF, and nothing else ends one or is changed. */
static void test_binary_bodies(void **state)
{
	static const struct {
		const char *in, *simple, *relaxed;
	} cases[] = {
		{"a\nb\n\n", "a\nb\n\n\r\n", "a\nb\n\n\r\n"},
		{"a\rb\r\n", "a\rb\r\n", "a\rb\r\n"},
		{"a\r\r\nb\r", "a\r\r\nb\r\r\n", "a\r\r\nb\r\r\n"},
		{"\r", "\r\r\n", "\r\r\n"},
		{"\n\r", "\n\r\r\n", "\n\r\r\n"},
		{"a \n \r\n\r\n", "a \n \r\n", "a \n\r\n"},
		{"a\r\n\n\r\n\r\n", "a\r\n\n\r\n", "a\r\n\n\r\n"},
		{"a \r b  c\r\n", "a \r b  c\r\n", "a \r b c\r\n"},
		{"\r\n\r\n", "\r\n", ""},
	};
	(void)state;
	is_binary = true;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t step = 0; step < 5; step++) {
			struct buf out;
			canonical(CANON_SIMPLE, bytes_of(cases[i].in), step, &out);
			assert_text(&out, cases[i].simple);
			canonical(CANON_RELAXED, bytes_of(cases[i].in), step, &out);
			assert_text(&out, cases[i].relaxed);
		}
	is_binary = false;
}

static void test_long_bodies_however_they_are_cut(void **state)
{
	static const char alphabet[] = "ab.  \t\r\r\n\n";
	static const size_t steps[] = {1, 7, 4095, 4096, 4097};
	size_t len = 60000;
	uint8_t *text = malloc(len);
	(void)state;
	assert_non_null(text);
	srandom(1);
	for (size_t i = 0; i < len; i++) {
		bool is_lines = i % 20000 < 10000; /* long runs between wild parts */
		text[i] = (uint8_t)(is_lines ? alphabet[(size_t)random() % (sizeof alphabet - 1)]
					     : "plain text\r\n"[i % 12]);
	}
	for (enum canon canon = 0; canon < CANON_COUNT; canon++)
		for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
			struct buf whole, cut;
			canonical(canon, bytes_from(text, len), 0, &whole);
			canonical(canon, bytes_from(text, len), steps[i], &cut);
			assert_true(bytes_equal(buf_bytes(&whole), buf_bytes(&cut)));
			buf_done(&whole);
			buf_done(&cut);
		}
	free(text);
}

static void test_many_empty_lines_take_no_memory(void **state)
{
	struct buf out;
	uint8_t *lines = malloc(200002);
	(void)state;
	assert_non_null(lines);
	for (size_t i = 0; i < 200000; i++)
		lines[i] = i % 2 ? '\n' : '\r';
	canonical(CANON_RELAXED, bytes_from(lines, 200000), 999, &out);
	assert_text(&out, "");
	lines[200000] = 'x';
	canonical(CANON_SIMPLE, bytes_from(lines, 200001), 999, &out);
	assert_int_equal(buf_bytes(&out).len, 200003);
	buf_done(&out);
	free(lines);
}

static void test_fields(void **state)
{
	static const struct {
		const char *in, *relaxed;
		bool has_end;
	} fields[] = {
		/* RFC 6376 3.4.5 */
		{"A: X\r\n", "a:X\r\n", true},
		{"B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n", true},
		{"SubJect:\r\n a \r\n \t b\r\n", "subject:a b", false},
		{"Empty:\r\n", "empty:\r\n", true},
		{"Colons: a:b : c\r\n", "colons:a:b : c\r\n", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct buf out;
		struct canon_sink sink = {keep, &out};
		buf_init(&out, 1000);
		canon_field(CANON_RELAXED, bytes_of(fields[i].in), fields[i].has_end, &sink);
		assert_text(&out, fields[i].relaxed);
		buf_init(&out, 1000);
		canon_field(CANON_SIMPLE, bytes_of(fields[i].in), true, &sink);
		assert_text(&out, fields[i].in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_binary_bodies),
		cmocka_unit_test(test_long_bodies_however_they_are_cut),
		cmocka_unit_test(test_many_empty_lines_take_no_memory),
		cmocka_unit_test(test_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
