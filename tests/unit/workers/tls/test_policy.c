/* What is demanded of a session: every combination of settings, TLSA records and MTA-STS policies. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "workers/tls/policy.h"

static struct tlsa_record record_of(unsigned usage, size_t len)
{
	return (struct tlsa_record){
		.usage = (uint8_t)usage, .selector = 1, .matching = 1, .len = len};
}

enum tlsa { NOT_ASKED, ABSENT, FAILED, EE, TA, UNUSABLE };
enum sts { NO_STS, OFF, TESTING, NAMED, NOT_NAMED };

static struct tls_ruling rule(enum smtp_tls level, enum tlsa tlsa, enum sts sts)
{
	static struct sts_policy policy;
	static const enum sts_mode modes[] = {STS_NONE, STS_NONE, STS_TESTING, STS_ENFORCE,
					      STS_ENFORCE};
	struct tlsa_record records[2] = {record_of(TLSA_PKIX_EE, 32)};
	struct tlsa_finding finding = {.base = "base.example", .records = records};
	struct tls_ruling ruling;
	policy.mode = modes[sts];
	policy.mx_count = 1;
	(void)snprintf(policy.mx[0], sizeof policy.mx[0], "%s",
		       sts == NAMED ? "mx.example" : "other.example");
	finding.outcome = tlsa == FAILED ? TLSA_FAILED : tlsa < EE ? TLSA_ABSENT : TLSA_FOUND;
	if (tlsa >= EE)
		finding.count = tlsa == UNUSABLE ? 1 : 2;
	records[1] = record_of(tlsa == TA ? TLSA_DANE_TA : TLSA_DANE_EE, 32);
	const struct tls_case c = {
		.wish = {.level = level, .dane = true, .mta_sts = true},
		.domain = "x.example",
		.host = "mx.example",
		.tlsa = tlsa == NOT_ASKED ? NULL : &finding,
		.sts = sts == NO_STS ? NULL : &policy,
	};
	tls_policy_rule(&c, &ruling);
	return ruling;
}

/* "left out", or level, how it is authenticated, and whether it is observed: "2 dane", "1 none observed". */
static const char *words_of(struct tls_ruling *ruling)
{
	static char words[100];
	const struct tls_demand *demand = ruling->demand;
	if (!demand)
		return ruling->text[0] ? "left out" : "no reason";
	(void)snprintf(words, sizeof words, "%d %s%s", (int)demand->level,
		       tls_demand_authentication(demand), demand->is_observed ? " observed" : "");
	tls_demand_unref(&ruling->demand);
	return words;
}

static void test_the_table(void **state)
{
	static const struct {
		enum smtp_tls level;
		enum tlsa tlsa;
		enum sts sts;
		const char *words;
	} cases[] = {
		{SMTP_TLS_NONE, EE, NAMED, "0 none"},
		{SMTP_TLS_NONE, FAILED, NOT_NAMED, "0 none"},
		{SMTP_TLS_OPPORTUNISTIC, NOT_ASKED, NO_STS, "1 none"},
		{SMTP_TLS_OPPORTUNISTIC, ABSENT, NO_STS, "1 none"},
		{SMTP_TLS_OPPORTUNISTIC, ABSENT, OFF, "1 none"},
		{SMTP_TLS_OPPORTUNISTIC, ABSENT, TESTING, "1 none observed"},
		{SMTP_TLS_OPPORTUNISTIC, ABSENT, NAMED, "3 mta-sts"},
		{SMTP_TLS_OPPORTUNISTIC, ABSENT, NOT_NAMED, "left out"},
		{SMTP_TLS_OPPORTUNISTIC, FAILED, NO_STS, "left out"},
		{SMTP_TLS_OPPORTUNISTIC, FAILED, NAMED, "left out"},
		{SMTP_TLS_OPPORTUNISTIC, EE, NO_STS, "2 dane"},
		{SMTP_TLS_OPPORTUNISTIC, EE, NOT_NAMED, "2 dane"},
		{SMTP_TLS_OPPORTUNISTIC, TA, NAMED, "2 dane"},
		{SMTP_TLS_OPPORTUNISTIC, UNUSABLE, NO_STS, "2 none"},
		{SMTP_TLS_OPPORTUNISTIC, UNUSABLE, TESTING, "2 none observed"},
		{SMTP_TLS_OPPORTUNISTIC, UNUSABLE, NAMED, "3 mta-sts"},
		{SMTP_TLS_OPPORTUNISTIC, UNUSABLE, NOT_NAMED, "left out"},
		{SMTP_TLS_REQUIRED, ABSENT, NO_STS, "2 none"},
		{SMTP_TLS_REQUIRED, EE, NO_STS, "2 dane"},
		{SMTP_TLS_VERIFIED, ABSENT, NO_STS, "3 verified"},
		{SMTP_TLS_VERIFIED, ABSENT, TESTING, "3 verified"},
		{SMTP_TLS_VERIFIED, UNUSABLE, NO_STS, "3 verified"},
		{SMTP_TLS_VERIFIED, EE, NO_STS, "2 dane"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tls_ruling ruling = rule(cases[i].level, cases[i].tlsa, cases[i].sts);
		assert_string_equal(words_of(&ruling), cases[i].words);
	}
}

/* Domains share sessions with a host, but not across what they demand. */
static void test_demands_are_alike_by_their_key(void **state)
{
	static const struct {
		enum tlsa tlsa;
		enum sts sts;
	} kinds[] = {{ABSENT, NO_STS}, {ABSENT, TESTING}, {ABSENT, NAMED},
		     {EE, NO_STS},     {TA, NO_STS},	  {UNUSABLE, NO_STS}};
	enum { COUNT = sizeof kinds / sizeof *kinds };
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t j = 0; j < COUNT; j++) {
			struct tls_ruling a =
				rule(SMTP_TLS_OPPORTUNISTIC, kinds[i].tlsa, kinds[i].sts);
			struct tls_ruling b =
				rule(SMTP_TLS_OPPORTUNISTIC, kinds[j].tlsa, kinds[j].sts);
			assert_int_equal(strcmp(a.demand->key, b.demand->key) == 0, i == j);
			tls_demand_unref(&a.demand);
			tls_demand_unref(&b.demand);
		}
	}
}

