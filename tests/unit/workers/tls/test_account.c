/* What sessions are counted as in reports on TLS (RFC 8460 4.3): policies that hold, and how sessions ended. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "workers/tls/tallies.h"

enum tlsa { ABSENT, FAILED, USABLE, UNUSABLE };
enum policy { NO_STS, TESTING, TESTING_OTHER, ENFORCE, ENFORCE_OTHER };

static const struct tls_ruas ruas = {.count = 1, .uris = {"mailto:tls@x.example"}};

static struct tls_account *account_of(enum smtp_tls level, enum tlsa tlsa, enum policy sts,
				      enum sts_fault fault)
{
	static struct sts_policy policy;
	struct tlsa_record record = {.usage = tlsa == UNUSABLE ? 0 : 3,
				     .selector = 1,
				     .matching = 1,
				     .len = 32,
				     .data = {0xab, 0x01}};
	const struct tlsa_finding finding = {
		.outcome = tlsa == ABSENT   ? TLSA_ABSENT
			   : tlsa == FAILED ? TLSA_FAILED
					    : TLSA_FOUND,
		.base = "mx.example",
		.records = &record,
		.count = tlsa >= USABLE ? 1 : 0,
	};
	policy = (struct sts_policy){.mode = sts <= TESTING_OTHER ? STS_TESTING : STS_ENFORCE,
				     .max_age_s = 86400,
				     .mx_count = 1};
	(void)strcpy(policy.mx[0],
		     sts == TESTING_OTHER || sts == ENFORCE_OTHER ? "other" : "mx.example");
	const struct tls_case c = {
		.wish = {.level = level, .dane = true, .mta_sts = true},
		.domain = "x.example",
		.host = "mx.example",
		.tlsa = &finding,
		.sts = sts == NO_STS ? NULL : &policy,
	};
	struct tls_ruling ruling;
	tls_policy_rule(&c, &ruling);
	const struct tls_account_facts facts = {
		.c = &c, .ruling = &ruling, .ruas = &ruas, .sts_fault = fault};
	struct tls_account *account = tls_account_new(&facts);
	tls_demand_unref(&ruling.demand);
	return account;
}

static void test_the_policy_and_what_is_wrong_with_it(void **state)
{
	static const struct {
		enum tlsa tlsa;
		enum policy sts;
		enum sts_fault fault;
		const char *type, *result;
	} cases[] = {
		{ABSENT, NO_STS, STS_FAULT_NONE, "no-policy-found", "success"},
		{ABSENT, NO_STS, STS_FAULT_FETCH, "sts", "sts-policy-fetch-error"},
		{ABSENT, NO_STS, STS_FAULT_INVALID, "sts", "sts-policy-invalid"},
		{ABSENT, NO_STS, STS_FAULT_WEBPKI, "sts", "sts-webpki-invalid"},
		{ABSENT, TESTING, STS_FAULT_NONE, "sts", "success"},
		{ABSENT, TESTING_OTHER, STS_FAULT_NONE, "sts", "validation-failure"},
		{ABSENT, ENFORCE, STS_FAULT_NONE, "sts", "success"},
		{ABSENT, ENFORCE_OTHER, STS_FAULT_NONE, "sts", "validation-failure"},
		{FAILED, NO_STS, STS_FAULT_NONE, "tlsa", "dnssec-invalid"},
		{FAILED, ENFORCE, STS_FAULT_NONE, "tlsa", "dnssec-invalid"},
		{USABLE, NO_STS, STS_FAULT_NONE, "tlsa", "success"},
		{USABLE, NO_STS, STS_FAULT_FETCH, "tlsa", "success"},
		{USABLE, ENFORCE_OTHER, STS_FAULT_NONE, "tlsa", "success"},
		{UNUSABLE, NO_STS, STS_FAULT_NONE, "tlsa", "tlsa-invalid"},
		{UNUSABLE, ENFORCE, STS_FAULT_NONE, "sts", "success"},
		{UNUSABLE, ENFORCE_OTHER, STS_FAULT_NONE, "sts", "validation-failure"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tls_account *account = account_of(SMTP_TLS_OPPORTUNISTIC, cases[i].tlsa,
							 cases[i].sts, cases[i].fault);
		const char *type = tls_policy_type_name(account->tally.policy_type);
		const char *result = tls_result_name(account->tally.result);
		assert_string_equal(type, cases[i].type);
		assert_string_equal(result, cases[i].result);
		tls_account_unref(&account);
	}
}

static void test_nothing_is_counted_where_nobody_asks_for_tls(void **state)
{
	(void)state;
	assert_null(account_of(SMTP_TLS_NONE, ABSENT, NO_STS, STS_FAULT_NONE));
}

static void test_policies_are_told_as_they_are_published(void **state)
{
	(void)state;
	struct tls_account *account =
		account_of(SMTP_TLS_OPPORTUNISTIC, ABSENT, ENFORCE, STS_FAULT_NONE);
	static const char *const lines[] = {"version: STSv1", "mode: enforce", "mx: mx.example",
					    "max_age: 86400"};
	assert_int_equal(account->tally.policy_string_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(bytes_is(account->tally.policy_string[i], lines[i]));
	tls_account_unref(&account);
	account = account_of(SMTP_TLS_OPPORTUNISTIC, USABLE, NO_STS, STS_FAULT_NONE);
	assert_true(
		bytes_is(account->tally.policy_string[0],
			 "3 1 1 AB01000000000000000000000000000000000000000000000000000000000000"));
	assert_true(bytes_is(account->tally.mx_patterns[0], "mx.example"));
	tls_account_unref(&account);
}

static void test_how_sessions_are_told(void **state)
{
	static const struct {
		struct tls_session_facts facts;
		const char *result; /* NULL: not counted */
	} cases[] = {
		{{.is_secured = true, .is_ready = true}, "success"},
		{{.is_secured = true}, "success"}, /* it was turned away later */
		{{.is_secured = true, .is_ready = true, .fault = TLS_FAULT_EXPIRED},
		 "certificate-expired"},
		{{.is_ready = true}, "starttls-not-supported"},
		{{.was_refused = true, .failed_in_handshake = true}, "starttls-not-supported"},
		{{.failed_in_handshake = true, .fault = TLS_FAULT_NAME},
		 "certificate-host-mismatch"},
		{{.failed_in_handshake = true, .fault = TLS_FAULT_UNTRUSTED},
		 "certificate-not-trusted"},
		{{.failed_in_handshake = true, .fault = TLS_FAULT_OTHER}, "validation-failure"},
		{{.failed_in_handshake = true}, "validation-failure"},
		{{.is_ready = false}, NULL},
	};
	(void)state;
	struct tls_account *account =
		account_of(SMTP_TLS_OPPORTUNISTIC, USABLE, NO_STS, STS_FAULT_NONE);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum tls_result result;
		const char *reason;
		assert_int_equal(tls_session_result(account, &cases[i].facts, &result, &reason),
				 cases[i].result != NULL);
		if (cases[i].result)
			assert_string_equal(tls_result_name(result), cases[i].result);
	}
	tls_account_unref(&account);
}

