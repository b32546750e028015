/* Records: what is published for a key, and what a record that DNS has says of it. */
#include "tests/check.h"

#include <string.h>

#include "lib/dkim/record.h"
#include "tests/unit/lib/dkim/fixture_rfc8463.h"

static struct signing_key *key_of(const char *pem)
{
	struct signing_key *key = NULL;
	struct why why = {""};
	assert_int_equal(signing_key_read(bytes_of(pem), &key, &why), OK);
	return key;
}

static void test_the_records_of_rfc_8463(void **state)
{
	struct signing_key *ed25519 = key_of(RFC8463_ED25519_KEY), *rsa = key_of(RFC8463_RSA_KEY);
	struct buf out;
	(void)state;
	buf_init(&out, DKIM_RECORD_MAX);
	assert_int_equal(dkim_record_write(ed25519, &out), OK);
	assert_true(bytes_is(buf_bytes(&out), "v=DKIM1; k=ed25519; p=" RFC8463_ED25519_PUBLIC));
	assert_int_equal(dkim_record_compare(buf_bytes(&out), ed25519), DKIM_RECORD_MATCHES);
	buf_clear(&out);
	assert_int_equal(dkim_record_write(rsa, &out), OK);
	assert_true(bytes_is(buf_bytes(&out), "v=DKIM1; k=rsa; p=" RFC8463_RSA_PUBLIC));
	assert_int_equal(dkim_record_compare(buf_bytes(&out), rsa), DKIM_RECORD_MATCHES);
	assert_int_equal(dkim_record_compare(buf_bytes(&out), ed25519), DKIM_RECORD_UNUSABLE);
	buf_done(&out);
	signing_key_free(&ed25519);
	signing_key_free(&rsa);
}

static void test_a_zone_line_has_short_strings(void **state)
{
	struct signing_key *key = signing_key_generate(SIGNING_RSA, 4096);
	struct buf out;
	char text[DKIM_RECORD_MAX];
	(void)state;
	buf_init(&out, DKIM_RECORD_MAX);
	assert_int_equal(dkim_zone_record_write(key, &out), OK);
	assert_true(bytes_to_cstr(buf_bytes(&out), text, sizeof text));
	assert_memory_equal(text, "( \"v=DKIM1; k=rsa; p=", 21);
	const char *at = strchr(text, '"');
	size_t string_count = 0;
	for (; at; at = strchr(at, '"')) {
		size_t len = strcspn(at + 1, "\"");
		assert_in_range(len, 1, 255);
		string_count++;
		at += len + 2;
	}
	assert_int_equal(string_count, 4);
	buf_done(&out);
	signing_key_free(&key);
}

static void test_verdicts(void **state)
{
#define P RFC8463_ED25519_PUBLIC
	static const struct {
		const char *record;
		enum dkim_record_verdict verdict;
	} cases[] = {
		{"k=ed25519; p=" P, DKIM_RECORD_MATCHES},
		{"v=DKIM1;k=ed25519;n=note; p=" P ";", DKIM_RECORD_MATCHES},
		{"v=DKIM1; k=ed25519; p= 11qYAYKxCrfVS/7TyWQHOg7 hcvPapiMlrwIaaPcHURo= ; ",
		 DKIM_RECORD_MATCHES},
		{"v=DKIM1; k=ed25519; h=sha1:sha256; s=email; t=s; p=" P, DKIM_RECORD_MATCHES},
		{"v=DKIM1; k=ed25519; t=s:y; p=" P, DKIM_RECORD_TEST},
		{"v=DKIM1; k=ed25519; p=" P "A", DKIM_RECORD_DIFFERS},
		{"v=DKIM1; k=ed25519; p=11qY", DKIM_RECORD_DIFFERS},
		{"v=DKIM1; k=ed25519; p=", DKIM_RECORD_REVOKED},
		{"v=DKIM1; p=" P, DKIM_RECORD_UNUSABLE},
		{"v=DKIM1; k=ed25519; h=sha1; p=" P, DKIM_RECORD_UNUSABLE},
		{"v=DKIM1; k=ed25519; s=tlsrpt; p=" P, DKIM_RECORD_UNUSABLE},
		{"", DKIM_RECORD_MALFORMED},
		{"v=spf1 -all", DKIM_RECORD_MALFORMED},
		{"v=DKIM2; k=ed25519; p=" P, DKIM_RECORD_MALFORMED},
		{"k=ed25519; v=DKIM1; p=" P, DKIM_RECORD_MALFORMED},
		{"v=DKIM1; k=ed25519; p=" P "; p=" P, DKIM_RECORD_MALFORMED},
		{"v=DKIM1; k=ed25519; p=" P "; junk", DKIM_RECORD_MALFORMED},
		{"v=DKIM1; k=ed25519", DKIM_RECORD_MALFORMED},
	};
	struct signing_key *key = key_of(RFC8463_ED25519_KEY);
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum dkim_record_verdict verdict =
			dkim_record_compare(bytes_of(cases[i].record), key);
		if (verdict != cases[i].verdict)
			print_error("%s\n", cases[i].record);
		assert_int_equal(verdict, cases[i].verdict);
		assert_non_null(dkim_record_verdict_text(verdict));
	}
	signing_key_free(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_records_of_rfc_8463),
		cmocka_unit_test(test_a_zone_line_has_short_strings),
		cmocka_unit_test(test_verdicts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
