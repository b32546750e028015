/* Submissions: what a client published becomes one mail, or is told apart for good or for now. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/submission.h"
#include "lib/base/random.h"
#include "tests/unit/ingest/fixture_routing.h"

#define WALL_MS 1795252800000

struct fixture {
	struct routing_fixture routing;
	struct mail *mail;
	struct why why;
	enum err look_up; /* of every address but suppressed@x.example, when not OK */
	const char *content_type, *content_encoding, *message_id;
};

static enum err is_suppressed(void *owner, struct mail *mail, struct bytes address)
{
	const struct fixture *f = owner;
	(void)mail;
	return bytes_is(address, "suppressed@x.example") ? OK : f->look_up;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	routing_fixture_open(&f->routing);
	f->look_up = E_NOT_FOUND;
	f->content_type = f->content_encoding = f->message_id = "";
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	mail_free(&f->mail);
	routing_fixture_close(&f->routing);
	free(f);
	return 0;
}

static enum err submit(struct fixture *f, struct bytes body)
{
	struct submission_source source = {body, f->content_type, f->content_encoding,
					   f->message_id, NULL};
	struct submission_rules rules = {
		.routing = f->routing.routing,
		.line_max = 998,
		.memory_per_message = 4096,
		.spool = "/nonexistent",
		.wall_ms = WALL_MS,
		.is_suppressed = is_suppressed,
		.owner = f,
	};
	mail_free(&f->mail);
	f->why.text[0] = '\0';
	return submission_to_mail(&source, &rules, &f->mail, &f->why);
}

static enum err submit_json(struct fixture *f, const char *text)
{
	f->content_type = "application/json";
	return submit(f, bytes_of(text));
}

static void test_json_becomes_a_mail(void **state)
{
	struct fixture *f = *state;
	enum err err = submit_json(
		f, "{\"id\": \"order-7\", \"sender\": \"me@shop.example\","
		   " \"recipients\": [\"a@gmail.example\", \"b@x.example\"], \"tenant\": \"acme\","
		   " \"tags\": [\"t1\"], \"metadata\": {\"k\": \"v\"},"
		   " \"mime\": \"Subject: x\\n\\nbody\\n\"}");
	assert_string_equal(f->why.text, "");
	assert_int_equal(err, OK);
	assert_string_equal(f->mail->id, "order-7");
	assert_true(bytes_is(f->mail->sender, "me@shop.example"));
	assert_string_equal(f->mail->sender_domain, "shop.example");
	assert_int_equal(f->mail->destination_count, 2);
	assert_string_equal(f->mail->destinations[0].site, "gmail");
	assert_string_equal(f->mail->destinations[1].site, "x.example");
	assert_true(bytes_is(f->mail->labels.tenant, "acme"));
	assert_true(bytes_is(f->mail->labels.tags[0], "t1"));
	assert_true(bytes_is(f->mail->labels.metadata[0].value, "v"));
	assert_true(bytes_is(blob_memory(f->mail->content), "Subject: x\r\n\r\nbody\r\n"));
	assert_string_equal(f->mail->protocol, "AMQP");
}

static void test_json_is_known_by_its_first_byte_too(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(submit(f, BYTES("{\"sender\": \"\", \"recipients\": \"a@x.example\", "
					 "\"mime\": \"A: b\\n\\n\"}")),
			 OK);
	assert_int_equal(f->mail->sender.len, 0);
}

static void test_protobuf_becomes_a_mail(void **state)
{
	struct fixture *f = *state;
	struct bytes recipients[] = {BYTES("a@x.example")};
	struct submission submission = {.sender = BYTES("me@news.example"),
					.recipients = recipients,
					.recipient_count = 1,
					.not_before_wall_ms = WALL_MS + 5000,
					.expires_wall_ms = WALL_MS + 9000,
					.content = BYTES("A: b\r\n\r\n\xe4\r\n")};
	struct buf body;
	buf_init(&body, 4096);
	assert_int_equal(submission_encode(&submission, &body), OK);
	f->content_type = "application/x-protobuf";
	f->message_id = "amqp-id";
	assert_int_equal(submit(f, buf_bytes(&body)), OK);
	assert_string_equal(f->mail->id, "amqp-id");
	assert_string_equal(f->mail->destinations[0].pool, "bulk");
	assert_true(f->mail->not_before_wall_ms == WALL_MS + 5000);
	assert_true(f->mail->expires_wall_ms == WALL_MS + 9000);
	assert_true(f->mail->eightbit);
	buf_done(&body);
}

static void test_an_id_that_cannot_be_one_is_replaced(void **state)
{
	struct fixture *f = *state;
	f->message_id = "has a space";
	assert_int_equal(submit_json(f, "{\"recipients\": \"a@x.example\", \"mime\": \"A: b\\n\"}"),
			 OK);
	assert_int_equal(strlen(f->mail->id), ID_SIZE - 1);
}

static void test_each_recipient_has_its_own_fate(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(
		submit_json(f, "{\"sender\": \"me@shop.example\", \"recipients\": "
			       "[\"good@x.example\", \"no address\", \"suppressed@x.example\"],"
			       " \"mime\": \"A: b\\n\"}"),
		OK);
	assert_int_equal(f->mail->destination_count, 3);
	assert_int_equal(f->mail->destinations[0].fate, FATE_DELIVER);
	assert_int_equal(f->mail->destinations[1].fate, FATE_BOUNCED);
	assert_true(bytes_is(f->mail->destinations[1].address, "no address"));
	assert_int_equal(f->mail->destinations[2].fate, FATE_SUPPRESSED);
}

