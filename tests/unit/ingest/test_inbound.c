/* Mail that comes back: whose it is, and which queue it goes to. */
#include "tests/check.h"

#include <string.h>

#include "ingest/encoding.h"
#include "ingest/inbound.h"

static struct address address_of(const char *text)
{
	struct address address;
	assert_int_equal(address_parse(bytes_of(text), true, &address), OK);
	return address;
}

static void test_only_domains_of_the_list_are_taken(void **state)
{
	static const char *items[] = {"bounces.example", "*.vergp.example"};
	const struct conf_text_list list = {items, 2}, none = {NULL, 0};
	static const struct {
		const char *address;
		bool is_taken;
	} cases[] = {
		{"a@bounces.example", true},
		{"a@BOUNCES.Example", true},
		{"a@x.bounces.example", false},
		{"a@evilbounces.example", false},
		{"a@x.vergp.example", true},
		{"a@vergp.example", false},
		{"a@[192.0.2.1]", false},
		{"a@other.example", false},
		{"\"a@bounces.example\"@b.c", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct address address = address_of(cases[i].address);
		assert_int_equal(inbound_takes(&list, &address), cases[i].is_taken);
		assert_false(inbound_takes(&none, &address));
	}
}

static void test_the_header_tells_the_queue(void **state)
{
	static const struct {
		const char *header;
		bool has_null_sender;
		const char *recipient, *key;
	} cases[] = {
		{"Content-Type: multipart/report; report-type=delivery-status;\r\n "
		 "boundary=x\r\n\r\n",
		 true, "b@x", "dsn"},
		{"Content-Type: multipart/report; boundary=x;\r\n "
		 "report-type=\"Feedback-Report\"\r\n\r\n",
		 false, "b@x", "fbl"},
		{"content-type: MULTIPART/REPORT; report-type=feedback-report\r\n\r\n", true,
		 "unsub@x", "fbl"},
		{"Content-Type: multipart/report; report-type=disposition-notification\r\n\r\n",
		 false, "b@x", "dsn"},
		{"Subject: failure notice\r\n\r\n", true, "b@x", "dsn"},
		{"Subject: failure notice\r\n\r\n", true, "unsub@x", "dsn"},
		{"Subject: x\r\n\r\n", false, "Unsubscribe+42@x", "unsub"},
		{"Subject: x\r\n\r\n", false, "b@x", "mail"},
		{"Content-Type: multipart/reporter\r\n\r\n", false, "b@x", "mail"},
		{"", false, "", "mail"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *key = inbound_key(bytes_of(cases[i].header), cases[i].has_null_sender,
					      bytes_of(cases[i].recipient));
		if (strcmp(key, cases[i].key) != 0)
			print_error("case %zu\n", i);
		assert_string_equal(key, cases[i].key);
	}
}

static void test_recipients_of_one_key_travel_together_with_all_that_was_said(void **state)
{
	struct mail *mail = mail_new("inbound", 1795252800000);
	struct arena *arena = arena_new();
	const char *const to[] = {"b@x.example", "unsub@x.example", "c@x.example"};
	const struct group *groups = NULL;
	struct buf out;
	struct inbound_mail inbound;
	struct why why = {""};
	char key[ENCODING_KEY_SIZE];
	(void)state;
	mail->sender = BYTES("me@shop.example");
	mail->client_ip = "192.0.2.7";
	mail->content =
		blob_from_bytes(BYTES("Subject: x\r\n\r\nContent-Type: multipart/report\r\n"));
	for (size_t i = 0; i < 3; i++) {
		struct address address = address_of(to[i]);
		struct destination destination = inbound_destination(mail, &address);
		mail_add(mail, &destination);
	}
	assert_true(inbound_is(mail));
	inbound_sort(mail);
	assert_int_equal(grouping_cut(mail, &groups), 2);
	encode_key(&groups[0], key);
	assert_string_equal(key, "mail");
	encode_key(&groups[1], key);
	assert_string_equal(key, "unsub");
	buf_init(&out, ENCODING_HEAD_MAX);
	assert_int_equal(encode_inbound_head(mail, &groups[0], BYTES("Received: x\r\n"), &out), OK);
	assert_int_equal(buf_append(&out, blob_memory(mail->content)), OK);
	assert_int_equal(inbound_mail_decode(arena, buf_bytes(&out), &inbound, &why), OK);
	assert_true(bytes_is(inbound.id, mail->id));
	assert_true(bytes_is(inbound.sender, "me@shop.example"));
	assert_int_equal(inbound.recipient_count, 2);
	assert_true(bytes_is(inbound.recipients[1], "c@x.example"));
	assert_true(bytes_is(inbound.client_address, "192.0.2.7"));
	assert_true(inbound.received_wall_ms == 1795252800000);
	assert_true(
		bytes_is(inbound.content,
			 "Received: x\r\nSubject: x\r\n\r\nContent-Type: multipart/report\r\n"));
	buf_done(&out);
	arena_free(&arena);
	mail_free(&mail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_domains_of_the_list_are_taken),
		cmocka_unit_test(test_the_header_tells_the_queue),
		cmocka_unit_test(test_recipients_of_one_key_travel_together_with_all_that_was_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
