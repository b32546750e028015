/* MTA-STS: records, policies, names (RFC 8461 3.1, 3.2, 4.1), and when a policy is fetched. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "workers/tls/sts.h"

static void test_records(void **state)
{
	static const struct {
		const char *text, *id; /* NULL: none */
	} cases[] = {
		{"v=STSv1; id=20160831085700Z;", "20160831085700Z"},
		{"v=STSv1; id=1", "1"},
		{"v=STSv1;id=1;x=y;", "1"},
		{"v=STSv1; x=y; id=1; id=2", "1"},
		{"v=STSv1 ;id=1", "1"},
		{"v=STSv1;", NULL},
		{"v=STSv1", NULL},
		{"v=STSv2; id=1", NULL},
		{"V=STSv1; id=1", NULL},
		{"id=1; v=STSv1;", NULL},
		{"v=STSv1; id=a-b", NULL},
		{"v=STSv1; id=", NULL},
		{"v=STSv1; id=12345678901234567890123456789012",
		 "12345678901234567890123456789012"},
		{"v=STSv1; id=123456789012345678901234567890123", NULL},
		{"", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char id[STS_ID_MAX + 1];
		bool is_one = sts_record_parse(bytes_of(cases[i].text), id);
		assert_int_equal(is_one, cases[i].id != NULL);
		if (is_one)
			assert_string_equal(id, cases[i].id);
	}
}

static void test_a_policy_is_read(void **state)
{
	static struct sts_policy policy;
	(void)state;
	assert_true(
		sts_policy_parse(BYTES("version: STSv1\r\nmode: enforce\r\nmx: Mail.example.com\r\n"
				       "mx: *.example.net\r\nmax_age: 604800\r\n"),
				 &policy));
	assert_int_equal(policy.mode, STS_ENFORCE);
	assert_int_equal(policy.max_age_s, 604800);
	assert_int_equal(policy.mx_count, 2);
	assert_string_equal(policy.mx[0], "mail.example.com");
	assert_string_equal(policy.mx[1], "*.example.net");
}

/* What was given twice counts as it came first, unknown fields are passed over, ends of lines may be bare. */
static void test_a_policy_with_more_in_it_is_read(void **state)
{
	static struct sts_policy policy;
	(void)state;
	assert_true(sts_policy_parse(BYTES("mode:testing\nversion: STSv1 \nmode: enforce\n\n"
					   "colour: blue\nmax_age: 99999999\nmx: a.example"),
				     &policy));
	assert_int_equal(policy.mode, STS_TESTING);
	assert_int_equal(policy.max_age_s, STS_AGE_MAX_S);
}

static void test_broken_policies_are_none(void **state)
{
	static const char *const cases[] = {
		"",
		"mode: enforce\nmx: a.example\nmax_age: 1\n",
		"version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1\n",
		"version: STSv1\nmx: a.example\nmax_age: 1\n",
		"version: STSv1\nmode: strict\nmx: a.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.example\n",
		"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1\n",
		"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 12345678901\n",
		"version: STSv1\nmode: enforce\nmx: a*.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: *.\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a..example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a b.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1\n<html>\n",
	};
	static struct sts_policy policy;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_false(sts_policy_parse(bytes_of(cases[i]), &policy));
	assert_true(sts_policy_parse(BYTES("version: STSv1\nmode: none\nmax_age: 1\n"), &policy));
}

static void test_a_star_stands_for_one_label(void **state)
{
	static const struct {
		const char *pattern, *host;
		bool is_named;
	} cases[] = {
		{"mail.example.com", "Mail.Example.com", true},
		{"mail.example.com", "mail2.example.com", false},
		{"*.example.com", "a.example.com", true},
		{"*.example.com", "a.b.example.com", false},
		{"*.example.com", "example.com", false},
		{"*.example.com", ".example.com", false},
		{"*.example.com", "a.example.com.evil.test", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct sts_policy policy;
		policy.mx_count = 1;
		(void)snprintf(policy.mx[0], sizeof policy.mx[0], "%s", cases[i].pattern);
		assert_int_equal(sts_policy_names(&policy, cases[i].host), cases[i].is_named);
	}
}

/* ---- when a policy is fetched ---- */

static void add_text(struct txt_answer *answer, const char *text)
{
	struct txt_record *record = &answer->records[answer->count++];
	record->len = strlen(text);
	memcpy(record->text, text, record->len);
	answer->outcome = DNS_FOUND;
}

static void test_a_policy_is_fetched_when_its_id_is_new(void **state)
{
	static struct txt_answer answer;
	static struct sts_kept kept;
	char id[STS_ID_MAX + 1];
	(void)state;
	(void)snprintf(kept.id, sizeof kept.id, "1");
	answer.outcome = DNS_FAILED;
	assert_int_equal(sts_step_of(&answer, NULL, false, id), STS_USE_KEPT);
	assert_int_equal(sts_step_of(&answer, &kept, true, id), STS_USE_KEPT);
	add_text(&answer, "something else");
	add_text(&answer, "v=STSv1; id=1;");
	assert_int_equal(sts_step_of(&answer, NULL, false, id), STS_FETCH);
	assert_string_equal(id, "1");
	assert_int_equal(sts_step_of(&answer, &kept, false, id), STS_USE_KEPT);
	assert_int_equal(sts_step_of(&answer, &kept, true, id), STS_FETCH);
	(void)snprintf(kept.id, sizeof kept.id, "2");
	assert_int_equal(sts_step_of(&answer, &kept, false, id), STS_FETCH);
	add_text(&answer, "v=STSv1; id=3;");
	assert_int_equal(sts_step_of(&answer, NULL, false, id), STS_USE_KEPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_a_policy_is_read),
		cmocka_unit_test(test_a_policy_with_more_in_it_is_read),
		cmocka_unit_test(test_broken_policies_are_none),
		cmocka_unit_test(test_a_star_stands_for_one_label),
		cmocka_unit_test(test_a_policy_is_fetched_when_its_id_is_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
