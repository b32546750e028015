/* Notices that lib/mail/dsn.h writes, as the reader of returned mail understands them. */
#include "tests/check.h"

#include <string.h>

#include "lib/mail/dsn.h"
#include "lib/report/report.h"

#define MAIL                                                                                       \
	"Received: from a\r\nMessage-ID: <m1@sender.test>\r\nBCC: secret@x.test,\r\n"              \
	"\tmore@x.test\r\nFrom: us@sender.test\r\n\r\nbody of the mail\r\n"

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

static struct dsn notice(enum dsn_kind kind, const struct dsn_recipient *recipients, size_t count)
{
	return (struct dsn){
		.kind = kind,
		.hostname = BYTES("mta.test"),
		.from = BYTES("MAILER-DAEMON@mta.test"),
		.to = BYTES("us@sender.test"),
		.id = BYTES("0123abcd"),
		.envelope_id = BYTES("QQ314"),
		.at_wall_ms = 1795252800000,
		.arrived_wall_ms = 1795252700000,
		.recipients = recipients,
		.recipient_count = count,
		.message = BYTES(MAIL),
	};
}

static const char *write_it(const struct dsn *dsn)
{
	bool is_8bit;
	buf_clear(&out);
	assert_int_equal(dsn_write(dsn, &out, &is_8bit), OK);
	return arena_cstr(arena, buf_bytes(&out));
}

static struct dsn_recipient refused(const char *address)
{
	return (struct dsn_recipient){
		.address = bytes_of(address),
		.original = BYTES("rfc822;ada@first.test"),
		.status = {5, 1, 1},
		.code = 550,
		.text = BYTES("no such\nuser"),
		.remote_host = BYTES("mx.there.test"),
		.at_wall_ms = 1795252750000,
	};
}

static void test_what_is_written_is_read_again(void **state)
{
	static const struct {
		enum dsn_kind kind;
		enum report_kind report;
		enum report_action action;
		struct enhanced_code told, read;
	} cases[] = {
		{DSN_FAILED, REPORT_BOUNCE, ACTION_FAILED, {5, 1, 1}, {5, 1, 1}},
		{DSN_FAILED, REPORT_BOUNCE, ACTION_FAILED, {4, 4, 7}, {4, 4, 7}},
		{DSN_FAILED, REPORT_BOUNCE, ACTION_FAILED, {0, 0, 0}, {5, 0, 0}},
		{DSN_DELAYED, REPORT_DELAY, ACTION_DELAYED, {4, 2, 1}, {4, 2, 1}},
		{DSN_RELAYED, REPORT_SUCCESS, ACTION_RELAYED, {2, 1, 5}, {2, 1, 5}},
		{DSN_DELIVERED, REPORT_SUCCESS, ACTION_DELIVERED, {2, 1, 5}, {2, 1, 5}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dsn_recipient recipients[] = {refused("a@there.test"),
						     refused("b@there.test")};
		struct report report;
		recipients[1].original = BYTES_NONE;
		unsigned code = cases[i].told.class == 4   ? 450
				: cases[i].told.class == 2 ? 250
							   : 550;
		recipients[0].status = recipients[1].status = cases[i].told;
		recipients[0].replied = recipients[1].replied = cases[i].told;
		recipients[0].code = recipients[1].code = code;
		const struct dsn dsn = notice(cases[i].kind, recipients, 2);
		report_read(arena, bytes_of(write_it(&dsn)), &report);
		assert_int_equal(report.kind, cases[i].report);
		assert_int_equal(report.count, 2);
		for (size_t j = 0; j < 2; j++) {
			struct enhanced_code read = report.recipients[j].status;
			assert_int_equal(report.recipients[j].action, cases[i].action);
			assert_int_equal(read.class, cases[i].read.class);
			assert_int_equal(read.subject, cases[i].read.subject);
			assert_int_equal(read.detail, cases[i].read.detail);
			assert_int_equal(report.recipients[j].code, code);
			assert_true(bytes_is(report.recipients[j].remote, "mx.there.test"));
		}
		assert_true(bytes_is(report.recipients[1].final, "b@there.test") ||
			    bytes_is(report.recipients[1].address, "b@there.test"));
		assert_true(bytes_is(report.envelope_id, "QQ314"));
		assert_true(bytes_is(report.message_id, "m1@sender.test"));
	}
}

static void
test_the_header_is_returned_without_secrets_and_the_whole_where_it_was_asked(void **state)
{
	const struct dsn_recipient recipient = refused("a@there.test");
	struct dsn dsn = notice(DSN_FAILED, &recipient, 1);
	(void)state;
	const char *text = write_it(&dsn);
	assert_non_null(strstr(text, "Message-ID: <m1@sender.test>"));
	assert_null(strstr(text, "secret@x.test"));
	assert_null(strstr(text, "more@x.test"));
	assert_null(strstr(text, "body of the mail"));
	dsn.is_full = true;
	assert_non_null(strstr(write_it(&dsn), "body of the mail"));
}

/* Whatever a remote host, or the sender, gave. */
static void test_no_text_can_add_a_field_or_a_part(void **state)
{
	struct dsn_recipient recipient = refused("a@there.test");
	(void)state;
	recipient.text = BYTES("x\r\nAction: delivered\r\n\r\n--=_0123abcd.0--\r\n");
	recipient.original = BYTES("rfc822;a\r\nAction: relayed");
	recipient.remote_host = BYTES("mx\nAction: relayed");
	struct dsn dsn = notice(DSN_FAILED, &recipient, 1);
	dsn.message = BYTES("Subject: x\r\n\r\n--=_0123abcd.0--\r\nbehind\r\n");
	dsn.is_full = true;
	const char *text = write_it(&dsn);
	struct report report;
	assert_null(strstr(text, "\nAction: delivered"));
	assert_null(strstr(text, "\nAction: relayed"));
	assert_non_null(strstr(text, "boundary=\"=_0123abcd.1\""));
	report_read(arena, bytes_of(text), &report);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.recipients[0].action, ACTION_FAILED);
}