static void test_what_expired_is_not_delivered(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(submit_json(f, "{\"recipients\": \"a@x.example\", \"mime\": \"A: b\\n\", "
					"\"expires_wall_ms\": 1795252800000}"),
			 OK);
	assert_int_equal(f->mail->destinations[0].fate, FATE_EXPIRED);
}

static void test_what_can_never_be_accepted_is_told_why(void **state)
{
	static const struct {
		const char *body, *why;
	} cases[] = {
		{"{\"recipients\": [\"x\", \"y\"], \"mime\": \"A: b\\n\"}", "recipients: none"},
		{"{\"sender\": \"nobody\", \"recipients\": \"a@x.example\", \"mime\": \"A: b\\n\"}",
		 "sender:"},
		{"{\"recipients\": \"a@x.example\", \"mime\": \"A: b\\rc\\n\"}", "content: a CR"},
		{"{\"recipients\": \"a@x.example\"}", "content"},
		{"{\"recipients\": []}", ""},
		{"{", ""},
		{"[]", ""},
		{"", ""},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(submit_json(f, cases[i].body), E_MALFORMED);
		assert_null(f->mail);
		assert_non_null(strstr(f->why.text, cases[i].why));
		assert_true(f->why.text[0] != '\0');
	}
	assert_int_equal(submit(f, BYTES("\xff\xff\xff")), E_MALFORMED);
	f->content_encoding = "br";
	assert_int_equal(submit_json(f, "{}"), E_MALFORMED);
	f->content_encoding = "gzip";
	assert_int_equal(submit_json(f, "{}"), E_MALFORMED);
}

/* What recipients of a refused submission are told by, from its body. */
static struct mail *refuse(struct fixture *f, struct bytes body)
{
	struct submission_source source = {body, f->content_type, f->content_encoding,
					   f->message_id, NULL};
	struct submission_rules rules = {.routing = f->routing.routing,
					 .memory_per_message = 4096,
					 .spool = "/nonexistent",
					 .wall_ms = WALL_MS};
	mail_free(&f->mail);
	f->mail = submission_refusal(&source, &rules, "it is wrong");
	return f->mail;
}

static void test_each_recipient_of_a_refused_submission_can_be_told(void **state)
{
	struct fixture *f = *state;
	f->message_id = "amqp-id";
	struct mail *mail =
		refuse(f, BYTES("{\"id\": 5, \"sender\": \"me@shop.example\", \"oops\": 1, "
				"\"tenant\": \"t\", "
				"\"recipients\": [\"a@gmail.example\", 7, \"no address\", \"\"], "
				"\"tags\": [1, \"x\"], \"metadata\": {\"k\": \"v\"}, "
				"\"expires_wall_ms\": 1, \"expiresWallMs\": 2}"));
	assert_non_null(mail);
	assert_string_equal(mail->refusal, "it is wrong");
	assert_string_equal(mail->id, "amqp-id");
	assert_true(bytes_is(mail->sender, "me@shop.example"));
	assert_int_equal(mail->destination_count, 2);
	assert_int_equal(mail->destinations[0].fate, FATE_REFUSED);
	assert_string_equal(mail->destinations[0].site, "gmail");
	assert_true(bytes_is(mail->destinations[1].address, "no address"));
	assert_int_equal(mail->destinations[1].fate, FATE_REFUSED);
	assert_true(bytes_is(mail->labels.tenant, "t"));
	assert_int_equal(mail->labels.tag_count, 1);
	assert_true(bytes_is(mail->labels.metadata[0].value, "v"));
	assert_true(blob_size(mail->content) == 0);
}

static void test_a_refused_protobuf_tells_what_stands_before_the_fault(void **state)
{
	struct fixture *f = *state;
	struct mail *mail = refuse(f, BYTES("\x0a\x02id\x12\x05"
					    "a@b.c\x1a\x07x@y.org\x1a\x04\x01\x02\x03\x04"
					    "\xa0\x06\x01\x22\x04news\x1a\xff"));
	assert_non_null(mail);
	assert_string_equal(mail->id, "id");
	assert_true(bytes_is(mail->sender, "a@b.c"));
	assert_true(bytes_is(mail->pool_asked, "news"));
	assert_int_equal(mail->destination_count, 1);
	assert_true(bytes_is(mail->destinations[0].address, "x@y.org"));
}

static void test_a_submission_that_tells_nobody_has_no_refusal(void **state)
{
	static const char *const bodies[] = {"",
					     "{",
					     "[]",
					     "{}",
					     "\xff\xff",
					     "{\"recipients\": 3}",
					     "{\"recipients\": {}}",
					     "\x12\x05"
					     "a@b.c"};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
		assert_null(refuse(f, bytes_of(bodies[i])));
	f->content_encoding = "gzip";
	assert_null(refuse(f, BYTES("{\"recipients\": \"a@b.c\"}")));
}

static void test_suppressions_that_cannot_be_read_fail_for_now(void **state)
{
	struct fixture *f = *state;
	f->look_up = E_IO;
	enum err err = submit_json(f, "{\"recipients\": \"a@x.example\", \"mime\": \"A: b\\n\"}");
	assert_int_equal(err_then(err), ERR_THEN_RETRY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_json_becomes_a_mail),
		TEST(test_json_is_known_by_its_first_byte_too),
		TEST(test_protobuf_becomes_a_mail),
		TEST(test_an_id_that_cannot_be_one_is_replaced),
		TEST(test_each_recipient_has_its_own_fate),
		TEST(test_what_expired_is_not_delivered),
		TEST(test_what_can_never_be_accepted_is_told_why),
		TEST(test_each_recipient_of_a_refused_submission_can_be_told),
		TEST(test_a_refused_protobuf_tells_what_stands_before_the_fault),
		TEST(test_a_submission_that_tells_nobody_has_no_refusal),
		TEST(test_suppressions_that_cannot_be_read_fail_for_now),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
