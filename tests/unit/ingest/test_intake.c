/* A message on its way in: what its header tells us is read and taken out, whatever the cuts, and the rest is as it was. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "ingest/intake.h"

#define ALL (METADATA_LEVERET | METADATA_MAILERQ | METADATA_POWERMTA)

static const int64_t now_ms = 1795252800000; /* 2026-11-21T09:20:00Z */

struct outcome {
	struct mail *mail;
	char content[8192];
	enum err err;
	struct why why;
};

/* `piece` bytes at a time. */
static void take(struct outcome *o, unsigned dialects, bool adds_missing, const char *text,
		 size_t piece)
{
	const struct intake_options options = {dialects, adds_missing, "mta.test"};
	memset(o, 0, sizeof *o);
	o->mail = mail_new("smtp", now_ms);
	struct intake *intake = intake_new(&options, o->mail, blob_writer_new("/tmp", 1 << 20));
	for (struct bytes rest = bytes_of(text); o->err == OK && rest.len > 0;) {
		struct bytes part = bytes_first(rest, piece);
		o->err = intake_append(intake, part, &o->why);
		rest = bytes_skip(rest, part.len);
	}
	struct blob *blob = NULL;
	if (o->err == OK)
		o->err = intake_finish(&intake, &blob, &o->why);
	intake_free(&intake);
	if (blob)
		assert_true(bytes_to_cstr(blob_memory(blob), o->content, sizeof o->content));
	blob_unref(&blob);
}

static void assert_text(struct bytes b, const char *wanted)
{
	assert_int_equal(b.len, strlen(wanted));
	assert_memory_equal(b.data, wanted, b.len);
}

static void test_our_fields_are_read_and_taken_out(void **state)
{
	static const char text[] = "From: a@x.example\r\n"
				   "X-Leveret-Pool: news\r\n"
				   "x-leveret-tenant:acme\r\n"
				   "X-Leveret-Campaign: spring\r\n"
				   "\tsale\r\n"
				   "Subject: folded\r\n"
				   " X-Leveret-Tag: not a field\r\n"
				   "X-Leveret-Tag: one\r\n"
				   "X-Leveret-Tag : two\r\n"
				   "X-Leveret-Metadata: order = 42\r\n"
				   "X-Leveret-Metadata: empty=\r\n"
				   "X-Leveret-Schedule: 2026-11-21T10:00:00Z\r\n"
				   "X-Leveret-Expiry: 86400\r\n"
				   "X-Mailer: theirs\r\n"
				   "\r\n"
				   "X-Leveret-Pool: of the body\r\n";
	(void)state;
	for (size_t piece = 1; piece < sizeof text + 1; piece += piece < 40 ? 1 : 97) {
		struct outcome o;
		take(&o, METADATA_LEVERET, false, text, piece);
		assert_int_equal(o.err, OK);
		assert_string_equal(o.content, "From: a@x.example\r\nSubject: folded\r\n"
					       " X-Leveret-Tag: not a field\r\n"
					       "X-Mailer: theirs\r\n\r\n"
					       "X-Leveret-Pool: of the body\r\n");
		const struct labels *labels = &o.mail->labels;
		assert_text(o.mail->pool_asked, "news");
		assert_text(labels->tenant, "acme");
		assert_text(labels->campaign, "spring sale");
		assert_int_equal(labels->tag_count, 2);
		assert_text(labels->tags[1], "two");
		assert_int_equal(labels->metadata_count, 2);
		assert_text(labels->metadata[0].name, "order");
		assert_text(labels->metadata[0].value, "42");
		assert_int_equal(o.mail->not_before_wall_ms, now_ms + 40 * 60000);
		assert_int_equal(o.mail->expires_wall_ms, now_ms + 86400000);
		mail_free(&o.mail);
	}
}

static void test_other_dialects_are_read_by_setting(void **state)
{
	static const char text[] =
		"x-mq-pool: p\r\nX-MQ-Tag: t\r\nx-mq-foo: bar\r\n"
		"x-mq-smarthost-password: secret\r\nx-mq-delayed: 2026-11-21 09:21:00\r\n"
		"x-mq-dsn-ret: HDRS\r\nx-job: j\r\nx-envid: e 1\r\nX-Other: o\r\n\r\nb\r\n";
	struct outcome o;
	(void)state;
	take(&o, METADATA_MAILERQ | METADATA_POWERMTA, false, text, 1000);
	assert_int_equal(o.err, OK);
	assert_string_equal(o.content, "X-Other: o\r\n\r\nb\r\n");
	assert_text(o.mail->pool_asked, "p");
	assert_int_equal(o.mail->labels.metadata_count, 1);
	assert_text(o.mail->labels.metadata[0].name, "foo");
	assert_text(o.mail->labels.metadata[0].value, "bar");
	assert_text(o.mail->labels.campaign, "j");
	assert_text(o.mail->wishes.envelope_id, "e 1");
	assert_int_equal(o.mail->wishes.dsn_return, DSN_RETURN_HEADERS);
	assert_int_equal(o.mail->not_before_wall_ms, now_ms + 60000);
	mail_free(&o.mail);
	take(&o, METADATA_LEVERET, false, text, 7);
	assert_string_equal(o.content, text);
	assert_int_equal(o.mail->pool_asked.len, 0);
	mail_free(&o.mail);
	take(&o, 0, false, "X-Leveret-Pool: p\r\n\r\n", 3);
	assert_string_equal(o.content, "X-Leveret-Pool: p\r\n\r\n");
	mail_free(&o.mail);
}

