/* Lines of accounting files. */
#include "tests/check.h"

#include <string.h>

#include "bouncer/telling/accounting_row.h"

#define DELIVERY_HEADER                                                                            \
	"type,timeLogged,timeQueued,totalSecondsQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,"       \
	"dsnDiag,dsnMta,bounceCat,srcType,srcMta,dlvType,dlvSourceIp,dlvDestinationIp,"            \
	"dlvEsmtpAvailable,dlvSize,vmta,jobId,envId,queue,vmtaPool,userString,dlvTlsProtocol,"     \
	"dlvTlsCipher,rcvSmtpUser\r\n"

static const char *d_b[] = {"d", "b"};

static struct bouncer_event bounce(void)
{
	return (struct bouncer_event){
		.id = BYTES("0123456789abcdef0123456789abcdef"),
		.kind = EVENT_BOUNCED,
		.at_wall_ms = INT64_C(1549662845000),
		.has_result = true,
		.class = BYTES("bad-mailbox"),
		.hardness = BYTES("hard"),
		.result = {.id = BYTES("m1"),
			   .recipient = BYTES("ann@x.example"),
			   .sender = BYTES("news@s.example"),
			   .event = RESULT_BOUNCED,
			   .attempt = 2,
			   .code = 550,
			   .enhanced = BYTES("5.1.1"),
			   .text = BYTES("no \"such\", user\r\nhere"),
			   .remote_host = BYTES("mx.x.example"),
			   .remote_address = BYTES("192.0.2.1:25"),
			   .source = BYTES("out1"),
			   .tls = BYTES("TLSv1.3 TLS_AES_256_GCM_SHA384"),
			   .accepted_wall_ms = INT64_C(1549662840000),
			   .pool = BYTES("bulk"),
			   .labels = {.tenant = BYTES("acme"), .campaign = BYTES("autumn")}}};
}

static void assert_row(const struct accounting_settings *settings,
		       const struct bouncer_event *event, const char *expected)
{
	struct buf out;
	buf_init(&out, 65536);
	assert_int_equal(accounting_row(settings, NULL, event, &out), OK);
	assert_int_equal(buf_append(&out, BYTES("\0")), OK);
	assert_string_equal((const char *)buf_bytes(&out).data, expected);
	buf_done(&out);
}

static void test_the_columns_of_deliveries_are_powermtas_in_its_order(void **state)
{
	struct accounting_settings settings = {.records = {d_b, 2}, .tenant = ""};
	struct buf out;
	(void)state;
	buf_init(&out, 65536);
	accounting_header(&settings, &out);
	assert_int_equal(buf_append(&out, BYTES("\0")), OK);
	assert_string_equal((const char *)buf_bytes(&out).data, DELIVERY_HEADER);
	buf_done(&out);
	struct bouncer_event event = bounce();
	assert_row(&settings, &event,
		   "b,2019-02-08 21:54:05+0000,2019-02-08 21:54:00+0000,5,news@s.example,"
		   "ann@x.example,,failed,5.1.1 (bad destination mailbox address),"
		   "\"smtp;550 5.1.1 no \"\"such\"\", user  here\",mx.x.example "
		   "(192.0.2.1),bad-mailbox,,,smtp,,192.0.2.1,,,out1,autumn,m1,x.example/bulk,"
		   "bulk,acme,TLSv1.3,TLS_AES_256_GCM_SHA384,\r\n");
}

static void test_columns_may_be_chosen(void **state)
{
	const char *names[] = {"rcpt", "metadata_order", "type"};
	struct pair order = {BYTES("order"), BYTES("1,7")};
	struct accounting_settings settings = {
		.records = {d_b, 2}, .fields = {names, 3}, .tenant = ""};
	struct bouncer_event event = bounce();
	event.result.labels.metadata = &order;
	event.result.labels.metadata_count = 1;
	(void)state;
	assert_row(&settings, &event, "ann@x.example,\"1,7\",b\r\n");
	assert_true(accounting_has_field("metadata_x"));
	assert_false(accounting_has_field("metadata_"));
	assert_true(accounting_has_field("header_X"));
	assert_false(accounting_has_field("header_"));
	assert_true(accounting_has_field("!orcpt"));
	assert_false(accounting_has_field("!nothing"));
}

static void test_what_results_tell_of_a_message_has_its_columns(void **state)
{
	const char *names[] = {"orcpt",	  "srcType",	 "srcMta",	 "dlvEsmtpAvailable",
			       "dlvSize", "rcvSmtpUser", "header_x-job", "header_X-Other",
			       "attempt", "dlvMs"};
	struct pair job = {BYTES("X-Job"), BYTES("7, 8")};
	struct accounting_settings settings = {
		.records = {d_b, 2}, .fields = {names, 10}, .tenant = ""};
	struct bouncer_event event = bounce();
	event.result.original = BYTES("rfc822;ann@x.example");
	event.result.origin = (struct mail_origin){BYTES("smtp"), BYTES("192.0.2.9"), BYTES("joe")};
	event.result.esmtp = BYTES("PIPELINING,8BITMIME");
	event.result.content_bytes = 812;
	event.result.headers = &job;
	event.result.header_count = 1;
	event.result.took_ms = 42;
	(void)state;
	assert_row(&settings, &event,
		   "rfc822;ann@x.example,smtp,192.0.2.9,\"PIPELINING,8BITMIME\",812,joe,\"7, "
		   "8\",,2,42\r\n");
}

