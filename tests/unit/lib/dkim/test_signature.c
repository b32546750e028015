/* Signatures: RFC 8463's own, byte for byte, and what a field of ours looks like. That others verify ours is shown by
 * tests/acceptance/dkim-verifies. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "lib/crypto/base64.h"
#include "lib/dkim/signature.h"
#include "tests/unit/lib/dkim/fixture_rfc8463.h"

static struct signing_key *key_of(const char *pem)
{
	struct signing_key *key = NULL;
	struct why why = {""};
	assert_int_equal(signing_key_read(bytes_of(pem), &key, &why), OK);
	return key;
}

/* ---- RFC 8463 ---- */

static void to_digest(void *owner, struct bytes b)
{
	digest_stream_add(owner, b);
}

/* The fields in the order of h=: the names that come again find no field. */
static struct digest header_hash(const char *own_field)
{
	static const char *const fields[] = {RFC8463_FROM, RFC8463_TO, RFC8463_SUBJECT,
					     RFC8463_DATE, RFC8463_MESSAGE_ID};
	struct digest_stream *stream = digest_stream_new();
	struct canon_sink sink = {to_digest, stream};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		canon_field(CANON_RELAXED, bytes_of(fields[i]), true, &sink);
	canon_field(CANON_RELAXED, bytes_of(own_field), false, &sink);
	struct digest digest = digest_stream_finish(stream);
	digest_stream_free(&stream);
	return digest;
}

static void assert_signs_as(const char *pem, const char *own_field, const char *expected)
{
	struct signing_key *key = key_of(pem);
	struct digest digest = header_hash(own_field);
	uint8_t signature[SIGNATURE_MAX];
	char text[BASE64_SIZE(SIGNATURE_MAX)];
	size_t len = 0;
	assert_int_equal(signing_key_sign(key, &digest, signature, &len), OK);
	(void)base64_text(bytes_from(signature, len), text);
	assert_string_equal(text, expected);
	signing_key_free(&key);
}

static void test_the_signatures_of_rfc_8463(void **state)
{
	(void)state;
	assert_signs_as(RFC8463_ED25519_KEY, RFC8463_ED25519_FIELD, RFC8463_ED25519_SIGNATURE);
	assert_signs_as(RFC8463_RSA_KEY, RFC8463_RSA_FIELD, RFC8463_RSA_SIGNATURE);
}

/* ---- ours ---- */

static const char *const oversigned_names[] = {"From", "To", "Reply-To", "Subject", "from"};
static const char *const further_names[] = {"Message-ID", "X-None", "subject"};

static struct dkim_wish wish_with(struct signing_key *key)
{
	return (struct dkim_wish){
		.domain = "football.example.com",
		.selector = "brisbane",
		.key = key,
		.header_canon = CANON_RELAXED,
		.body_canon = CANON_RELAXED,
		.oversigned = {oversigned_names, 5},
		.names = {further_names, 3},
		.signed_at_s = 1528637909,
	};
}

static char *sign(const char *message, const struct dkim_wish *wishes, size_t count)
{
	static char text[40000];
	struct buf out;
	struct why why = {""};
	buf_init(&out, sizeof text - 1);
	assert_int_equal(dkim_sign_message(bytes_of(message), wishes, count, &out, &why), OK);
	assert_true(bytes_to_cstr(buf_bytes(&out), text, sizeof text));
	buf_done(&out);
	return text;
}

#define MESSAGE                                                                                    \
	RFC8463_FROM RFC8463_TO RFC8463_SUBJECT RFC8463_DATE RFC8463_MESSAGE_ID "\r"               \
										"\n" RFC8463_BODY

static void test_a_field(void **state)
{
	struct signing_key *key = key_of(RFC8463_ED25519_KEY);
	struct dkim_wish wish = wish_with(key);
	(void)state;
	char *text = sign(MESSAGE, &wish, 1);
	const char *expected = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
			       " d=football.example.com; s=brisbane; t=1528637909;\r\n"
			       " h=from:from:to:to:reply-to:subject:subject:message-id;\r\n"
			       " bh=" RFC8463_BODY_HASH ";\r\n"
			       " b=";
	assert_memory_equal(text, expected, strlen(expected));
	assert_string_equal(text + strlen(text) - 2, "\r\n");
	assert_null(strstr(text, " l="));
	assert_null(strstr(text, "x="));
	wish.expires_at_s = 1528640000;
	wish.header_canon = CANON_SIMPLE;
	text = sign(MESSAGE, &wish, 1);
	assert_non_null(strstr(text, " x=1528640000;"));
	assert_non_null(strstr(text, " c=simple/relaxed;"));
	signing_key_free(&key);
}

static void test_every_field_of_a_name_is_signed(void **state)
{
	struct signing_key *key = key_of(RFC8463_ED25519_KEY);
	struct dkim_wish wish = wish_with(key);
	(void)state;
	char *text = sign("Subject: a\r\nSubject: b\r\nFrom: x@y.example\r\nMessage-ID: <1>\r\n"
			  "Message-Id: <2>\r\n\r\n",
			  &wish, 1);
	assert_non_null(strstr(text, "h=from:from:to:reply-to:subject:subject:subject:message-id:"
				     "message-id;"));
	signing_key_free(&key);
}