static void test_what_cannot_be_understood_refuses_the_message(void **state)
{
	static const struct {
		const char *field, *why;
	} cases[] = {
		{"X-Leveret-Poll: x", "X-Leveret-Poll: is not a field that we know"},
		{"X-Leveret-Pool:", "X-Leveret-Pool: must be text"},
		{"X-Leveret-Pool: a\x01", "X-Leveret-Pool: must be text"},
		{"X-Leveret-Tag: \xff", "X-Leveret-Tag: must be text"},
		{"X-Leveret-Metadata: x", "X-Leveret-Metadata: must be name=value"},
		{"X-Leveret-Metadata: =x", "X-Leveret-Metadata: must be a name"},
		{"X-Leveret-Metadata: a=1\r\nX-Leveret-Metadata: a=2",
		 "X-Leveret-Metadata: a name is there twice"},
		{"X-Leveret-Schedule: tomorrow", "X-Leveret-Schedule: must be a date"},
		{"X-Leveret-Expiry: 2026-02-30T00:00:00Z", "X-Leveret-Expiry: must be a date"},
		{"x-mq-dsn-notify: SOMETIMES", "x-mq-dsn-notify: must be NEVER"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct outcome o;
		char text[400];
		snprintf(text, sizeof text, "%s\r\n\r\nbody\r\n", cases[i].field);
		take(&o, ALL, false, text, 5);
		assert_int_equal(o.err, E_MALFORMED);
		assert_memory_equal(o.why.text, cases[i].why, strlen(cases[i].why));
		mail_free(&o.mail);
	}
}

static void test_missing_fields_are_added_in_front(void **state)
{
	struct outcome o;
	char wanted[400];
	(void)state;
	take(&o, 0, true, "Subject: s\r\n\r\nb\r\n", 4);
	snprintf(wanted, sizeof wanted,
		 "Date: Sat, 21 Nov 2026 09:20:00 +0000\r\nMessage-ID: <%s@mta.test>\r\n"
		 "Subject: s\r\n\r\nb\r\n",
		 o.mail->id);
	assert_string_equal(o.content, wanted);
	mail_free(&o.mail);
	take(&o, 0, true, "DATE: x\r\nmessage-id: <y>\r\n\r\nb\r\n", 100);
	assert_string_equal(o.content, "DATE: x\r\nmessage-id: <y>\r\n\r\nb\r\n");
	mail_free(&o.mail);
}

static void test_a_message_may_be_all_header_or_all_body(void **state)
{
	static const char *const texts[] = {
		"",	"\r\nbody\r\n", "Subject: s\r\n", "no field at all\r\n",
		"\r\n", ": x\r\n\r\n",	"a b: c\r\n\r\n"};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		for (size_t piece = 1; piece < 12; piece++) {
			struct outcome o;
			take(&o, ALL, false, texts[i], piece);
			assert_int_equal(o.err, OK);
			assert_string_equal(o.content, texts[i]);
			mail_free(&o.mail);
		}
}

static void test_a_header_without_end_is_refused(void **state)
{
	const struct intake_options options = {ALL, false, "mta.test"};
	struct mail *mail = mail_new("smtp", now_ms);
	struct intake *intake = intake_new(&options, mail, blob_writer_new("/tmp", 1 << 20));
	enum err err = OK;
	struct why why;
	(void)state;
	char line[1002];
	memset(line, 'x', sizeof line);
	memcpy(line + 1000, "\r\n", 2);
	for (size_t sent = 0; err == OK && sent < 2 * INTAKE_HEADER_MAX; sent += sizeof line)
		err = intake_append(intake, bytes_from(line, sizeof line), &why);
	assert_int_equal(err, E_TOO_BIG);
	intake_free(&intake);
	mail_free(&mail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_our_fields_are_read_and_taken_out),
		cmocka_unit_test(test_other_dialects_are_read_by_setting),
		cmocka_unit_test(test_what_cannot_be_understood_refuses_the_message),
		cmocka_unit_test(test_missing_fields_are_added_in_front),
		cmocka_unit_test(test_a_message_may_be_all_header_or_all_body),
		cmocka_unit_test(test_a_header_without_end_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
