/* Trace headers: what is written reads as one field whatever it is made of; what is read is counted wherever pieces are cut. */
#include "lib/mail/received.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define WALL_MS INT64_C(1795252800000) /* Sat, 21 Nov 2026 09:20:00 UTC */

static struct received example(void)
{
	return (struct received){
		.client_helo = "client.example",
		.client_ip = "192.0.2.7",
		.by_host = "mx.example",
		.protocol = "ESMTP",
		.id = "01ABC",
		.for_recipient = "a@b.example",
		.wall_ms = WALL_MS,
	};
}

static void assert_written(const struct received *received, const char *wanted)
{
	struct buf out;
	buf_init(&out, 4096);
	assert_int_equal(received_write(received, &out), OK);
	char text[4096];
	assert_true(bytes_to_cstr(buf_bytes(&out), text, sizeof text));
	assert_string_equal(text, wanted);
	buf_done(&out);
}

static void test_all_that_is_known_is_told(void **state)
{
	struct received received = example();
	(void)state;
	assert_written(&received, "Received: from client.example ([192.0.2.7])\r\n"
				  "\tby mx.example (Leveret) with ESMTP id 01ABC\r\n"
				  "\tfor <a@b.example>;\r\n"
				  "\tSat, 21 Nov 2026 09:20:00 +0000\r\n");
}

static void test_what_is_not_known_is_left_out(void **state)
{
	struct received received = example();
	(void)state;
	received.client_helo = "";
	received.client_ip = "";
	received.for_recipient = NULL;
	received.protocol = "AMQP";
	assert_written(&received, "Received: by mx.example (Leveret) with AMQP id 01ABC;\r\n"
				  "\tSat, 21 Nov 2026 09:20:00 +0000\r\n");
	received.client_ip = "2001:db8::1";
	assert_written(&received, "Received: from unknown ([IPv6:2001:db8::1])\r\n"
				  "\tby mx.example (Leveret) with AMQP id 01ABC;\r\n"
				  "\tSat, 21 Nov 2026 09:20:00 +0000\r\n");
}

static void test_a_hostile_value_cannot_leave_its_place(void **state)
{
	struct received received = example();
	(void)state;
	received.client_helo = "a\r\nBcc: x (y) <z>;\xff";
	received.for_recipient = "a@b>\r\nX: y";
	assert_written(&received, "Received: from a??Bcc:?x??y???z??? ([192.0.2.7])\r\n"
				  "\tby mx.example (Leveret) with ESMTP id 01ABC;\r\n"
				  "\tSat, 21 Nov 2026 09:20:00 +0000\r\n");
}

static void test_a_full_buffer_gets_nothing(void **state)
{
	struct received received = example();
	struct buf out;
	(void)state;
	buf_init(&out, 60);
	assert_int_equal(received_write(&received, &out), E_FULL);
	assert_int_equal(buf_bytes(&out).len, 0);
	buf_done(&out);
}

static struct header_scan scan_in_pieces(struct bytes in, size_t piece)
{
	struct header_scan scan;
	header_scan_init(&scan);
	for (size_t at = 0; at < in.len; at += piece)
		header_scan_feed(&scan, bytes_first(bytes_skip(in, at), piece));
	return scan;
}

static void test_received_fields_are_counted_wherever_pieces_are_cut(void **state)
{
	static const struct {
		const char *in;
		unsigned count;
		bool is_done, has_8bit;
	} cases[] = {
		{"", 0, false, false},
		{"\r\nReceived: x\r\n", 0, true, false},
		{"\nReceived: x\n", 0, true, false},
		{"Received: a\r\nReceived: b\r\n\r\nReceived: c\r\n", 2, true, false},
		{"received: a\nRECEIVED: b\n\nReceived: c\n", 2, true, false},
		{"Received : a\r\nReceived\t:b\r\n\r\n", 2, true, false},
		{"Received: a\r\n Received: folded\r\n\tReceived: x\r\n\r\n", 1, true, false},
		{"X-Received: a\r\nReceived-SPF: b\r\nReceive: c\r\nReceived\r\n: d\r\n\r\n", 0,
		 true, false},
		{"Subject: Received: a\r\nReReceived: b\r\n\r\n", 0, true, false},
		{"Received: a\r\nSubject: caf\xc3\xa9\r\n", 1, false, true},
		{"Received: a\r\n\r\ncaf\xc3\xa9\r\n", 1, true, false},
		{"A: b\r\n\rReceived: x\r\nReceived: y\r\n\r\n", 1, true, false},
		{"Received:", 1, false, false},
		{"Received", 0, false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t piece = 1; piece < 20; piece++) {
			struct header_scan scan = scan_in_pieces(bytes_of(cases[i].in), piece);
			if (scan.received_count != cases[i].count ||
			    scan.is_done != cases[i].is_done || scan.has_8bit != cases[i].has_8bit)
				fail_msg("%s: %u", cases[i].in, scan.received_count);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_that_is_known_is_told),
		cmocka_unit_test(test_what_is_not_known_is_left_out),
		cmocka_unit_test(test_a_hostile_value_cannot_leave_its_place),
		cmocka_unit_test(test_a_full_buffer_gets_nothing),
		cmocka_unit_test(test_received_fields_are_counted_wherever_pieces_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
