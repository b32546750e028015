/* Chains of ARC: made by us and judged again, cut, changed, and as nobody should write them; and DKIM signatures that others made. That others
 * verify our chains is shown by tests/acceptance/dkim-verifies. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/dkim/arrival.h"
#include "lib/dkim/record.h"
#include "tests/unit/lib/dkim/fixture_rfc8463.h"

#define NOW	INT64_C(1767225600)
#define MESSAGE "From: Ada <ada@a.example>\r\nTo: l@list.example\r\nSubject: x\r\n\r\nhello\r\n"

static struct signing_key *key;
static char record[DKIM_RECORD_MAX];
static char mail[200000];

static int setup(void **state)
{
	struct buf out;
	(void)state;
	key = signing_key_generate(SIGNING_RSA, 1024);
	buf_init(&out, sizeof record - 1);
	assert_int_equal(dkim_record_write(key, &out), OK);
	assert_true(bytes_to_cstr(buf_bytes(&out), record, sizeof record));
	buf_done(&out);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	signing_key_free(&key);
	return 0;
}

/* ---- hosts that seal ---- */

static struct arrival *read_mail(const char *text)
{
	struct arrival *arrival = NULL;
	struct why why = {""};
	assert_int_equal(arrival_read(bytes_of(text), NOW, &arrival, &why), OK);
	struct dkim_keys *keys = arrival_keys(arrival);
	for (size_t i = 0; i < keys->count; i++) {
		bool is_ours = strstr(keys->items[i].name, ".example") != NULL;
		keys->items[i].state = is_ours ? DKIM_KEY_FOUND : DKIM_KEY_MISSING;
		keys->items[i].record = bytes_of(record);
	}
	return arrival;
}

/* Puts our set before `mail`. Gives what was found out about it. */
static enum arc_status forward(const char *domain, bool *ret_is_sealed)
{
	static const char *const names[] = {"subject", "to", "dkim-signature"};
	struct dkim_wish wish = {.domain = domain,
				 .selector = "s",
				 .key = key,
				 .header_canon = CANON_RELAXED,
				 .body_canon = CANON_RELAXED,
				 .names = {names, 3},
				 .signed_at_s = NOW};
	struct arrival_seal seal = {&wish, "mx.example"};
	struct arrival *arrival = read_mail(mail);
	struct buf out;
	struct why why = {""};
	buf_init(&out, ARRIVAL_FIELDS_MAX);
	assert_int_equal(arrival_sign(arrival, NULL, 0, &seal, &out, ret_is_sealed, &why), OK);
	enum arc_status status = arrival_status(arrival);
	assert_true(out.len + strlen(mail) < sizeof mail);
	memmove(mail + out.len, mail, strlen(mail) + 1);
	if (out.len > 0)
		memcpy(mail, buf_bytes(&out).data, out.len);
	buf_done(&out);
	arrival_free(&arrival);
	return status;
}

static enum arc_status status_of(const char *text)
{
	bool is_sealed;
	(void)snprintf(mail, sizeof mail, "%s", text);
	return forward("x.example", &is_sealed);
}

static void make_chain(unsigned count)
{
	bool is_sealed;
	(void)snprintf(mail, sizeof mail, "%s", MESSAGE);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(forward("list.example", &is_sealed), i == 0 ? ARC_NONE : ARC_PASS);
		assert_true(is_sealed);
	}
}

/* The first `from` becomes `to`, of the same length. */
static void change(const char *from, const char *to)
{
	char *at = strstr(mail, from);
	assert_non_null(at);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(at, to, strlen(to));
}

static void test_each_host_seals_what_the_one_before_found(void **state)
{
	bool is_sealed;
	(void)state;
	make_chain(3);
	assert_memory_equal(mail, "ARC-Seal: i=3; a=rsa-sha256;", 28);
	assert_non_null(strstr(mail, "cv=pass"));
	assert_non_null(strstr(mail, "cv=none"));
	assert_non_null(strstr(mail, "\r\nARC-Authentication-Results: i=3; mx.example;\r\n"
				     " dkim=none;\r\n arc=pass\r\n"));
	assert_int_equal(forward("y.example", &is_sealed), ARC_PASS);
}

static void test_what_breaks_a_chain(void **state)
{
	static const char *const changes[][2] = {
		{"\r\nhello", "\r\nhullo"},		    /* the body */
		{"Subject: x", "Subject: y"},		    /* a signed field */
		{"i=2; mx.example", "i=2; mz.example"},	    /* results of another host */
		{"i=1; mx.example", "i=1; mz.example"},	    /* below others' seals */
		{"arc=none", "arc=pass"},		    /* results themselves */
		{"cv=none", "cv=pass"},			    /* the first set must say none */
		{"ARC-Seal: i=1", "ARC-Seal: i=4"},	    /* a gap */
		{"ARC-Seal: i=1", "ARC-Seal: i=2"},	    /* two of one */
		{"ARC-Seal: i=1", "ARC-Seal: i=0"},	    /* none */
		{"ARC-Seal: i=1", "ARX-Seal: i=1"},	    /* one is missing */
		{"d=list.example", "d=list.exampla"},	    /* no key */
		{"a=rsa-sha256", "a=rsa-sha128"},	    /* no such algorithm */
		{"cv=pass", "cv=fail"},			    /* the newest gave up */
		{"h=from:subject:to", "h=from:arc-seal:t"}, /* a signature over a seal */
	};
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		bool is_sealed;
		make_chain(2);
		change(changes[i][0], changes[i][1]);
		assert_int_equal(forward("y.example", &is_sealed), ARC_FAIL);
	}
}

