/* Internationalized mail for hosts that offer SMTPUTF8, and for others: what can be told them otherwise, and what is answered here. */
#include "tests/unit/workers/smtp/fixture_smtp.h"

#define MAIL	"MAIL FROM:<sender@x.example>\r\n"
#define UTF8	"j\xc3\xb6rg"
#define A_LABEL "xn--jrg-sna"

static void assert_refused(struct smtp_fixture *f, const char *recipient, unsigned code,
			   unsigned detail)
{
	const struct smtp_outcome *outcome = outcome_of(f, recipient);
	assert_result(f, recipient, code);
	assert_int_equal(outcome->reply.enhanced.class, 5);
	assert_int_equal(outcome->reply.enhanced.subject, 6);
	assert_int_equal(outcome->reply.enhanced.detail, detail);
}

static void test_domains_go_as_a_labels_where_smtputf8_is_not_offered(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	f->transaction.smtputf8 = true;
	f->transaction.sender = BYTES("n@" UTF8 ".example");
	submit(f, "a@" UTF8 ".example", "b@x.example");
	assert_sent(f, "MAIL FROM:<n@" A_LABEL ".example>\r\nRCPT TO:<a@" A_LABEL
		       ".example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n");
	remote_says(f, "250 ok", "250 ok", "250 ok", "354 go", "250 queued");
	assert_result(f, "a@" UTF8 ".example", 250);
}

static void test_where_it_is_offered_addresses_stay_as_they_are(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING\r\nSMTPUTF8");
	submit(f, "a@" UTF8 ".example");
	assert_sent(f, "MAIL FROM:<sender@x.example> SMTPUTF8\r\nRCPT TO:<a@" UTF8
		       ".example>\r\nDATA\r\n");
}

static void test_a_local_part_that_is_not_ascii_is_refused_alone(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, "PIPELINING");
	submit(f, "a@x.example", UTF8 "@x.example");
	assert_sent(f, MAIL "RCPT TO:<a@x.example>\r\nDATA\r\n");
	assert_refused(f, UTF8 "@x.example", 553, 7);
	remote_says(f, "250 ok", "250 ok", "354 go", "250 queued");
	assert_result(f, "a@x.example", 250);
}

static void test_a_sender_that_is_not_ascii_is_refused_for_all(void **state)
{
	struct smtp_fixture *f = *state;
	be_ready(f, NULL);
	f->transaction.sender = BYTES(UTF8 "@x.example");
	submit(f, "a@x.example", "b@x.example");
	assert_sent(f, "");
	assert_refused(f, "a@x.example", 553, 7);
	assert_refused(f, "b@x.example", 553, 7);
}

static void test_a_header_that_is_not_ascii_is_never_changed(void **state)
{
	static const char *const needs[] = {
		"Subject: " UTF8 "\r\n\r\nhello\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
		"text/plain; name=" UTF8 "\r\n\r\nx\r\n--b--\r\n",
	};
	static const char *const does_not[] = {
		"Subject: x\r\n\r\n" UTF8 "\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" UTF8 "\r\n--b--\r\n",
	};
	struct smtp_fixture *f = *state;
	for (size_t i = 0; i < 2; i++) {
		be_ready(f, "8BITMIME");
		f->transaction.smtputf8 = true;
		f->transaction.content = bytes_of(needs[i]);
		submit(f, "a@x.example");
		assert_sent(f, "");
		assert_refused(f, "a@x.example", 554, 9);
		assert_true(smtp_session_is_reusable(f->session));
	}
	for (size_t i = 0; i < 2; i++) {
		be_ready(f, "8BITMIME");
		f->transaction.smtputf8 = true;
		f->transaction.content = bytes_of(does_not[i]);
		submit(f, "a@x.example");
		assert_sent(f, MAIL);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_domains_go_as_a_labels_where_smtputf8_is_not_offered),
		TEST(test_where_it_is_offered_addresses_stay_as_they_are),
		TEST(test_a_local_part_that_is_not_ascii_is_refused_alone),
		TEST(test_a_sender_that_is_not_ascii_is_refused_for_all),
		TEST(test_a_header_that_is_not_ascii_is_never_changed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
