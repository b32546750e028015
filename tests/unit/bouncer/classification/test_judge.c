/* Which results say surely that a mailbox is not there, and which must never. */
#include "tests/check.h"

#include "bouncer/classification/judge.h"

#include <string.h>

static struct classifier *classifier;

static bool result_is_bad_mailbox(const struct result *result)
{
	struct bounce_verdict verdict;
	return judge_result(classifier, result, &verdict) && verdict.class == CLASS_BAD_MAILBOX &&
	       verdict.family == FAMILY_HARD;
}

struct row {
	uint32_t code;
	const char *enhanced, *text;
};

static struct result result_of(const struct row *row, const char *step)
{
	return (struct result){
		.event = RESULT_BOUNCED,
		.recipient = BYTES("ann@spamhaus-blocked.example"),
		.code = row->code,
		.enhanced = bytes_of(row->enhanced),
		.text = bytes_of(row->text),
		.step = bytes_of(step),
	};
}

static const struct row sure[] = {
	{550, "5.1.1",
	 "The email account that you tried to reach does not exist. Please try\n"
	 "double-checking the recipient's email address for typos"},
	{550, "5.1.1",
	 "<ann@spamhaus-blocked.example>: Recipient address rejected: User unknown "
	 "in relay recipient table"},
	{550, "5.1.1", "Mailbox unavailable"},
	{554, "5.1.1", "ann@spamhaus-blocked.example"},
	{550, "5.1.6", "Mailbox has moved"},
	{550, "5.1.10",
	 "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address "
	 "lookup"},
	{550, "5.1.0", "User unknown"},
	{550, "5.0.0", "NO SUCH USER here"},
	{553, "", "sorry, no such mailbox here"},
	{551, "", "user unknown; please ask around"},
	{550, "", "Requested action not taken: mailbox not found"},
	{550, "", "<ann@spamhaus-blocked.example> does not exist here"},
	{550, "", "Unknown recipient"},
	{550, "", "invalid recipient"},
	{550, "5.1.x", "user unknown"},
	{554, "", "user unknown"},
	{550, "5.4.1", "Recipient address rejected: Access denied"},
	{550, "5.1.2", "no such user at this host"},
};

static const struct row doubtful[] = {
	{450, "4.1.1", "user unknown"},
	{550, "", "mailbox unavailable"},
	{550, "",
	 "Requested action not taken: mailbox unavailable (e.g., mailbox not found, no "
	 "access, or command rejected for policy reasons)"},
	{550, "5.7.1", "user unknown"},
	{550, "5.7.26", "unauthenticated mail is prohibited"},
	{552, "5.2.2", "user unknown"},
	{552, "", "mailbox not found: over quota"},
	{550, "5.2.1", "The email account that you tried to reach is disabled"},
	{550, "5.1.1", "rejected as spam"},
	{550, "5.1.1", "your host is on a blocklist"},
	{550, "5.1.1", "User temporarily not known"},
	{550, "5.1.1", "relaying denied"},
	{550, "5.1.1", "refused due to recipient preferences"},
	{550, "5.1.0", "Sender address rejected: user unknown"},
	{553, "5.1.8", "Domain of sender address does not exist"},
	{550, "", "no"},
	{0, "5.1.10", "the domain takes no mail"},
};

/* "no" alone is never hard; a shaping rule knows better. */
static void test_the_class_of_a_shaping_rule_is_taken(void **state)
{
	static const struct {
		const char *class, *step;
		enum bounce_class wanted;
		enum bounce_family family;
	} cases[] = {
		{"bad-mailbox", "rcpt", CLASS_BAD_MAILBOX, FAMILY_HARD},
		{"bad-mailbox", "mail", CLASS_BAD_MAILBOX, FAMILY_UNDETERMINED},
		{"policy-related", "rcpt", CLASS_POLICY_RELATED, FAMILY_BLOCK},
		{"of a later version", "rcpt", CLASS_BAD_MAILBOX, FAMILY_UNDETERMINED},
	};
	const struct row no = {550, "", "no"};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bounce_verdict verdict;
		struct result result = result_of(&no, cases[i].step);
		result.class = bytes_of(cases[i].class);
		assert_true(judge_result(classifier, &result, &verdict));
		assert_int_equal(verdict.class, cases[i].wanted);
		assert_int_equal(verdict.family, cases[i].family);
		assert_int_equal(strcmp(verdict.rule, "shaping") == 0, i < 3);
	}
}

static void test_unambiguous_replies_to_rcpt_are_bad_mailboxes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sure / sizeof sure[0]; i++) {
		struct result result = result_of(&sure[i], "rcpt");
		if (!result_is_bad_mailbox(&result))
			print_error("%s\n", sure[i].text);
		assert_true(result_is_bad_mailbox(&result));
	}
}

static void test_anything_doubtful_is_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof doubtful / sizeof doubtful[0]; i++) {
		struct result result = result_of(&doubtful[i], "rcpt");
		if (result_is_bad_mailbox(&result))
			print_error("%s\n", doubtful[i].text);
		assert_false(result_is_bad_mailbox(&result));
	}
}

static void test_only_a_bounce_counts(void **state)
{
	(void)state;
	static const enum result_event events[] = {RESULT_DELIVERED, RESULT_DEFERRED,
						   RESULT_EXPIRED, RESULT_SUPPRESSED};
	for (size_t i = 0; i < 4; i++) {
		struct result result = result_of(&sure[0], "rcpt");
		result.event = events[i];
		assert_false(result_is_bad_mailbox(&result));
	}
}

static void
test_a_reply_to_the_whole_transaction_counts_only_when_it_names_the_recipient(void **state)
{
	(void)state;
	static const struct row unnamed = {550, "5.1.1", "User unknown"};
	static const struct row named = {550, "5.1.1",
					 "<Ann@Spamhaus-Blocked.Example>: User unknown"};
	static const char *const steps[] = {"data", "body"};
	for (size_t i = 0; i < 2; i++) {
		struct result result = result_of(&unnamed, steps[i]);
		assert_false(result_is_bad_mailbox(&result));
		result = result_of(&named, steps[i]);
		assert_true(result_is_bad_mailbox(&result));
	}
}

static void test_other_steps_say_nothing_of_the_mailbox(void **state)
{
	(void)state;
	static const char *const steps[] = {"connect", "greeting", "ehlo", "starttls",	 "mail",
					    "dns",     "expiry",   "",	   "suppression"};
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct result result = result_of(&sure[1], steps[i]);
		assert_false(result_is_bad_mailbox(&result));
	}
}

static int make(void **state)
{
	(void)state;
	return classifier_new(NULL, stderr, &classifier, NULL);
}

static int drop(void **state)
{
	(void)state;
	classifier_free(&classifier);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_class_of_a_shaping_rule_is_taken),
		cmocka_unit_test(test_unambiguous_replies_to_rcpt_are_bad_mailboxes),
		cmocka_unit_test(test_anything_doubtful_is_not),
		cmocka_unit_test(test_only_a_bounce_counts),
		cmocka_unit_test(
			test_a_reply_to_the_whole_transaction_counts_only_when_it_names_the_recipient),
		cmocka_unit_test(test_other_steps_say_nothing_of_the_mailbox),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
