/* Bodies that are mended, and what must stay as it is. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/repair.h"
#include "lib/mime/mime.h"

#define LONG                                                                                       \
	"0123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 "        \
	"123456789 "
#define ALL (REPAIR_LONG_LINES | REPAIR_EIGHT_BIT)

static struct arena *arena;
static struct buf out;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	buf_init(&out, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_done(&out);
	arena_free(&arena);
	return 0;
}

static enum err mend(const char *mail, unsigned kinds, struct why *why)
{
	buf_clear(&out);
	return repair_write(bytes_of(mail), kinds, 78, &out, why);
}

static void assert_mended(const char *mail, unsigned kinds, const char *expected)
{
	struct why why = {""};
	enum err err = mend(mail, kinds, &why);
	if (err != OK)
		print_error("%s\n", why.text);
	assert_int_equal(err, OK);
	assert_string_equal(arena_cstr(arena, buf_bytes(&out)), expected);
}

/* The part of this number decodes to what it was. */
static void assert_text(size_t index, const char *expected)
{
	struct mime mime;
	mime_read(arena, buf_bytes(&out), &mime);
	assert_true(index < mime.count);
	assert_string_equal(arena_cstr(arena, mime_text(arena, &mime.parts[index], 10000)),
			    expected);
}

static void test_a_mail_without_fault_stays_as_it_is(void **state)
{
	static const char *const mails[] = {
		"Subject: s\r\n\r\nhello\r\n",
		"\r\nno header\r\n",
		"Subject: no body\r\n",
		"Content-Type: multipart/mixed; "
		"boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n--b--\r\nend\r\n",
		"",
	};
	(void)state;
	for (size_t i = 0; i < sizeof mails / sizeof mails[0]; i++)
		assert_mended(mails[i], ALL, mails[i]);
	assert_mended("Subject: s\r\n\r\n\xc3\xa4\r\n", REPAIR_LONG_LINES,
		      "Subject: s\r\n\r\n\xc3\xa4\r\n");
	assert_mended("Subject: s\r\n\r\n" LONG "\r\n", REPAIR_EIGHT_BIT,
		      "Subject: s\r\n\r\n" LONG "\r\n");
}

static void test_bytes_over_127_get_a_charset_and_an_encoding(void **state)
{
	(void)state;
	assert_mended(
		"Subject: s\r\n\r\nK\xc3\xa4se\r\n", ALL,
		"Subject: s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\nK=C3=A4se\r\n");
	assert_mended("MIME-Version: 1.0\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
		      "Content-Transfer-Encoding: 8bit\r\n\r\nK\xe4se\r\n",
		      ALL,
		      "MIME-Version: 1.0\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
		      "Content-Transfer-Encoding: quoted-printable\r\n\r\nK=E4se\r\n");
	struct why why;
	assert_int_equal(mend("Subject: s\r\n\r\n\xe4\r\n", ALL, &why), OK);
	assert_non_null(strstr(arena_cstr(arena, buf_bytes(&out)), "charset=unknown-8bit"));
}

static void test_long_lines_come_back_whole(void **state)
{
	struct why why;
	(void)state;
	assert_int_equal(mend("Subject: s\r\n\r\n" LONG "\r\nshort\r\n", ALL, &why), OK);
	assert_text(0, LONG "\r\nshort\r\n");
	/* A base 64 text in one line, as careless programs write it. */
	assert_int_equal(
		mend("Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		     "MDEyMzQ1Njc4OSAwMTIzNDU2Nzg5IDAxMjM0NTY3ODkgMDEyMzQ1Njc4OSAwMTIzNDU2Nzg5IDAxM"
		     "jM0NTY3ODk="
		     "\r\n",
		     ALL, &why),
		OK);
	assert_text(0, "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789");
	assert_non_null(strstr(arena_cstr(arena, buf_bytes(&out)), "Encoding: base64\r\n"));
}

static void test_only_the_part_at_fault_is_written_again(void **state)
{
	(void)state;
	assert_mended("Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: "
		      "1.0\r\n\r\npre\r\n--b\r\n"
		      "Content-Type: text/plain; charset=utf-8\r\nX: "
		      "y\r\n\r\nK\xc3\xa4se\r\n--b\r\n\r\nplain\r\n"
		      "--b\r\nContent-Type: image/x\r\n\r\n\xff\xfe\r\n--b--\r\nend\r\n",
		      ALL,
		      "Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: "
		      "1.0\r\n\r\npre\r\n--b\r\n"
		      "Content-Type: text/plain; charset=utf-8\r\nX: y\r\n"
		      "Content-Transfer-Encoding: "
		      "quoted-printable\r\n\r\nK=C3=A4se\r\n--b\r\n\r\nplain\r\n"
		      "--b\r\nContent-Type: image/x\r\nContent-Transfer-Encoding: "
		      "base64\r\n\r\n//4=\r\n--b--\r\nend\r\n");
}

static void assert_binary_is_mended(struct bytes mail, const char *expected)
{
	struct why why = {""};
	buf_clear(&out);
	enum err err = repair_write(mail, REPAIR_BINARY | REPAIR_LONG_LINES, 78, &out, &why);
	if (err != OK)
		print_error("%s\n", why.text);
	assert_int_equal(err, OK);
	assert_string_equal(arena_cstr(arena, buf_bytes(&out)), expected);
}

