/* The structure of mails, whole and broken; that limits hold; that decoding does not care where the pieces end. */
#include "tests/check.h"

#include "lib/mime/mime.h"

#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void assert_text(struct bytes is, const char *expected)
{
	char *text = arena_cstr(arena, is);
	assert_string_equal(text, expected);
}

/* "multipart/mixed(text/plain[hello] message/rfc822(text/html[x]))" */
static char *shape_of(const struct mime *mime, size_t index)
{
	const struct mime_part *part = &mime->parts[index];
	char *children = arena_printf(arena, "%s", "");
	for (size_t i = index + 1; i < mime->count; i++)
		if (mime->parts[i].parent == index)
			children = arena_printf(arena, "%s%s%s", children, *children ? " " : "",
						shape_of(mime, i));
	if (*children)
		return arena_printf(arena, "%s(%s)", part->type, children);
	struct bytes text = mime_text(arena, part, 1000);
	return arena_printf(arena, "%s[%.*s]", part->type, BYTES_ARGS(text));
}

static void test_parts_are_found_in_whole_and_in_broken_mails(void **state)
{
	static const struct {
		const char *mail, *shape;
	} cases[] = {
		{"", "text/plain[]"},
		{"\n", "text/plain[]"},
		{"no header", "text/plain[]"},
		{"Subject: x\n\nbody\n", "text/plain[body\n]"},
		{"From a Thu\nSubject: x\n\nbody", "text/plain[body]"},
		{"Content-Type: nonsense\n\nbody", "text/plain[body]"},
		{"Content-Type: Text/HTML; charset=x\r\n\r\nbody", "text/html[body]"},
		{"Content-Type: multipart/mixed; boundary=\"a b\"\n\npreamble\n--a b\n\none\n--a b "
		 " "
		 "\nContent-Type: text/x\n\ntwo\n--a b--\nepilogue\n",
		 "multipart/mixed(text/plain[one] text/x[two])"},
		{"Content-Type: "
		 "multipart/mixed;\r\n\tboundary=b\r\n\r\n--b\r\n\r\none\r\n\r\n--b--\r\n",
		 "multipart/mixed(text/plain[one\r\n])"},
		/* never closed */
		{"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n",
		 "multipart/mixed(text/plain[one] text/plain[two\n])"},
		/* an inner one not closed before the outer goes on */
		{"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: "
		 "multipart/x; boundary=i\n\n--i\n\none\n--o\n\ntwo\n--o--\n",
		 "multipart/mixed(multipart/x(text/plain[one]) text/plain[two])"},
		/* one boundary is the start of another */
		{"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/x; "
		 "boundary=bb\n\n--bb\n\none\n--bb--\n--b\n\ntwo\n--b--\n",
		 "multipart/mixed(multipart/x(text/plain[one]) text/plain[two])"},
		/* no empty line before the next boundary */
		{"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: "
		 "text/x\n--b\n\ntwo\n",
		 "multipart/mixed(text/x[] text/plain[two\n])"},
		/* the boundary that is used is another than the one that is told, or none is told */
		{"Content-Type: multipart/report; boundary=b\n\n--real\nContent-Type: "
		 "text/x\n\none\n"
		 "--real--\n",
		 "multipart/report(text/x[one])"},
		{"Content-Type: multipart/report\n\n--real\nContent-Type: "
		 "text/x\n\none\n--real--\n",
		 "multipart/report(text/x[one])"},
		/* a mail in a mail, with its own parts */
		{"Content-Type: message/rfc822\n\nSubject: in\nContent-Type: multipart/a; "
		 "boundary=b\n\n--b\n\none\n--b--\n",
		 "message/rfc822(multipart/a(text/plain[one]))"},
		{"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\naGVs\nbG8=\n",
		 "text/plain[hello]"},
		{"Content-Transfer-Encoding: quoted-printable\n\na=3Db=\n c=\r\nd=ZZ\n",
		 "text/plain[a=b cdZZ\n]"},
		{"Content-Type: text/plain; charset=iso-8859-1\n\n\xe9", "text/plain[\xc3\xa9]"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mime mime;
		mime_read(arena, bytes_of(cases[i].mail), &mime);
		assert_string_equal(shape_of(&mime, 0), cases[i].shape);
		assert_false(mime.is_cut);
	}
}

static void test_fields_are_found_folded_or_not(void **state)
{
	struct bytes header =
		BYTES("A: 1\r\nbroken line\r\nb : two\r\n\tmore\r\n lines \r\nB: 3\r\n"
		      "=bad name=: 4\r\nlast:");
	struct bytes value;
	(void)state;
	assert_true(mime_field(header, "a", &value));
	assert_text(value, "1");
	assert_true(mime_field(header, "B", &value));
	assert_text(mime_unfold(arena, value), "two more lines");
	assert_true(mime_field(header, "Last", &value));
	assert_int_equal(value.len, 0);
	assert_false(mime_field(header, "c", &value));
	assert_false(mime_field(BYTES_NONE, "c", &value));
}

static void test_parameters(void **state)
{
	static const struct {
		const char *value, *name, *is;
	} cases[] = {
		{"a/b; boundary=x", "boundary", "x"},
		{"a/b; Boundary = \"x;y \\\"z\\\"\"; c=d", "boundary", "x;y \"z\""},
		{"a/b; x=\"boundary=no\"; boundary=yes; z", "boundary", "yes"},
		{"a/b; boundary=\"never closed", "boundary", "never closed"},
		{"a/b; boundary=", "boundary", ""},
		{"a/b", "boundary", NULL},
		{"a/b; boundary", "boundary", NULL},
	};
	char out[16];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool is_there =
			mime_parameter(bytes_of(cases[i].value), cases[i].name, out, sizeof out);
		assert_int_equal(is_there, cases[i].is != NULL);
		if (cases[i].is)
			assert_string_equal(out, cases[i].is);
	}
	assert_true(mime_parameter(BYTES("a/b; boundary=0123456789abcdefghij"), "boundary", out,
				   sizeof out));
	assert_string_equal(out, "0123456789abcde");
}