/* ---- counting ---- */

static bool count(struct tls_tallies *tallies, const struct tls_account *account, uint32_t day,
		  enum tls_result result, const char *to)
{
	struct net_address from, remote;
	assert_true(net_address_parse("192.0.2.1", 25, &from));
	assert_true(net_address_parse(to, 25, &remote));
	return tls_tallies_count(tallies, account,
				 &(const struct tls_session){.day = day,
							     .result = result,
							     .reason = "",
							     .sending_address = &from,
							     .receiving_address = &remote});
}

static void test_sessions_of_a_kind_are_counted_together(void **state)
{
	(void)state;
	struct tls_tallies *tallies = tls_tallies_new(10);
	struct tls_account *account =
		account_of(SMTP_TLS_OPPORTUNISTIC, ABSENT, NO_STS, STS_FAULT_NONE);
	struct arena *arena = arena_new();
	struct tls_tally *taken;
	for (int i = 0; i < 3; i++)
		assert_true(count(tallies, account, 7, TLS_SUCCESS, i ? "192.0.2.7" : "192.0.2.8"));
	assert_true(count(tallies, account, 7, TLS_STARTTLS_NOT_SUPPORTED, "192.0.2.7"));
	assert_true(count(tallies, account, 8, TLS_SUCCESS, "192.0.2.7"));
	assert_int_equal(tls_tallies_take(tallies, arena, 2, &taken), 2);
	assert_int_equal(taken[0].count, 3);
	assert_int_equal(taken[0].day, 7);
	assert_int_equal(taken[0].receiving_address.len, 0);
	assert_true(bytes_is(taken[0].ruas[0], "mailto:tls@x.example"));
	assert_int_equal(taken[1].result, TLS_STARTTLS_NOT_SUPPORTED);
	assert_true(bytes_is(taken[1].sending_address, "192.0.2.1"));
	assert_true(bytes_is(taken[1].receiving_address, "192.0.2.7"));
	assert_true(bytes_is(taken[1].mx_host, "mx.example"));
	assert_int_equal(tls_tallies_take(tallies, arena, 2, &taken), 1);
	assert_int_equal(taken[0].day, 8);
	assert_int_equal(tls_tallies_kinds(tallies), 0);
	tls_account_unref(&account);
	tls_tallies_free(&tallies);
	arena_free(&arena);
}

static void test_too_many_kinds_are_counted_as_others_and_told_so(void **state)
{
	(void)state;
	struct tls_tallies *tallies = tls_tallies_new(5); /* and one of others */
	struct tls_account *account =
		account_of(SMTP_TLS_OPPORTUNISTIC, ABSENT, NO_STS, STS_FAULT_NONE);
	struct arena *arena = arena_new();
	struct tls_tally *taken;
	for (int i = 1; i <= 9; i++) {
		char to[20];
		(void)snprintf(to, sizeof to, "192.0.2.%d", i);
		assert_true(count(tallies, account, 7, TLS_CERTIFICATE_EXPIRED, to));
	}
	assert_false(count(tallies, account, 7, TLS_SUCCESS, "192.0.2.1"));
	assert_int_equal(tls_tallies_take(tallies, arena, 100, &taken), 6);
	assert_int_equal(taken[5].count, 4);
	assert_true(bytes_is(taken[5].reason, TLS_TALLY_OTHERS));
	assert_int_equal(taken[5].mx_host.len, 0);
	tls_account_unref(&account);
	tls_tallies_free(&tallies);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_policy_and_what_is_wrong_with_it),
		cmocka_unit_test(test_nothing_is_counted_where_nobody_asks_for_tls),
		cmocka_unit_test(test_policies_are_told_as_they_are_published),
		cmocka_unit_test(test_how_sessions_are_told),
		cmocka_unit_test(test_sessions_of_a_kind_are_counted_together),
		cmocka_unit_test(test_too_many_kinds_are_counted_as_others_and_told_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