static void test_a_failed_chain_is_sealed_once_and_then_left_alone(void **state)
{
	bool is_sealed;
	(void)state;
	make_chain(2);
	change("\r\nhello", "\r\nhullo");
	assert_int_equal(forward("y.example", &is_sealed), ARC_FAIL);
	assert_true(is_sealed);
	assert_memory_equal(mail, "ARC-Seal: i=3; a=rsa-sha256;", 28);
	assert_non_null(strstr(mail, "cv=fail"));
	size_t len = strlen(mail);
	assert_int_equal(forward("z.example", &is_sealed), ARC_FAIL);
	assert_false(is_sealed);
	assert_int_equal(strlen(mail), len);
}

static void test_fifty_sets_are_the_most(void **state)
{
	bool is_sealed;
	(void)state;
	make_chain(ARC_INSTANCES_MAX);
	size_t len = strlen(mail);
	assert_int_equal(forward("y.example", &is_sealed), ARC_PASS);
	assert_false(is_sealed);
	assert_int_equal(strlen(mail), len);
}

static void test_sets_that_nobody_made(void **state)
{
	static const char *const texts[] = {
		"ARC-Seal: i=1\r\n" MESSAGE,
		"ARC-Seal: i=51; cv=none\r\n" MESSAGE,
		"ARC-Seal: i=18446744073709551617; cv=none\r\n" MESSAGE,
		"ARC-Authentication-Results: i=1 mx.example\r\n" MESSAGE,
		"ARC-Authentication-Results: i=1; a\r\nARC-Message-Signature: i=1\r\n"
		"ARC-Seal: i=1; cv=none\r\n" MESSAGE,
		"ARC-Seal:\r\nARC-Seal:\r\nARC-Message-Signature:;;;\r\n" MESSAGE,
	};
	(void)state;
	assert_int_equal(status_of(MESSAGE), ARC_NONE);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(status_of(texts[i]), ARC_FAIL);
}

/* ---- DKIM of others ---- */

static const char *const rfc8463[] = {
	"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
	" d=football.example.com; i=@football.example.com;\r\n"
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
	" subject : date : message-id : from : subject : date;\r\n"
	" bh=" RFC8463_BODY_HASH ";\r\n b=" RFC8463_ED25519_SIGNATURE "\r\n",
	RFC8463_FROM RFC8463_TO RFC8463_SUBJECT RFC8463_DATE RFC8463_MESSAGE_ID "\r\n" RFC8463_BODY,
};

static enum dkim_verdict verdict_of(const char *text, const char *txt, enum dkim_key_state state)
{
	struct header header;
	struct dkim_claim claim;
	struct why why = {""};
	struct arena *arena = arena_new();
	struct dkim_keys *keys = memory_new(sizeof *keys);
	enum dkim_verdict verdict = DKIM_NEUTRAL;
	assert_int_equal(header_read(arena, bytes_of(text), &header, &why), OK);
	struct dkim_verifier verifier = {.arena = arena, .header = &header, .keys = keys};
	if (dkim_claim_read(arena, &header.fields[0], DKIM_CLAIM_SIGNATURE, NOW, &claim) &&
	    dkim_claim_ask(&claim, keys)) {
		keys->items[0].state = state;
		keys->items[0].record = bytes_of(txt);
		verdict = dkim_verify(&verifier, &claim);
	}
	free(keys);
	arena_free(&arena);
	return verdict;
}

#define RFC8463_RECORD "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static void test_a_signature_of_rfc_8463_is_good(void **state)
{
	char text[4000];
	(void)state;
	(void)snprintf(text, sizeof text, "%s%s", rfc8463[0], rfc8463[1]);
	assert_int_equal(verdict_of(text, RFC8463_RECORD, DKIM_KEY_FOUND), DKIM_PASS);
	assert_int_equal(verdict_of(text, "", DKIM_KEY_MISSING), DKIM_PERMERROR);
	assert_int_equal(verdict_of(text, "", DKIM_KEY_UNKNOWN), DKIM_TEMPERROR);
	assert_int_equal(verdict_of(text, "v=DKIM1; k=ed25519; p=", DKIM_KEY_FOUND),
			 DKIM_PERMERROR);
	assert_int_equal(verdict_of(text, record, DKIM_KEY_FOUND), DKIM_PERMERROR);
	*strstr(text, "dinner") = 'D';
	assert_int_equal(verdict_of(text, RFC8463_RECORD, DKIM_KEY_FOUND), DKIM_FAIL);
}

static void test_signatures_that_claim_too_much(void **state)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{"i=@football", "i=@footboll"}, /* an identity that is not below d= */
		{"v=1;", "v=2;"},
		{"s=brisbane", "s=bris\tane"}, /* no name in DNS */
		{"ed25519-sha256", "rsa-sha1;    "},
		{"q=dns/txt;", "bh=AAAAAA;"}, /* a tag that comes twice */
	};
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		char text[4000];
		(void)snprintf(text, sizeof text, "%s%s", rfc8463[0], rfc8463[1]);
		char *at = strstr(text, changes[i].from);
		assert_non_null(at);
		memcpy(at, changes[i].to, strlen(changes[i].to));
		assert_int_equal(verdict_of(text, RFC8463_RECORD, DKIM_KEY_FOUND), DKIM_NEUTRAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_host_seals_what_the_one_before_found),
		cmocka_unit_test(test_what_breaks_a_chain),
		cmocka_unit_test(test_a_failed_chain_is_sealed_once_and_then_left_alone),
		cmocka_unit_test(test_fifty_sets_are_the_most),
		cmocka_unit_test(test_sets_that_nobody_made),
		cmocka_unit_test(test_a_signature_of_rfc_8463_is_good),
		cmocka_unit_test(test_signatures_that_claim_too_much),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