static void test_encoded_words(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain", "plain"},
		{"=?utf-8?Q?a=3Db_c?=", "a=b c"},
		{"=?UTF-8?B?aGVsbG8=?= =?utf-8?b?IHlvdQ==?= too", "hello you too"},
		{"=?iso-8859-1?q?caf=E9?=\r\n\t=?iso-8859-1?q?s?=", "caf\xc3\xa9s"},
		{"=?koi8-r?B?aGVsbG8=?=", "=?koi8-r?B?aGVsbG8=?="},
		{"=?utf-8?Q?never ends", "=?utf-8?Q?never ends"},
		{"=?utf-8?Q", "=?utf-8?Q"},
		{"=?", "=?"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_text(mime_words(arena, bytes_of(cases[i].in)), cases[i].out);
}

static void test_decoding_in_pieces_gives_the_same(void **state)
{
	static const char *const inputs[] = {"aGVsbG8gd29ybGQ=", "a=3D=3d=\r\nb= \n=4",
					     "==\n=A=zz"};
	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (int encoding = MIME_PLAIN; encoding <= MIME_QUOTED; encoding++) {
			struct bytes in = bytes_of(inputs[i]);
			uint8_t whole[64], pieces[64];
			struct mime_decoder decoder;
			mime_decoder_init(&decoder, (enum mime_encoding)encoding);
			size_t whole_len = mime_decode(&decoder, in, whole), len = 0;
			mime_decoder_init(&decoder, (enum mime_encoding)encoding);
			for (size_t at = 0; at < in.len; at++)
				len += mime_decode(&decoder, bytes_from(in.data + at, 1),
						   pieces + len);
			assert_int_equal(len, whole_len);
			assert_memory_equal(pieces, whole, len);
		}
}

static void test_a_bomb_of_depth_is_cut(void **state)
{
	char *mail = arena_alloc(arena, 1 << 20), *end = mail;
	struct mime mime;
	(void)state;
	for (int i = 0; i < 10000; i++)
		end = stpcpy(end, "Content-Type: message/rfc822\n\n");
	mime_read(arena, bytes_from(mail, (size_t)(end - mail)), &mime);
	assert_true(mime.is_cut);
	assert_true(mime.count <= MIME_DEPTH_MAX);
}

static void test_a_bomb_of_parts_is_cut_and_keeps_the_rest(void **state)
{
	size_t count = 200000;
	char *mail = malloc(count * 8 + 100), *end;
	struct mime mime;
	(void)state;
	end = stpcpy(mail, "Content-Type: multipart/x; boundary=b\n\n");
	for (size_t i = 0; i < count; i++)
		end = stpcpy(end, "--b\n\n.\n");
	mime_read(arena, bytes_from(mail, (size_t)(end - mail)), &mime);
	assert_true(mime.is_cut);
	assert_int_equal(mime.count, MIME_PARTS_MAX);
	assert_true(mime.parts[MIME_PARTS_MAX - 1].body.len > count);
	free(mail);
}

static void test_a_long_header_is_cut(void **state)
{
	size_t len = 10 << 20;
	char *mail = malloc(len);
	struct mime mime;
	struct bytes value;
	(void)state;
	memset(mail, 'x', len);
	memcpy(mail, "Content-Type: text/x\nX: ", 24);
	mime_read(arena, bytes_from(mail, len), &mime);
	assert_int_equal(mime.parts[0].header.len, MIME_HEADER_MAX);
	assert_true(mime_field(mime.parts[0].header, "x", &value));
	free(mail);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_parts_are_found_in_whole_and_in_broken_mails),
		TEST(test_fields_are_found_folded_or_not),
		TEST(test_parameters),
		TEST(test_encoded_words),
		TEST(test_decoding_in_pieces_gives_the_same),
		TEST(test_a_bomb_of_depth_is_cut),
		TEST(test_a_bomb_of_parts_is_cut_and_keeps_the_rest),
		TEST(test_a_long_header_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
