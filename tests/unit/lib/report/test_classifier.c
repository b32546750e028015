/* What replies mean: each class, doubt that is never hard, rules of one's own, and codes read off texts. */
#include "tests/check.h"

#include "lib/report/classifier.h"
#include "lib/report/reply_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct classifier *classifier;

static int set_up(void **state)
{
	struct why why = {""};
	(void)state;
	return classifier_new(NULL, stderr, &classifier, &why) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	classifier_free(&classifier);
	return 0;
}

static struct bounce_verdict ask(const char *text, enum reply_step step)
{
	struct bounce_verdict verdict;
	struct reply_facts facts = {.text = bytes_of(text), .step = step};
	classifier_ask(classifier, &facts, &verdict);
	return verdict;
}

static void describe(const char *reply, enum bounce_class class, enum bounce_family family,
		     char out[400])
{
	(void)snprintf(out, 400, "%s: %s, %s", reply, bounce_class_name(class),
		       bounce_family_name(family));
}

static void test_replies_get_their_class(void **state)
{
	static const struct {
		const char *reply;
		enum reply_step step;
		enum bounce_class class;
		enum bounce_family family;
	} cases[] = {
		{"550 5.1.1 <a@b.test>... User unknown", STEP_ANY, CLASS_BAD_MAILBOX, FAMILY_HARD},
		{"550 No such user here", STEP_RCPT, CLASS_BAD_MAILBOX, FAMILY_HARD},
		{"550 5.1.1", STEP_RCPT, CLASS_BAD_MAILBOX, FAMILY_HARD},
		{"550 5.4.1 Recipient address rejected: Access denied.", STEP_RCPT,
		 CLASS_BAD_MAILBOX, FAMILY_HARD},
		{"550-5.1.1 The email account that you tried to reach does not exist. Please try\n"
		 "550-5.1.1 double-checking the address. 550 5.1.1 x - gsmtp",
		 STEP_RCPT, CLASS_BAD_MAILBOX, FAMILY_HARD},
		/* doubt */
		{"450 4.1.1 User unknown in local recipient table", STEP_RCPT, CLASS_BAD_MAILBOX,
		 FAMILY_SOFT},
		{"550 5.7.1 user unknown", STEP_DATA, CLASS_BAD_MAILBOX, FAMILY_UNDETERMINED},
		{"550 user unknown", STEP_DATA, CLASS_BAD_MAILBOX, FAMILY_UNDETERMINED},
		{"550 rejected", STEP_RCPT, CLASS_BAD_MAILBOX, FAMILY_UNDETERMINED},
		/* the sender, the source, the content: never the mailbox's fault */
		{"550 5.1.8 Sender address rejected: Domain not found", STEP_RCPT,
		 CLASS_INVALID_SENDER, FAMILY_BLOCK},
		{"501 5.1.7 Invalid address", STEP_ANY, CLASS_INVALID_SENDER, FAMILY_BLOCK},
		{"550 unknown user: message rejected as spam", STEP_RCPT, CLASS_SPAM_RELATED,
		 FAMILY_BLOCK},
		{"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using "
		 "zen.spamhaus.org",
		 STEP_RCPT, CLASS_SPAM_RELATED, FAMILY_BLOCK},
		{"550 5.7.26 Unauthenticated email from x.test is not accepted due to domain's "
		 "DMARC "
		 "policy",
		 STEP_DATA, CLASS_POLICY_RELATED, FAMILY_BLOCK},
		{"550 5.7.515 Access denied, sending domain x.test does not meet the required "
		 "authentication level",
		 STEP_DATA, CLASS_POLICY_RELATED, FAMILY_BLOCK},
		{"554 5.7.1 <a@b.test>: Relay access denied", STEP_RCPT, CLASS_RELAYING_ISSUES,
		 FAMILY_BLOCK},
		{"550 Virus detected in message", STEP_DATA, CLASS_VIRUS_RELATED, FAMILY_BLOCK},
		{"552 5.3.4 Message size exceeds fixed limit", STEP_MAIL, CLASS_CONTENT_RELATED,
		 FAMILY_BLOCK},
		{"550 5.7.1 Denied by policy", STEP_RCPT, CLASS_POLICY_RELATED, FAMILY_BLOCK},
		/* not now */
		{"452 4.2.2 Over quota", STEP_RCPT, CLASS_QUOTA_ISSUES, FAMILY_SOFT},
		{"552 5.2.2 mailbox full", STEP_RCPT, CLASS_QUOTA_ISSUES, FAMILY_SOFT},
		{"550 5.2.1 The email account that you tried to reach is disabled", STEP_RCPT,
		 CLASS_INACTIVE_MAILBOX, FAMILY_SOFT},
		{"421 4.7.0 Too many connections", STEP_CONNECT, CLASS_POLICY_RELATED, FAMILY_SOFT},
		{"450 4.7.1 Greylisted, try again in 300 seconds", STEP_RCPT, CLASS_POLICY_RELATED,
		 FAMILY_SOFT},
		{"connect to mx.test[192.0.2.1]:25: Connection timed out", STEP_ANY,
		 CLASS_NO_ANSWER, FAMILY_SOFT},
		{"lost connection with mx.test[192.0.2.1] while receiving the greeting", STEP_ANY,
		 CLASS_BAD_CONNECTION, FAMILY_SOFT},
		{"retry timeout exceeded", STEP_ANY, CLASS_MESSAGE_EXPIRED, FAMILY_SOFT},
		{"554 5.4.6 Too many hops", STEP_DATA, CLASS_ROUTING_ERRORS, FAMILY_SOFT},
		{"503 5.5.1 Bad sequence of commands", STEP_RCPT, CLASS_PROTOCOL_ERRORS,
		 FAMILY_SOFT},
		{"451 4.3.0 Internal server error", STEP_DATA, CLASS_BAD_CONFIGURATION,
		 FAMILY_SOFT},
		/* the domain */
		{"550 5.1.2 Host unknown", STEP_ANY, CLASS_BAD_DOMAIN, FAMILY_HARD},
		{"Domain example.test does not accept mail (nullMX)", STEP_ANY, CLASS_BAD_DOMAIN,
		 FAMILY_HARD},
		{"Host or domain name not found. Name service error for name=x.test type=MX: Host "
		 "not found, try again",
		 STEP_ANY, CLASS_ROUTING_ERRORS, FAMILY_SOFT},
		/* nothing to go by */
		{"", STEP_ANY, CLASS_OTHER, FAMILY_UNDETERMINED},
		{"gibberish", STEP_ANY, CLASS_OTHER, FAMILY_UNDETERMINED},
		{"250 2.0.0 ok", STEP_DATA, CLASS_OTHER, FAMILY_UNDETERMINED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bounce_verdict verdict = ask(cases[i].reply, cases[i].step);
		char is[400], wanted[400];
		describe(cases[i].reply, verdict.class, verdict.family, is);
		describe(cases[i].reply, cases[i].class, cases[i].family, wanted);
		assert_string_equal(is, wanted);
	}
}

/* The sender's text is not the host's. */
static void test_an_address_says_nothing(void **state)
{
	(void)state;
	struct bounce_verdict verdict =
		ask("550 5.7.1 <user-unknown@spam.mailbox-full.test>: no", STEP_ANY);
	assert_int_equal(verdict.class, CLASS_POLICY_RELATED);
	assert_string_equal(verdict.rule, "code-policy");
}

static void test_surroundings_are_asked_when_the_reply_says_little(void **state)
{
	struct bounce_verdict verdict;
	struct reply_facts facts = {.text = BYTES("554 sorry"),
				    .more = BYTES("the mailbox is full")};
	(void)state;
	classifier_ask(classifier, &facts, &verdict);
	assert_int_equal(verdict.class, CLASS_QUOTA_ISSUES);
	facts.text = BYTES("550 5.1.1 user unknown");
	classifier_ask(classifier, &facts, &verdict);
	assert_int_equal(verdict.class, CLASS_BAD_MAILBOX);
}

static enum err with_rules(const char *text, struct classifier **ret)
{
	char path[] = "/tmp/leveret-rules-XXXXXX";
	struct why why = {""};
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	enum err err = classifier_new(path, NULL, ret, &why);
	unlink(path);
	return err;
}

static void test_rules_of_ones_own_come_first(void **state)
{
	struct classifier *own = NULL;
	struct bounce_verdict verdict;
	struct reply_facts facts = {.text = BYTES("550 5.1.1 user unknown"),
				    .host = BYTES("mx1.partner.test.")};
	(void)state;
	assert_int_equal(
		with_rules("rules:\n  - {id: ours, class: policy-related, code: [\"55x\"], "
			   "enhanced: [\"5.1.*\"], host: [\"partner.test\"]}\n",
			   &own),
		OK);
	classifier_ask(own, &facts, &verdict);
	assert_string_equal(verdict.rule, "ours");
	assert_int_equal(verdict.family, FAMILY_BLOCK);
	facts.host = BYTES("mx.otherpartner.test");
	classifier_ask(own, &facts, &verdict);
	assert_string_not_equal(verdict.rule, "ours");
	classifier_free(&own);
}

static void test_bad_rules_are_refused(void **state)
{
	static const char *const bad[] = {
		"rules:\n  - {class: other, any: [\"x\"]}\n",
		"rules:\n  - {id: a, class: none-such, any: [\"x\"]}\n",
		"rules:\n  - {id: a, class: other}\n",
		"rules:\n  - {id: a, class: other, code: [\"5\"]}\n",
		"rules:\n  - {id: a, class: other, enhanced: [\"five\"]}\n",
		"rules:\n  - {id: a, class: other, any: [\"Upper\"]}\n",
		"rules:\n  - {id: a, class: other, any: [\"*\"]}\n",
		"rules: [",
	};
	struct classifier *own = NULL;
	struct why why;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_not_equal(with_rules(bad[i], &own), OK);
	assert_int_equal(classifier_new("/nonexistent", NULL, &own, &why), E_NOT_FOUND);
	assert_null(own);
}

static void test_codes_are_read_off_texts(void **state)
{
	static const struct {
		const char *text;
		unsigned code;
		const char *enhanced;
	} cases[] = {
		{"550 5.1.1 no", 550, "5.1.1"},
		{"host mx.test[192.0.2.153] said: 550-5.1.1 no", 550, "5.1.1"},
		{"sorry (#5.7.1)", 0, "5.7.1"},
		{"554 554 5.7.0 Header error", 554, "5.7.0"},
		{"550 #5.1.0 Address rejected.", 550, "5.1.0"},
		{"550: 5.1.1 <a@b>", 550, "5.1.1"},
		{"192.0.2.550 is 5.1.1.9 of version 4.5.6.7", 0, ""},
		{"SIZE=1543: 550 no", 550, ""},
		{"450 later, 5.1.1 never", 450, ""},
		{"for the last 432000 seconds", 0, ""},
		{"", 0, ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct reply_codes codes = {0};
		char enhanced[16];
		(void)reply_codes_find(bytes_of(cases[i].text), &codes);
		enhanced_code_text(codes.enhanced, enhanced);
		assert_int_equal(codes.code, cases[i].code);
		assert_string_equal(enhanced, cases[i].enhanced);
	}
}

static void test_texts_are_made_plain(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"550-5.1.1 No\r\n550 5.1.1  such USER", "no such user"},
		{"<A.B+c@d.test>: rejected", "<@>: rejected"},
		{"see http://x.test/?a=b", "see http://x.test/?a=b"},
		{"550-REJECTED", "rejected"},
		{"(#5.1.1) x", "x"},
		{"", ""},
	};
	uint8_t out[100];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t len = reply_text_plain(bytes_of(cases[i].in), out, sizeof out);
		assert_int_equal(len, strlen(cases[i].out));
		assert_memory_equal(out, cases[i].out, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies_get_their_class),
		cmocka_unit_test(test_an_address_says_nothing),
		cmocka_unit_test(test_surroundings_are_asked_when_the_reply_says_little),
		cmocka_unit_test(test_rules_of_ones_own_come_first),
		cmocka_unit_test(test_bad_rules_are_refused),
		cmocka_unit_test(test_codes_are_read_off_texts),
		cmocka_unit_test(test_texts_are_made_plain),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
