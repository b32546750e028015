/* The body writer: what a remote reads back, after undoing the dots, is the content with whole lines; and nothing but CRLF
 * ends a line on the wire. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/random.h"
#include "workers/smtp/body.h"

static struct buf wire;

static int setup(void **state)
{
	(void)state;
	buf_init(&wire, (size_t)64 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_done(&wire);
	return 0;
}

static void write_out(struct bytes content)
{
	struct body body;
	buf_clear(&wire);
	body_init(&body, BODY_DOTTED, BYTES_NONE, content);
	for (;;) {
		struct bytes piece = body_piece(&body);
		assert_true(piece.len <= BODY_PIECE_MAX);
		struct bytes again = body_piece(&body);
		assert_ptr_equal(again.data, piece.data);
		assert_int_equal(again.len, piece.len);
		if (piece.len == 0)
			return;
		assert_int_equal(buf_append(&wire, piece), OK);
		body_take_piece(&body);
	}
}

static void test_a_head_goes_before_the_content(void **state)
{
	(void)state;
	static const struct {
		const char *head, *content, *wire;
	} cases[] = {
		{"A: 1\r\n b\r\n", "C: 2\r\n\r\n.x", "A: 1\r\n b\r\nC: 2\r\n\r\n..x\r\n.\r\n"},
		{"A: 1\r\n", "", "A: 1\r\n.\r\n"},
		{"A: 1\r\n", ".", "A: 1\r\n..\r\n.\r\n"},
		{"", "x", "x\r\n.\r\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct body body;
		char got[200];
		buf_clear(&wire);
		body_init(&body, BODY_DOTTED, bytes_of(cases[i].head), bytes_of(cases[i].content));
		for (struct bytes piece; (piece = body_piece(&body)).len > 0;
		     body_take_piece(&body))
			assert_int_equal(buf_append(&wire, piece), OK);
		assert_true(bytes_to_cstr(buf_bytes(&wire), got, sizeof got));
		assert_string_equal(got, cases[i].wire);
	}
}

static void test_bodies_go_out_as_data_wants_them(void **state)
{
	(void)state;
	static const struct {
		const char *content, *wire;
	} cases[] = {
		{"", ".\r\n"},
		{"a\r\n", "a\r\n.\r\n"},
		{"a", "a\r\n.\r\n"},
		{"a\r\nb\r\n", "a\r\nb\r\n.\r\n"},
		{".", "..\r\n.\r\n"},
		{".\r\n", "..\r\n.\r\n"},
		{"..\r\n", "...\r\n.\r\n"},
		{"a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"},
		{"a.b\r\n.c.\r\n", "a.b\r\n..c.\r\n.\r\n"},
		{"\r\n.\r\n", "\r\n..\r\n.\r\n"},
		{"\r\n\r\n", "\r\n\r\n.\r\n"},
		/* line ends that are none, and what hides behind them (RFC 5321 2.3.8) */
		{"a\nb\n", "a\r\nb\r\n.\r\n"},
		{"a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"},
		{"a\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"},
		{"a\rb\r\n", "a b\r\n.\r\n"},
		{"a\r.\rb\r\n", "a . b\r\n.\r\n"},
		{"a\r\r\n.\r\n", "a \r\n..\r\n.\r\n"},
		{"a\r", "a \r\n.\r\n"},
		{"\r", " \r\n.\r\n"},
		{"\n", "\r\n.\r\n"},
		{"\n.", "\r\n..\r\n.\r\n"},
		{"\r.\r\n", " .\r\n.\r\n"},
		{"\n\r", "\r\n \r\n.\r\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		write_out(bytes_of(cases[i].content));
		char got[200];
		assert_true(bytes_to_cstr(buf_bytes(&wire), got, sizeof got));
		assert_string_equal(got, cases[i].wire);
	}
}

/* What a receiver keeps (RFC 5321 4.5.2), and that the end came where the bytes end. */
static size_t undo_dots(struct bytes in, uint8_t *out)
{
	size_t len = 0;
	bool is_line_start = true;
	for (size_t i = 0; i < in.len; i++) {
		if (in.data[i] == '\r')
			assert_true(i + 1 < in.len && in.data[i + 1] == '\n');
		if (in.data[i] == '\n')
			assert_true(i > 0 && in.data[i - 1] == '\r');
		if (is_line_start && in.data[i] == '.') {
			if (in.data[i + 1] == '\r') {
				assert_int_equal(i + 3, in.len);
				return len;
			}
			assert_int_equal(in.data[++i], '.');
		}
		is_line_start = in.data[i] == '\n';
		out[len++] = in.data[i];
	}
	assert_true(!"the final dot is missing");
	return 0;
}

static void test_any_content_of_whole_lines_arrives_as_it_was(void **state)
{
	(void)state;
	static const char *const words[] = {"\r\n", ".", "..", "a", "\r\n.", "some text"};
	for (unsigned round = 0; round < 200; round++) {
		uint8_t content[2000], back[2000];
		size_t len = 0, count = random_u64() % 200;
		for (size_t i = 0; i < count; i++) {
			const char *word = words[random_u64() % 6];
			memcpy(content + len, word, strlen(word));
			len += strlen(word);
		}
		memcpy(content + len, "\r\n", 2);
		len += 2;
		write_out(bytes_from(content, len));
		assert_int_equal(undo_dots(buf_bytes(&wire), back), len);
		assert_memory_equal(back, content, len);
	}
}

/* Every alignment of a line end with the end of a piece. */
static void test_pieces_never_cut_a_line_end(void **state)
{
	(void)state;
	size_t size = 3 * BODY_PIECE_MAX;
	uint8_t *content = malloc(size), *back = malloc(size);
	assert_non_null(content);
	assert_non_null(back);
	for (size_t at = BODY_PIECE_MAX - 4; at < BODY_PIECE_MAX + 4; at++) {
		memset(content, 'x', size);
		memcpy(content + at, "\r\n.", 3);
		memcpy(content + size - 2, "\r\n", 2);
		write_out(bytes_from(content, size));
		assert_int_equal(undo_dots(buf_bytes(&wire), back), size);
		assert_memory_equal(back, content, size);
		assert_int_equal(wire.len, size + 4);
	}
	free(content);
	free(back);
}

/* A line of 25 MB, and as much of one-byte lines: time grows with the size, not with its square. */
static void test_endless_lines_and_endless_line_ends_are_written_in_time(void **state)
{
	(void)state;
	size_t size = (size_t)24 << 20;
	uint8_t *content = malloc(size);
	assert_non_null(content);
	memset(content, 'x', size);
	write_out(bytes_from(content, size));
	assert_int_equal(wire.len, size + 5);
	memset(content, '\n', size);
	write_out(bytes_from(content, size));
	assert_int_equal(wire.len, 2 * size + 3);
	free(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bodies_go_out_as_data_wants_them, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_head_goes_before_the_content, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_any_content_of_whole_lines_arrives_as_it_was,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_pieces_never_cut_a_line_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_endless_lines_and_endless_line_ends_are_written_in_time, setup,
			teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