static void test_the_usual_columns_may_be_named_and_some_of_them_left_out(void **state)
{
	const char *names[] = {"*", "!orcpt", "!dsnDiag", "header_X"};
	static const char *b[] = {"rb"};
	struct accounting_settings settings = {
		.records = {b, 1}, .fields = {names, 4}, .tenant = ""};
	struct buf out;
	(void)state;
	buf_init(&out, 65536);
	accounting_header(&settings, &out);
	assert_int_equal(buf_append(&out, BYTES("\0")), OK);
	assert_string_equal((const char *)buf_bytes(&out).data,
			    "type,timeLogged,orig,rcpt,dsnAction,dsnStatus,dsnMta,dsnReportingMta,"
			    "bounceCat,srcType,srcMta,envId,format,header_X\r\n");
	buf_done(&out);
}

static void test_a_complaint_tells_who_reports_and_from_where(void **state)
{
	static const char *f[] = {"f"};
	const char *names[] = {"type", "repSourceIp", "feedbackType", "userAgent"};
	struct accounting_settings settings = {
		.records = {f, 1}, .fields = {names, 4}, .tenant = ""};
	struct bouncer_event event = bounce();
	event.kind = EVENT_COMPLAINED;
	event.report = BYTES("arf");
	event.feedback_type = BYTES("abuse");
	event.reporter = BYTES("Loop/1.0");
	event.result.origin.client = BYTES("192.0.2.8");
	(void)state;
	assert_row(&settings, &event, "f,192.0.2.8,abuse,Loop/1.0\r\n");
}

static void test_events_become_records(void **state)
{
	static const struct {
		enum bouncer_event_kind kind;
		const char *report;
		enum record record;
	} cases[] = {
		{EVENT_DELIVERED, "", RECORD_D},       {EVENT_DEFERRED, "", RECORD_T},
		{EVENT_BOUNCED, "", RECORD_B},	       {EVENT_BOUNCED, "dsn", RECORD_RB},
		{EVENT_EXPIRED, "", RECORD_B},	       {EVENT_SUPPRESSED, "", RECORD_B},
		{EVENT_CANCELLED, "", RECORD_B},       {EVENT_COMPLAINED, "arf", RECORD_F},
		{EVENT_ALERT, "", RECORD_NONE},	       {EVENT_DEFERRED, "dsn", RECORD_NONE},
		{EVENT_UNSUBSCRIBED, "", RECORD_NONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bouncer_event event = {.kind = cases[i].kind,
					      .report = bytes_of(cases[i].report)};
		struct accounting_settings settings = {.records = {d_b, 2}, .tenant = ""};
		assert_int_equal(record_of(&event), cases[i].record);
		assert_int_equal(accounting_wants(&settings, &event),
				 cases[i].record == RECORD_D || cases[i].record == RECORD_B);
	}
}

static void test_a_line_of_kumomtas_form(void **state)
{
	struct accounting_settings settings = {
		.format = ACCOUNTING_KUMOMTA, .records = {d_b, 2}, .tenant = ""};
	struct bouncer_event event = bounce();
	(void)state;
	assert_row(&settings, &event,
		   "{\"type\":\"Bounce\",\"id\":\"m1\",\"sender\":\"news@s.example\",\"recipient\":"
		   "\"ann@x.example\",\"queue\":\"autumn:acme@x.example\",\"site\":null,\"size\":0,"
		   "\"timestamp\":1549662845,\"event_time\":1549662845.000,\"created\":1549662840,"
		   "\"num_attempts\":1,\"response\":{\"code\":550,\"enhanced_code\":{\"class\":5,"
		   "\"subject\":1,\"detail\":1},\"content\":\"no \\\"such\\\", "
		   "user\\u000d\\u000ahere\","
		   "\"command\":null},\"peer_address\":{\"name\":\"mx.x.example\",\"addr\":"
		   "\"192.0.2.1\"},\"bounce_classification\":\"InvalidRecipient\",\"egress_pool\":"
		   "\"bulk\",\"egress_source\":\"out1\",\"feedback_type\":null,\"meta\":{},"
		   "\"headers\":{},\"delivery_protocol\":\"ESMTP\",\"reception_protocol\":null,"
		   "\"nodeid\":null,"
		   "\"tls_protocol_version\":\"TLSv1.3\",\"tls_cipher\":\"TLS_AES_256_GCM_SHA384\","
		   "\"event_id\":\"0123456789abcdef0123456789abcdef\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_columns_of_deliveries_are_powermtas_in_its_order),
		cmocka_unit_test(test_columns_may_be_chosen),
		cmocka_unit_test(test_what_results_tell_of_a_message_has_its_columns),
		cmocka_unit_test(test_the_usual_columns_may_be_named_and_some_of_them_left_out),
		cmocka_unit_test(test_a_complaint_tells_who_reports_and_from_where),
		cmocka_unit_test(test_events_become_records),
		cmocka_unit_test(test_a_line_of_kumomtas_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
