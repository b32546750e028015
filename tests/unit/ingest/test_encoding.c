/* What is published can be read again, and says what the mail said. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/encoding.h"

static struct destination destinations[] = {
	{.address = BYTES("a@x.example"), .pool = "bulk", .site = "x.example"},
	{.address = BYTES("\xc3\xa4@x.example"),
	 .pool = "bulk",
	 .site = "x.example",
	 .needs_smtputf8 = true},
};

static struct mail *example(void)
{
	static struct bytes tags[] = {BYTES("spring")};
	struct mail *mail = mail_new("smtp", 1795252800000);
	strcpy(mail->id, "id-1");
	mail->sender = arena_copy(mail->arena, BYTES("me@shop.example"));
	mail->labels = (struct labels){.tenant = BYTES("acme"), .tags = tags, .tag_count = 1};
	mail->expires_wall_ms = 1795252900000;
	mail->protocol = "ESMTP";
	mail->client_helo = "client.example";
	mail->client_ip = "192.0.2.7";
	mail->content = blob_from_bytes(BYTES("Subject: x\r\n\r\nbody\r\n"));
	return mail;
}

static void test_a_request_holds_the_mail_behind_our_received_field(void **state)
{
	struct mail *mail = example();
	struct arena *arena = arena_new();
	struct buf received, body;
	struct delivery_request request;
	struct why why = {""};
	(void)state;
	buf_init(&received, 4096);
	buf_init(&body, ENCODING_HEAD_MAX);
	mail_add(mail, &destinations[0]);
	assert_int_equal(encode_received(mail, "mx.example", &received), OK);
	assert_int_equal(encode_request_head(mail, &(struct group){destinations, 1},
					     buf_bytes(&received), &body),
			 OK);
	assert_int_equal(buf_append(&body, blob_memory(mail->content)), OK);
	assert_int_equal(delivery_request_decode(arena, buf_bytes(&body), &request, &why), OK);
	assert_true(bytes_is(request.id, "id-1"));
	assert_true(bytes_is(request.sender, "me@shop.example"));
	assert_int_equal(request.recipient_count, 1);
	assert_true(bytes_is(request.recipients[0].address, "a@x.example"));
	assert_int_equal(request.recipients[0].attempt, 0);
	assert_true(bytes_is(request.pool, "bulk"));
	assert_true(bytes_is(request.site, "x.example"));
	assert_true(bytes_is(request.labels.tenant, "acme"));
	assert_true(bytes_is(request.labels.tags[0], "spring"));
	assert_true(request.accepted_wall_ms == 1795252800000);
	assert_true(request.expires_wall_ms == 1795252900000);
	assert_false(request.smtputf8 || request.binary || request.bare_line_ends);
	assert_true(bytes_is(request.content, "Received: from client.example ([192.0.2.7])\r\n"
					      "\tby mx.example (Leveret) with ESMTP id id-1\r\n"
					      "\tfor <a@x.example>;\r\n"
					      "\tSat, 21 Nov 2026 09:20:00 +0000\r\n"
					      "Subject: x\r\n\r\nbody\r\n"));
	buf_done(&received);
	buf_done(&body);
	arena_free(&arena);
	mail_free(&mail);
}

static void test_one_recipient_that_needs_smtputf8_makes_its_request_need_it(void **state)
{
	struct mail *mail = example();
	struct arena *arena = arena_new();
	struct buf body;
	struct delivery_request request;
	(void)state;
	buf_init(&body, ENCODING_HEAD_MAX);
	blob_unref(&mail->content);
	mail->content = blob_from_bytes(BYTES("x"));
	mail->is_binary = mail->has_bare_line_ends = true;
	assert_int_equal(
		encode_request_head(mail, &(struct group){destinations, 2}, BYTES_NONE, &body), OK);
	assert_int_equal(buf_append(&body, BYTES("x")), OK);
	assert_int_equal(delivery_request_decode(arena, buf_bytes(&body), &request, NULL), OK);
	assert_int_equal(request.recipient_count, 2);
	assert_true(request.smtputf8 && request.binary && request.bare_line_ends);
	buf_done(&body);
	arena_free(&arena);
	mail_free(&mail);
}

static void test_a_recipient_that_is_not_delivered_gets_a_final_result(void **state)
{
	static const struct {
		enum fate fate;
		enum result_event event;
		const char *enhanced, *key;
	} cases[] = {
		{FATE_SUPPRESSED, RESULT_SUPPRESSED, "5.7.1", "suppressed.bulk.x.example"},
		{FATE_BOUNCED, RESULT_BOUNCED, "5.1.3", "bounced.bulk.x.example"},
		{FATE_EXPIRED, RESULT_EXPIRED, "5.4.7", "expired.bulk.x.example"},
		{FATE_REFUSED, RESULT_BOUNCED, "5.6.0", "bounced.bulk.x.example"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct destination destination = destinations[0];
		struct group group = {&destination, 1};
		struct mail *mail = example();
		struct arena *arena = arena_new();
		struct buf body;
		struct result_batch batch;
		char key[ENCODING_KEY_SIZE];
		destination.fate = cases[i].fate;
		mail->refusal = "the reason";
		buf_init(&body, ENCODING_HEAD_MAX);
		encode_key(&group, key);
		assert_string_equal(key, cases[i].key);
		assert_int_equal(encode_results(mail, &group, "mx.example", &body), OK);
		assert_int_equal(result_batch_decode(arena, buf_bytes(&body), &batch, NULL), OK);
		assert_int_equal(batch.count, 1);
		assert_int_equal(batch.results[0].event, cases[i].event);
		assert_true(bytes_is(batch.results[0].enhanced, cases[i].enhanced));
		assert_true(bytes_is(batch.results[0].text, "the reason") ==
			    (cases[i].fate == FATE_REFUSED));
		assert_true(bytes_is(batch.results[0].recipient, "a@x.example"));
		assert_true(bytes_is(batch.results[0].labels.tenant, "acme"));
		buf_done(&body);
		arena_free(&arena);
		mail_free(&mail);
	}
}

static void test_the_key_of_a_request_is_pool_and_site(void **state)
{
	char key[ENCODING_KEY_SIZE];
	(void)state;
	encode_key(&(struct group){destinations, 1}, key);
	assert_string_equal(key, "bulk.x.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_holds_the_mail_behind_our_received_field),
		cmocka_unit_test(test_one_recipient_that_needs_smtputf8_makes_its_request_need_it),
		cmocka_unit_test(test_a_recipient_that_is_not_delivered_gets_a_final_result),
		cmocka_unit_test(test_the_key_of_a_request_is_pool_and_site),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