static void test_only_below_a_trust_anchor_does_the_domain_matter(void **state)
{
	(void)state;
	struct tls_ruling ee = rule(SMTP_TLS_OPPORTUNISTIC, EE, NO_STS);
	struct tls_ruling ta = rule(SMTP_TLS_OPPORTUNISTIC, TA, NO_STS);
	assert_null(ee.demand->domain);
	assert_string_equal(ta.demand->domain, "x.example");
	assert_string_equal(ta.demand->host_name, "base.example");
	assert_int_equal(ta.demand->record_count, 1);
	tls_demand_unref(&ee.demand);
	tls_demand_unref(&ta.demand);
}

static void test_where_tlsa_records_may_be(void **state)
{
	static const struct {
		bool is_proven;
		enum dns_outcome outcome;
		enum dns_security security;
		const char *canonical, *names;
	} cases[] = {
		{true, DNS_FOUND, DNS_SECURE, "mx.example", "mx.example "},
		{true, DNS_FOUND, DNS_SECURE, "MX.Example", "mx.example "},
		{true, DNS_FOUND, DNS_SECURE, "real.example", "real.example mx.example "},
		{true, DNS_FOUND, DNS_INSECURE, "mx.example", ""},
		{true, DNS_FOUND, DNS_INSECURE, "real.example", "alias?"},
		{false, DNS_FOUND, DNS_SECURE, "mx.example", ""},
		{false, DNS_FOUND, DNS_INSECURE, "real.example", ""},
		{true, DNS_NO_DATA, DNS_SECURE, "", ""},
		{true, DNS_FAILED, DNS_BOGUS, "", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct address_answer answer;
		struct tlsa_candidates candidates;
		char names[600] = "";
		answer.outcome = cases[i].outcome;
		answer.security = cases[i].security;
		(void)snprintf(answer.canonical, sizeof answer.canonical, "%s", cases[i].canonical);
		tlsa_candidates_of("mx.example", cases[i].is_proven, &answer, &candidates);
		for (size_t j = 0; j < candidates.count; j++) {
			strcat(names, candidates.names[j]);
			strcat(names, " ");
		}
		if (candidates.asks_for_alias)
			strcat(names, "alias?");
		assert_string_equal(names, cases[i].names);
	}
}

static void test_a_domain_s_own_entry_goes_before_its_site(void **state)
{
	static struct tls_domain_settings entries[] = {
		{.domain = "a.example", .tls = SMTP_TLS_REQUIRED, .dane = true},
		{.domain = "*.example", .tls = SMTP_TLS_NONE, .mta_sts = true},
	};
	static const struct site_settings site = {.tls = SMTP_TLS_OPPORTUNISTIC, .tls_dane = true};
	const struct conf_items list = {entries, 2};
	(void)state;
	assert_int_equal(tls_wish_of(&list, &site, "a.example").level, SMTP_TLS_REQUIRED);
	assert_int_equal(tls_wish_of(&list, &site, "b.example").level, SMTP_TLS_NONE);
	assert_true(tls_wish_of(&list, &site, "b.example").mta_sts);
	assert_int_equal(tls_wish_of(&list, &site, "b.test").level, SMTP_TLS_OPPORTUNISTIC);
	assert_true(tls_wish_of(&list, &site, "b.test").dane);
	assert_int_equal(tls_wish_of(&list, &site, "").level, SMTP_TLS_OPPORTUNISTIC);
	assert_int_equal(tls_wish_of(NULL, &site, "a.example").level, SMTP_TLS_OPPORTUNISTIC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_table),
		cmocka_unit_test(test_demands_are_alike_by_their_key),
		cmocka_unit_test(test_only_below_a_trust_anchor_does_the_domain_matter),
		cmocka_unit_test(test_where_tlsa_records_may_be),
		cmocka_unit_test(test_a_domain_s_own_entry_goes_before_its_site),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