static void test_from_is_signed_though_no_list_names_it(void **state)
{
	struct signing_key *key = key_of(RFC8463_ED25519_KEY);
	struct dkim_wish wish = wish_with(key);
	(void)state;
	wish.oversigned.count = wish.names.count = 0;
	assert_non_null(strstr(sign(MESSAGE, &wish, 1), " h=from;\r\n"));
	signing_key_free(&key);
}

static void test_lines_are_short(void **state)
{
	static const char *const names[] = {
		"list-unsubscribe", "list-unsubscribe-post",
		"list-id",	    "content-transfer-encoding",
		"feedback-id",	    "x-a-rather-long-name-of-a-field",
	};
	struct signing_key *key = signing_key_generate(SIGNING_RSA, 4096);
	struct dkim_wish wish = wish_with(key);
	(void)state;
	wish.oversigned.items = names;
	wish.oversigned.count = 6;
	for (char *line = sign(MESSAGE, &wish, 1); *line;) {
		size_t len = strcspn(line, "\r");
		assert_in_range(len, 2, 78);
		assert_memory_equal(line + len, "\r\n", 2);
		line += len + 2;
		assert_true(*line == ' ' || *line == '\0');
	}
	signing_key_free(&key);
}

static void test_one_field_for_each_wish(void **state)
{
	struct signing_key *ed25519 = key_of(RFC8463_ED25519_KEY), *rsa = key_of(RFC8463_RSA_KEY);
	struct dkim_wish wishes[] = {wish_with(rsa), wish_with(ed25519)};
	(void)state;
	wishes[0].body_canon = CANON_SIMPLE;
	char *text = sign(MESSAGE, wishes, 2);
	char *second = strstr(text + 1, "DKIM-Signature:");
	assert_non_null(strstr(text, "a=rsa-sha256"));
	assert_non_null(second);
	assert_non_null(strstr(second, "a=ed25519-sha256"));
	assert_non_null(strstr(second, "bh=" RFC8463_BODY_HASH));
	*second = '\0';
	assert_null(strstr(text, "bh=" RFC8463_BODY_HASH));
	signing_key_free(&ed25519);
	signing_key_free(&rsa);
}

/* The hashes are of "a\nb\rc  d\r\n", and with one space; `openssl dgst -sha256 -binary | base64` makes them. */
static void test_bare_line_ends_of_a_binary_body_are_bytes(void **state)
{
	static const char message[] = "From: a@b.example\r\n\r\na\nb\rc  d\r\n\r\n";
	struct signing_key *key = key_of(RFC8463_ED25519_KEY);
	struct dkim_wish wish = wish_with(key);
	(void)state;
	wish.is_binary = true;
	assert_non_null(strstr(sign(message, &wish, 1),
			       "bh=TkkTxSz6qNYTwEvlZfj+4hArWPCGoENJUecO8vsAF3Q=;"));
	wish.body_canon = CANON_SIMPLE;
	assert_non_null(strstr(sign(message, &wish, 1),
			       "bh=KJziNvMHPyFHkt5TBKQm/3a98er2kZxjl+3DTESCXZY=;"));
	wish.is_binary = false;
	assert_null(strstr(sign(message, &wish, 1), "bh=KJziNvMHPyFHkt5TBKQm/"));
	signing_key_free(&key);
}

static void test_what_can_be_read_in_two_ways_is_not_signed(void **state)
{
	static const struct {
		const char *message;
		enum err err;
	} cases[] = {
		{"Subject: a\r\n\r\n", E_MALFORMED},
		{"From: a@b.example\r\nfrom: c@d.example\r\n\r\n", E_MALFORMED},
		{"From: a@b.example\r\nno field\r\n\r\n", E_MALFORMED},
		{"", E_MALFORMED},
	};
	struct signing_key *key = key_of(RFC8463_ED25519_KEY);
	struct dkim_wish wish = wish_with(key);
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out;
		struct why why = {""};
		buf_init(&out, 40000);
		assert_int_equal(
			dkim_sign_message(bytes_of(cases[i].message), &wish, 1, &out, &why),
			cases[i].err);
		assert_true(why.text[0] != '\0');
		assert_int_equal(buf_bytes(&out).len, 0);
		buf_done(&out);
	}
	signing_key_free(&key);
}

static void test_too_many_fields_of_a_name_are_refused(void **state)
{
	static char message[20 + 5 * (DKIM_SIGNED_FIELDS_MAX + 1)];
	struct signing_key *key = key_of(RFC8463_ED25519_KEY);
	struct dkim_wish wish = wish_with(key);
	struct buf out;
	struct why why = {""};
	(void)state;
	strcpy(message, "From: a@b.example\r\n");
	for (size_t i = 0; i < DKIM_SIGNED_FIELDS_MAX; i++)
		strcpy(message + 19 + 5 * i, "To:\r\n");
	buf_init(&out, 40000);
	assert_int_equal(dkim_sign_message(bytes_of(message), &wish, 1, &out, &why), E_TOO_BIG);
	buf_done(&out);
	signing_key_free(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_signatures_of_rfc_8463),
		cmocka_unit_test(test_a_field),
		cmocka_unit_test(test_every_field_of_a_name_is_signed),
		cmocka_unit_test(test_from_is_signed_though_no_list_names_it),
		cmocka_unit_test(test_lines_are_short),
		cmocka_unit_test(test_one_field_for_each_wish),
		cmocka_unit_test(test_bare_line_ends_of_a_binary_body_are_bytes),
		cmocka_unit_test(test_what_can_be_read_in_two_ways_is_not_signed),
		cmocka_unit_test(test_too_many_fields_of_a_name_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