static void test_an_address_in_unicode_is_written_in_ascii(void **state)
{
	struct dsn_recipient recipient = refused("g\xc3\xbc+x@there.test");
	(void)state;
	const struct dsn dsn = notice(DSN_FAILED, &recipient, 1);
	assert_non_null(
		strstr(write_it(&dsn), "Final-Recipient: utf-8; g\\x{FC}\\x{2B}x@there.test\r\n"));
}

static void test_lines_are_short_and_all_fits_into_what_is_promised(void **state)
{
	struct dsn_recipient recipients[DSN_RECIPIENTS_MAX];
	char *text = arena_zalloc(arena, 1, 1001), *address = arena_zalloc(arena, 1, 321);
	(void)state;
	memset(text, 'x', 1000);
	memset(address, 'a', 320);
	for (size_t i = 0; i < DSN_RECIPIENTS_MAX; i++) {
		recipients[i] = refused(address);
		recipients[i].text = bytes_of(text);
		recipients[i].original = bytes_from(text, 512);
	}
	const struct dsn dsn = notice(DSN_FAILED, recipients, DSN_RECIPIENTS_MAX);
	const char *line = write_it(&dsn), *end;
	assert_true(buf_bytes(&out).len < DSN_RECIPIENTS_MAX * DSN_RECIPIENT_SIZE_MAX);
	for (; (end = strstr(line, "\r\n")); line = end + 2)
		assert_true(end - line <= 998);
}

static void test_a_full_buffer_is_told(void **state)
{
	const struct dsn_recipient recipient = refused("a@there.test");
	const struct dsn dsn = notice(DSN_FAILED, &recipient, 1);
	struct buf small;
	bool is_8bit;
	(void)state;
	buf_init(&small, 700);
	assert_int_equal(dsn_write(&dsn, &small, &is_8bit), E_FULL);
	buf_done(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_written_is_read_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			test_the_header_is_returned_without_secrets_and_the_whole_where_it_was_asked,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_text_can_add_a_field_or_a_part, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_an_address_in_unicode_is_written_in_ascii,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_lines_are_short_and_all_fits_into_what_is_promised, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_full_buffer_is_told, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
