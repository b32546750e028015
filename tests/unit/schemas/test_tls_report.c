/* Reports on TLS as JSON, beside the example of RFC 8460's appendix B; tallies; and gzip. */
#include "fixture_schemas.h"
#include "schemas/tls_report.h"

#define DAY 16892 /* 2016-04-01 */

static struct bytes policy_string[] = {
	{(const uint8_t *)"version: STSv1", 14},
	{(const uint8_t *)"mode: testing", 13},
	{(const uint8_t *)"mx: *.mail.company-y.example", 28},
	{(const uint8_t *)"max_age: 86400", 14},
};
static struct bytes patterns[] = {{(const uint8_t *)"*.mail.company-y.example", 24}};
static struct bytes ruas[] = {{(const uint8_t *)"mailto:a@company-y.example", 26}};

static struct tls_tally tally_of(enum tls_result result, uint64_t count)
{
	return (struct tls_tally){
		.day = DAY,
		.domain = BYTES("company-y.example"),
		.ruas = ruas,
		.rua_count = 1,
		.policy_type = TLS_POLICY_STS,
		.policy_string = policy_string,
		.policy_string_count = 4,
		.policy_domain = BYTES("company-y.example"),
		.mx_patterns = patterns,
		.mx_pattern_count = 1,
		.result = result,
		.count = count,
	};
}

static void test_the_example_of_the_rfc(void **state)
{
	struct fixture *f = *state;
	struct tls_tally tallies[] = {tally_of(TLS_CERTIFICATE_EXPIRED, 100),
				      tally_of(TLS_SUCCESS, 5000),
				      tally_of(TLS_STARTTLS_NOT_SUPPORTED, 200),
				      tally_of(TLS_VALIDATION_FAILURE, 3),
				      tally_of(TLS_SUCCESS, 326),
				      tally_of(TLS_SUCCESS, 7)};
	tallies[0].sending_address = BYTES("2001:db8:abcd:12::1");
	tallies[0].mx_host = BYTES("mx1.mail.company-y.example");
	tallies[2].sending_address = BYTES("2001:db8:abcd:13::1");
	tallies[2].mx_host = BYTES("mx2.mail.company-y.example");
	tallies[2].receiving_address = BYTES("203.0.113.56");
	tallies[3].sending_address = BYTES("198.51.100.62");
	tallies[3].mx_host = BYTES("mx-backup.mail.company-y.example");
	tallies[3].receiving_address = BYTES("203.0.113.58");
	tallies[3].reason = BYTES("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED");
	tallies[5].policy_type = TLS_POLICY_NONE;
	tallies[5].policy_string_count = tallies[5].mx_pattern_count = 0;
	tallies[5].policy_domain = BYTES_NONE; /* the domain's own */
	const struct tls_report report = {
		.organization = "Company-X",
		.contact = "sts-reporting@company-x.example",
		.id = "20160401.company-y.example@company-x.example",
		.day = DAY,
		.tallies = tallies,
		.tally_count = 6,
	};
	assert_int_equal(tls_report_to_json(&report, &f->out), OK);
	struct bytes expected = golden_of(f, "tls-report", "report.json");
	assert_bytes_are(buf_bytes(&f->out), arena_cstr(f->arena, expected));
}

static void test_a_report_that_does_not_fit_is_told(void **state)
{
	struct fixture *f = *state;
	struct tls_tally tally = tally_of(TLS_SUCCESS, 1);
	const struct tls_report report = {.organization = "x",
					  .contact = "x",
					  .id = "x",
					  .tallies = &tally,
					  .tally_count = 1};
	struct buf small;
	buf_init(&small, 100);
	assert_int_equal(tls_report_to_json(&report, &small), E_FULL);
	buf_done(&small);
	(void)f;
}

static void test_a_batch_comes_back_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct tls_tally tally = tally_of(TLS_DNSSEC_INVALID, 9);
	struct tls_tally_batch batch = {.id = BYTES("w-1"), .tallies = &tally, .count = 1}, read;
	assert_int_equal(tls_tally_batch_encode(&batch, &f->out), OK);
	assert_int_equal(tls_tally_batch_decode(f->arena, buf_bytes(&f->out), &read, &f->why), OK);
	assert_int_equal(read.count, 1);
	assert_int_equal(read.tallies[0].day, DAY);
	assert_int_equal(read.tallies[0].result, TLS_DNSSEC_INVALID);
	assert_int_equal(read.tallies[0].count, 9);
	assert_int_equal(read.tallies[0].policy_string_count, 4);
	assert_bytes_are(read.tallies[0].ruas[0], "mailto:a@company-y.example");
}

static void test_what_nobody_knows_is_malformed(void **state)
{
	struct fixture *f = *state;
	struct tls_tally tally = tally_of((enum tls_result)TLS_RESULT_COUNT, 9), read;
	assert_int_equal(tls_tally_encode(&tally, &f->out), OK);
	assert_int_equal(tls_tally_decode(f->arena, buf_bytes(&f->out), &read, &f->why),
			 E_MALFORMED);
}

static void test_the_kind_is_all_but_the_count_and_who_is_told(void **state)
{
	struct fixture *f = *state;
	struct tls_tally a = tally_of(TLS_SUCCESS, 1), b = tally_of(TLS_SUCCESS, 2);
	b.rua_count = 0;
	assert_int_equal(tls_tally_kind(&a, &f->out), OK);
	struct bytes first = arena_copy(f->arena, buf_bytes(&f->out));
	buf_clear(&f->out);
	assert_int_equal(tls_tally_kind(&b, &f->out), OK);
	assert_true(bytes_equal(first, buf_bytes(&f->out)));
	b.mx_host = BYTES("mx");
	buf_clear(&f->out);
	assert_int_equal(tls_tally_kind(&b, &f->out), OK);
	assert_false(bytes_equal(first, buf_bytes(&f->out)));
}

static void test_what_was_packed_is_unpacked(void **state)
{
	struct fixture *f = *state;
	struct bytes text = golden_of(f, "tls-report", "report.json"), unpacked;
	assert_int_equal(gzip_write(text, &f->out), OK);
	assert_true(buf_bytes(&f->out).len < text.len);
	assert_int_equal(gunzip(f->arena, buf_bytes(&f->out), text.len, &unpacked, &f->why), OK);
	assert_true(bytes_equal(text, unpacked));
	buf_clear(&f->out);
	assert_int_equal(gzip_write(BYTES_NONE, &f->out), OK);
	assert_int_equal(gunzip(f->arena, buf_bytes(&f->out), 10, &unpacked, &f->why), OK);
	assert_int_equal(unpacked.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_fixture(test_the_example_of_the_rfc),
		test_with_fixture(test_a_report_that_does_not_fit_is_told),
		test_with_fixture(test_a_batch_comes_back_as_it_was),
		test_with_fixture(test_what_nobody_knows_is_malformed),
		test_with_fixture(test_the_kind_is_all_but_the_count_and_who_is_told),
		test_with_fixture(test_what_was_packed_is_unpacked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
