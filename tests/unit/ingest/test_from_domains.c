/* Whom a client may send as: in the envelope and in what readers see. */
#include "tests/check.h"

#include <string.h>

#include "ingest/from_domains.h"

static const char *items[] = {"ours.example", "*.ours.example", "xn--mnchen-3ya.example"};
static const struct conf_text_list ours = {items, 3};

static enum err judge(const char *sender, const char *header)
{
	struct why why = {""};
	enum err err = sender_is_allowed(&ours, bytes_of(sender), bytes_of(header), &why);
	assert_true(err == OK || (err == E_REFUSED && why.text[0]));
	return err;
}

static void test_without_a_list_everything_is_allowed(void **state)
{
	const struct conf_text_list none = {NULL, 0};
	(void)state;
	assert_int_equal(sender_is_allowed(&none, BYTES("a@b.c"), BYTES("X: y\r\n\r\n"), NULL), OK);
	assert_true(domain_is_allowed(&none, BYTES("b.c")));
}

static void test_the_envelope_sender(void **state)
{
	static const struct {
		const char *sender;
		enum err err;
	} cases[] = {
		{"a@ours.example", OK},
		{"a@OURS.Example", OK},
		{"a@x.ours.example", OK},
		{"", OK},
		{"a@theirs.example", E_REFUSED},
		{"a@notours.example", E_REFUSED},
		{"a@ours.example.theirs.example", E_REFUSED},
		{"\"a@ours.example\"@theirs.example", E_REFUSED},
		{"a@[192.0.2.1]", E_REFUSED},
		{"nobody", E_REFUSED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (judge(cases[i].sender, "From: a@ours.example\r\n\r\n") != cases[i].err)
			assert_string_equal(cases[i].sender, "judged as wished");
}

static void test_what_readers_see(void **state)
{
	static const struct {
		const char *header;
		enum err err;
	} cases[] = {
		{"From: a@ours.example\r\n", OK},
		{"from : A B <a@Ours.Example>\r\n", OK},
		{"From: \"x@theirs.example\" <a@ours.example>\r\n", OK},
		{"From: a@ours.example (of x@theirs.example)\r\n", OK},
		{"From: a@ours.example, b@x.ours.example\r\n", OK},
		{"From: Us: a@ours.example, b@ours.example;\r\n", OK},
		{"From: a\r\n <a@ours.example>\r\nTo: x@theirs.example\r\n", OK},
		{"From: a@m\xc3\xbcnchen.example\r\n", OK},
		{"From: a@ours.example\r\nSender: b@ours.example\r\n", OK},
		{"From: a@ours.example\r\n\r\nFrom: x@theirs.example\r\n", OK},
		{"Subject: x\r\n", E_REFUSED},
		{"From: nobody\r\n", E_REFUSED},
		{"From:\r\n", E_REFUSED},
		{"From: x@theirs.example\r\n", E_REFUSED},
		{"From: a@ours.example\r\nFrom: x@theirs.example\r\n", E_REFUSED},
		{"no field\r\nFROM: x@theirs.example\r\n", E_REFUSED},
		{"From: a@ours.example, x@theirs.example\r\n", E_REFUSED},
		{"From: a@ours.example\r\nSender: x@theirs.example\r\n", E_REFUSED},
		{"From: a@ours.example\r\nSender: nobody\r\n", E_REFUSED},
		{"From: a@ours.example <x@theirs.example>\r\n", E_REFUSED},
		{"From: <a@ours.example> <x@theirs.example>\r\n", E_REFUSED},
		{"From: a@ours.example@theirs.example\r\n", E_REFUSED},
		{"From: <@ours.example:x@theirs.example>\r\n", E_REFUSED},
		{"From: a@ours.example(c).theirs.example\r\n", E_REFUSED},
		{"From: a@ours.example .theirs.example\r\n", E_REFUSED},
		{"From: a@ (c) ours.example\r\n", E_REFUSED},
		{"From: \"a <x@theirs.example>, b@ours.example\r\n", E_REFUSED},
		{"From: (a <x@theirs.example>, b@ours.example\r\n", E_REFUSED},
		{"From: a@ours.example\r\n\rX: y\r\nFrom: x@theirs.example\r\n", E_REFUSED},
		{"From\r: x@theirs.example\r\nFrom: a@ours.example\r\n", E_REFUSED},
		{"From: \\\"x@theirs.example \\\" <a@ours.example>\r\n", E_REFUSED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (judge("a@ours.example", cases[i].header) != cases[i].err)
			assert_string_equal(cases[i].header, "judged as wished");
}

static struct mail *mail_of(const char *header, size_t padding)
{
	struct address sender;
	struct why why;
	struct mail *mail = mail_new("http", 1);
	struct blob_writer *writer = blob_writer_new("/nowhere", (size_t)1 << 20);
	assert_int_equal(address_parse(BYTES("a@ours.example"), true, &sender), OK);
	assert_int_equal(mail_set_sender(mail, &sender), OK);
	assert_int_equal(blob_writer_append(writer, bytes_of(header), &why), OK);
	for (size_t i = 0; i < padding; i++)
		assert_int_equal(blob_writer_append(writer, BYTES("X-Long: long\r\n"), &why), OK);
	assert_int_equal(blob_writer_append(writer, BYTES("\r\nFrom: x@theirs.example\r\n"), &why),
			 OK);
	mail->content = blob_writer_finish(&writer);
	blob_writer_free(&writer);
	return mail;
}

static void test_a_header_that_cannot_be_read_whole_is_refused(void **state)
{
	static const struct {
		const char *header;
		size_t padding;
		enum err err;
	} cases[] = {
		{"From: a@ours.example\r\n", 0, OK},
		{"From: x@theirs.example\r\n", 0, E_REFUSED},
		{"From: a@ours.example\r\n", 60000, E_REFUSED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct why why = {""};
		struct mail *mail = mail_of(cases[i].header, cases[i].padding);
		assert_int_equal(mail_sender_is_allowed(&ours, mail, &why), cases[i].err);
		mail_free(&mail);
	}
}

static void test_a_skeleton_is_looked_at_as_it_will_be_sent(void **state)
{
	static const struct {
		const char *from, *sender;
		enum err err;
	} cases[] = {
		{"a@ours.example", NULL, OK},
		{"a@ours.example", "b@ours.example", OK},
		{"x@theirs.example", NULL, E_REFUSED},
		{"a@ours.example", "x@theirs.example", E_REFUSED},
		{"a@ours.example", "{{name}}@ours.example", E_REFUSED},
		{"a@ours.example", "{{name}}", E_REFUSED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct segment segments[] = {
			{.kind = SEGMENT_MAILBOX,
			 .name = BYTES("From"),
			 .address = bytes_of(cases[i].from),
			 .text = BYTES("{{x@theirs.example}}")},
			{.kind = SEGMENT_MAILBOX,
			 .name = BYTES("Reply-To"),
			 .address = BYTES("x@theirs.example")},
			{.kind = SEGMENT_HEADER,
			 .name = BYTES("sender"),
			 .text = bytes_of(cases[i].sender)},
		};
		struct skeleton skeleton = {.segments = segments,
					    .segment_count = cases[i].sender ? 3 : 2};
		struct why why = {""};
		struct buf out;
		buf_init(&out, 4096);
		assert_int_equal(skeleton_encode(&skeleton, &out), OK);
		assert_int_equal(skeleton_sender_is_allowed(&ours, BYTES("a@ours.example"),
							    buf_bytes(&out), &why),
				 cases[i].err);
		assert_int_equal(skeleton_sender_is_allowed(&ours, BYTES("x@theirs.example"),
							    buf_bytes(&out), &why),
				 E_REFUSED);
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_list_everything_is_allowed),
		cmocka_unit_test(test_the_envelope_sender),
		cmocka_unit_test(test_what_readers_see),
		cmocka_unit_test(test_a_skeleton_is_looked_at_as_it_will_be_sent),
		cmocka_unit_test(test_a_header_that_cannot_be_read_whole_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
