/* Log lines stay one line of valid text whatever a remote host says, and feed the counters. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

static char captured[8192];

/* Runs what a test logs with standard error in a pipe. */
#define CAPTURE(statement)                                                                         \
	do {                                                                                       \
		int fds[2], saved = dup(STDERR_FILENO);                                            \
		assert_int_equal(pipe(fds), 0);                                                    \
		dup2(fds[1], STDERR_FILENO);                                                       \
		statement;                                                                         \
		dup2(saved, STDERR_FILENO);                                                        \
		close(saved);                                                                      \
		close(fds[1]);                                                                     \
		ssize_t got = read(fds[0], captured, sizeof captured - 1);                         \
		captured[got > 0 ? got : 0] = '\0';                                                \
		close(fds[0]);                                                                     \
	} while (0)

static const char *metrics_text(void)
{
	static char text[65536];
	struct buf out;
	buf_init(&out, sizeof text);
	assert_int_equal(metrics_write(&out), OK);
	assert_true(bytes_to_cstr(buf_bytes(&out), text, sizeof text));
	buf_done(&out);
	return text;
}

static void test_remote_text_cannot_break_a_line(void **state)
{
	(void)state;
	log_init(LOG_INFO, LOG_FORMAT_JSON, "worker");
	CAPTURE(log_event(EV_attempt_finished, F_TEXT("outcome", "bounced"),
			  F_BYTES("text", bytes_from("a\r\nb\x1b\"\\\xff\xc3\xa9", 10)),
			  F_INT("code", 550)));
	const char *at = strstr(captured, ",\"outcome\":\"bounced\"");
	assert_non_null(at);
	assert_string_equal(at,
			    ",\"outcome\":\"bounced\",\"text\":"
			    "\"a\\u000d\\u000ab\\u001b\\\"\\\\\\ufffd\xc3\xa9\",\"code\":550}\n");
}

static void test_plain_values_need_no_quotes_in_the_text_form(void **state)
{
	(void)state;
	log_init(LOG_INFO, LOG_FORMAT_TEXT, "ingest");
	CAPTURE(log_event(EV_message_accepted, F_TEXT("door", "smtp"), F_TEXT("helo", "a b"),
			  F_TEXT("empty", ""), F_BOOL("tls", true)));
	assert_non_null(strstr(
		captured,
		" info ingest message_accepted door=smtp helo=\"a b\" empty=\"\" tls=true\n"));
}

static void test_a_long_line_loses_fields_and_keeps_its_form(void **state)
{
	(void)state;
	char big[700];
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	log_init(LOG_INFO, LOG_FORMAT_JSON, "ingest");
	CAPTURE(log_event(EV_message_accepted, F_TEXT("door", "smtp"), F_TEXT("a", big),
			  F_TEXT("b", big), F_TEXT("c", big), F_TEXT("d", big), F_TEXT("e", big),
			  F_TEXT("f", big), F_TEXT("g", big)));
	assert_true(strlen(captured) <= 4096);
	assert_string_equal(captured + strlen(captured) - 3, "\"}\n");
}

static void test_a_call_without_the_field_of_a_label_counts_all_the_same(void **state)
{
	(void)state;
	log_init(LOG_INFO, LOG_FORMAT_JSON, "ingest");
	CAPTURE(log_event(EV_smtp_command_refused, F_TEXT("command", "RCPT")));
	assert_non_null(strstr(captured, "\"event\":\"smtp_command_refused\""));
	assert_non_null(
		strstr(metrics_text(), "leveret_smtp_command_refused_total{code=\"\"} 1\n"));
}

static void test_a_quiet_event_still_counts(void **state)
{
	(void)state;
	log_init(LOG_ERROR, LOG_FORMAT_JSON, "ingest");
	CAPTURE(log_event(EV_message_refused, F_TEXT("door", "smtp"), F_TEXT("reason", "broker")));
	assert_string_equal(captured, "");
	assert_non_null(
		strstr(metrics_text(),
		       "leveret_message_refused_total{door=\"smtp\",reason=\"broker\"} 1\n"));
}

static void test_label_sets_are_bounded(void **state)
{
	(void)state;
	log_init(LOG_ERROR, LOG_FORMAT_JSON, "worker");
	for (int i = 0; i < METRIC_SERIES_MAX + 50; i++) {
		char value[16];
		(void)snprintf(value, sizeof value, "v%d", i);
		log_event(EV_publication_failed, F_TEXT("reason", value));
	}
	struct buf out;
	buf_init(&out, 1 << 20);
	assert_int_equal(metrics_write(&out), OK);
	assert_int_equal(buf_append(&out, BYTES("\0")), OK);
	const char *text = (const char *)buf_bytes(&out).data;
	assert_non_null(strstr(text, "leveret_publication_failed_total{reason=\"other\"} 50\n"));
	buf_done(&out);
}

static void test_histograms_are_cumulative(void **state)
{
	(void)state;
	metric_observe_ms(M_attempt_seconds, NULL, 3);
	metric_observe_ms(M_attempt_seconds, NULL, 3000000);
	const char *text = metrics_text();
	assert_non_null(strstr(text, "# TYPE leveret_attempt_seconds histogram\n"));
	assert_non_null(strstr(text, "leveret_attempt_seconds_bucket{le=\"0.002\"} 0\n"));
	assert_non_null(strstr(text, "leveret_attempt_seconds_bucket{le=\"0.005\"} 1\n"));
	assert_non_null(strstr(text, "leveret_attempt_seconds_bucket{le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(text, "leveret_attempt_seconds_count 2\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remote_text_cannot_break_a_line),
		cmocka_unit_test(test_plain_values_need_no_quotes_in_the_text_form),
		cmocka_unit_test(test_a_long_line_loses_fields_and_keeps_its_form),
		cmocka_unit_test(test_a_quiet_event_still_counts),
		cmocka_unit_test(test_a_call_without_the_field_of_a_label_counts_all_the_same),
		cmocka_unit_test(test_histograms_are_cumulative),
		cmocka_unit_test(test_label_sets_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