static void test_binary_parts_become_base_64(void **state)
{
	(void)state;
	assert_binary_is_mended(
		BYTES("Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0\r\n"
		      "Content-Transfer-Encoding: binary\r\n\r\npre\r\n--b\r\n"
		      "Content-Type: text/plain; charset=utf-8\r\n\r\nK\xc3\xa4se\r\n--b\r\n"
		      "Content-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n\r\n"
		      "\0\r\n.\r\n\n\xff\r\r\n--b--\r\nend\r\n"),
		"Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\npre\r\n--b\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n\r\nK\xc3\xa4se\r\n--b\r\n"
		"Content-Type: image/x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		"AA0KLg0KCv8N\r\n--b--\r\nend\r\n");
	/* A whole mail, without an end of its last line; a text keeps its own line ends. */
	assert_binary_is_mended(BYTES("MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\na\nb"),
				"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
				"Content-Transfer-Encoding: base64\r\n\r\nYQpi\r\n");
	/* Already in a form that can be sent, but for its line ends. */
	assert_binary_is_mended(BYTES("MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
				      "Content-Transfer-Encoding: base64\r\n\r\nYQ\npi"),
				"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
				"Content-Transfer-Encoding: base64\r\n\r\nYQpi\r\n");
	/* A mail inside it. */
	assert_binary_is_mended(
		BYTES("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\n"
		      "MIME-Version: 1.0\r\nContent-Type: a/b\r\n\r\n\0"),
		"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
		"MIME-Version: 1.0\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n"
		"\r\nAA==\r\n");
}

static void test_binary_where_nothing_can_be_written_anew_is_refused(void **state)
{
	static const char *const mails[] = {
		"X: a\nFrom: b\r\n\r\nhello\r\n",
		"X: a\rb\r\n\r\nhello\r\n",
		"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\na\nb\r\n--b\r\n"
		"Content-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n",
		"Content-Type: multipart/mixed; "
		"boundary=b\r\n\r\na\nb\r\n--b\r\n\r\nx\r\n--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\na\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\nA: b\r\n\r\nx\r\n--b--\r\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof mails / sizeof mails[0]; i++) {
		struct why why = {""};
		if (mend(mails[i], REPAIR_BINARY, &why) != E_MALFORMED)
			print_error("mail %zu\n", i);
		assert_int_equal(mend(mails[i], REPAIR_BINARY, &why), E_MALFORMED);
	}
}

/* What was a line in one encoding is no boundary in another. */
static void test_no_line_that_is_written_looks_like_a_boundary(void **state)
{
	(void)state;
	assert_mended("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
		      "Content-Type: text/plain; charset=utf-8\r\n"
		      "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		      "=2D-b\r\n\xc3\xa4-\r\n- b\r\n--b--\r\n",
		      ALL,
		      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
		      "Content-Type: text/plain; charset=utf-8\r\n"
		      "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		      "=2D-b\r\n=C3=A4-\r\n- b\r\n--b--\r\n");
	/* also where a long line is cut before the hyphens */
	assert_mended("MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
		      "0123456789012345678901234567890123456789012345678901234567890123456789"
		      "01234--b--0\r\n",
		      ALL,
		      "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
		      "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		      "0123456789012345678901234567890123456789012345678901234567890123456789"
		      "01234=\r\n=2D-b--0\r\n");
}

static void test_what_cannot_be_mended_is_refused(void **state)
{
	static const char *const mails[] = {
		"Subject: K\xc3\xa4se\r\n\r\nhello\r\n",
		"Subject: " LONG "\r\n\r\nhello\r\n",
		"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xc3\xa4\r\n--b\r\n"
		"Content-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n",
		"Content-Type: multipart/mixed; "
		"boundary=b\r\n\r\n\xc3\xa4\r\n--b\r\n\r\nx\r\n--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: "
		"\xc3\xa4\r\n\r\nx\r\n--b--\r\n",
		"Content-Type: multipart/mixed\r\n\r\n\xc3\xa4\r\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof mails / sizeof mails[0]; i++) {
		struct why why = {""};
		if (mend(mails[i], ALL, &why) != E_MALFORMED)
			print_error("mail %zu\n", i);
		assert_int_equal(mend(mails[i], ALL, &why), E_MALFORMED);
		assert_true(why.text[0] != '\0');
	}
}

static void test_a_line_is_measured_over_pieces(void **state)
{
	struct repair_meter meter = {0};
	(void)state;
	repair_measure(&meter, BYTES("12345\r\n123"));
	assert_int_equal(meter.longest, 5);
	repair_measure(&meter, BYTES("4567"));
	repair_measure(&meter, BYTES("8\r"));
	repair_measure(&meter, BYTES("\n"));
	assert_int_equal(meter.longest, 8);
	repair_measure(&meter, BYTES("\r\n"));
	assert_int_equal(meter.longest, 8);
}

static void test_a_content_is_replaced(void **state)
{
	struct mail *mail = mail_new("smtp", 1000);
	struct repair_options options = {REPAIR_EIGHT_BIT, 998, "/tmp", 1 << 20};
	struct why why;
	(void)state;
	mail->content = blob_from_bytes(BYTES("\r\n\xc3\xa4\r\n"));
	assert_int_equal(repair_mail(mail, &options, &why), OK);
	assert_non_null(strstr(arena_cstr(arena, blob_memory(mail->content)), "=C3=A4\r\n"));
	mail_free(&mail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_a_mail_without_fault_stays_as_it_is),
		T(test_bytes_over_127_get_a_charset_and_an_encoding),
		T(test_long_lines_come_back_whole),
		T(test_only_the_part_at_fault_is_written_again),
		T(test_binary_parts_become_base_64),
		T(test_binary_where_nothing_can_be_written_anew_is_refused),
		T(test_no_line_that_is_written_looks_like_a_boundary),
		T(test_what_cannot_be_mended_is_refused),
		T(test_a_line_is_measured_over_pieces),
		T(test_a_content_is_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
