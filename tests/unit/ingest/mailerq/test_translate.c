/* What MailerQ's publishers write becomes what Leveret sends, or is refused with what could be read of it. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/mailerq/echo.h"
#include "ingest/mailerq/report.h"
#include "ingest/mailerq/translate.h"

#define WALL_MS 1795252800000 /* 2026-11-21 09:20:00 */

struct fixture {
	struct arena *arena;
	struct mailerq_settings settings;
	struct source_settings sources[2];
	struct pool_settings pools[2];
	struct site_settings site;
	struct routing_settings routing_settings;
	struct routing *routing;
	struct submission submission;
	struct mailerq_report report;
	struct why why;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->arena = arena_new();
	f->settings = (struct mailerq_settings){.outbox = "outbox",
						.results = "results",
						.success = "success",
						.failure = "failure",
						.retry = "retry"};
	f->sources[0] = (struct source_settings){.name = "default", .address = ""};
	f->sources[1] = (struct source_settings){.name = "out1", .address = "192.0.2.1"};
	f->pools[0] = (struct pool_settings){.name = "default"};
	f->pools[1] = (struct pool_settings){.name = "news"};
	f->pools[1].sources.items = calloc(1, sizeof *f->pools[1].sources.items);
	f->pools[1].sources.items[0].name = "out1";
	f->pools[1].sources.items[0].weight = 1;
	f->pools[1].sources.count = 1;
	f->routing_settings.sources = (struct conf_items){f->sources, 2};
	f->site.name = "default";
	f->routing_settings.sites = (struct conf_items){&f->site, 1};
	f->routing_settings.pools = (struct conf_items){f->pools, 2};
	f->routing = routing_new(&f->routing_settings);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	routing_free(&f->routing);
	free(f->pools[1].sources.items);
	arena_free(&f->arena);
	free(f);
	return 0;
}

static enum err take(struct fixture *f, const char *json)
{
	f->why.text[0] = '\0';
	return mailerq_read(f->arena, bytes_of(json), &f->settings, &f->routing_settings,
			    &f->submission, &f->why);
}

/* A message with these properties besides what it must have. */
static enum err take_with(struct fixture *f, const char *more)
{
	return take(f,
		    arena_printf(f->arena,
				 "{\"envelope\": \"me@shop.example\", \"recipient\": "
				 "\"ada@x.example\", \"mime\": \"Subject: x\\n\\nhello\\n\"%s%s}",
				 *more ? ", " : "", more));
}

static bool has(struct bytes text, const char *part)
{
	return text.len > 0 && memmem(text.data, text.len, part, strlen(part));
}

static bool is_reported(struct fixture *f, struct result result)
{
	result.labels.echo = f->submission.labels.echo;
	result.at_wall_ms = WALL_MS;
	return mailerq_report(f->arena, &result, &f->settings, f->routing, &f->report);
}

static void assert_json(struct fixture *f, const char *part)
{
	if (!has(f->report.json, part))
		print_error("%.*s\n", BYTES_ARGS(f->report.json));
	assert_true(has(f->report.json, part));
}

/* ---- submitting ---- */

static void test_the_least_there_may_be(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(take(f, "{\"recipient\": \"ada@x.example\", \"mime\": \"A: b\\n\\n\"}"),
			 OK);
	assert_int_equal(f->submission.sender.len, 0);
	assert_int_equal(f->submission.recipient_count, 1);
	assert_true(bytes_is(f->submission.recipients[0], "ada@x.example"));
	assert_true(bytes_is(f->submission.content, "A: b\n\n"));
	assert_int_equal(f->submission.id.len, 0);
	assert_true(f->submission.expires_wall_ms == 0 && f->submission.not_before_wall_ms == 0);
}

static void test_properties_are_taken_in_all_their_forms(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(
		take_with(
			f,
			"\"pool\": \"news\", \"tags\": [\"a\", 1, \"b\"], \"message-id\": \"m-1\", "
			"\"maxdelivertime\": \"2026-11-21 09:20:01\", \"nextattempt\": "
			"{\"time\": \"2026-11-21T10:20:00.1234567+01:00\"}, \"maxattempts\": "
			"\"3\", \"retries\": [60], \"priority\": \"9\", \"security\": "
			"\"optional\", \"smarthost\": null, \"queues\": {\"retry\": \"null\"}"),
		OK);
	assert_true(bytes_is(f->submission.pool, "news"));
	assert_int_equal(f->submission.labels.tag_count, 2);
	assert_true(bytes_is(f->submission.id, "m-1"));
	assert_true(f->submission.expires_wall_ms == WALL_MS + 1000);
	assert_true(f->submission.not_before_wall_ms == WALL_MS + 123);
	assert_int_equal(take_with(f, "\"delayed\": \"2026-11-21 09:20:02\", \"tags\": \"one\", "
				      "\"ips\": \"not a list\", \"message-id\": \"two words\""),
			 OK);
	assert_true(f->submission.not_before_wall_ms == WALL_MS + 2000);
	assert_int_equal(f->submission.labels.tag_count, 1);
	assert_int_equal(f->submission.id.len, 0);
}

static void test_addresses_choose_the_pool_that_sends_from_them(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(
		take_with(f, "\"pool\": \"default\", \"ips\": [\"192.0.2.9\", \"192.0.2.1\"]"), OK);
	assert_true(bytes_is(f->submission.pool, "news"));
	assert_int_equal(take_with(f, "\"ips\": [\"192.0.2.9\"]"), E_MALFORMED);
	assert_int_equal(take_with(f, "\"ips\": []"), E_MALFORMED);
}

static void test_what_would_be_sent_otherwise_than_meant_is_refused(void **state)
{
	static const struct {
		const char *more, *why;
	} cases[] = {
		{"\"mime\": {\"subject\": \"x\"}", "mime: an object"},
		{"\"mime\": \"\", \"key\": \"k\"", "key:"},
		{"\"mime\": \"\"", "mime: missing"},
		{"\"data\": {\"name\": \"Ada\"}", "data:"},
		{"\"inlinecss\": \"1\"", "inlinecss:"},
		{"\"smarthost\": {\"hostname\": \"h\"}", "smarthost:"},
		{"\"security\": \"Verified\"", "security:"},
		{"\"maxdelivertime\": \"tomorrow\"", "maxdelivertime:"},
		{"\"nextattempt\": {\"time\": 5}", "nextattempt:"},
		{"\"delayed\": \"2026-02-30 00:00:00\"", "delayed:"},
		{"\"envelope\": 5", "envelope:"},
		{"\"envelope\": \"a\\u0000b\"", ""},
		{"\"queues\": {\"results\": \"outbox\"}", "queues:"},
		{"\"queues\": {\"failure\": \"submit.tx\"}", "queues:"},
		{"\"queues\": {\"success\": \"a\\nb\"}", "queues:"},
		{"\"headers\": {\"append\": {\"X\": \"a\\r\\nBcc: b\"}}", "headers.append:"},
		{"\"headers\": {\"append\": {\"X Y\": \"a\"}}", "headers.append:"},
		{"\"headers\": {\"remove\": [5]}", "headers.remove:"},
		{"\"headers\": 1", "headers:"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(take_with(f, cases[i].more), E_MALFORMED);
		assert_non_null(strstr(f->why.text, cases[i].why));
		assert_int_equal(f->submission.content.len, 0);
		if (*cases[i].why) { /* its results can be told */
			assert_int_equal(f->submission.recipient_count, 1);
			assert_true(f->submission.labels.echo.len > 0);
		}
	}
}

static void test_what_is_no_message_is_refused(void **state)
{
	static const char *const bodies[] = {"",
					     "[]",
					     "{",
					     "5",
					     "{}",
					     "{\"recipient\": 5}",
					     "{\"recipient\": \"a\\nb@c\", \"mime\": \"x\"}",
					     "{\"recipient\": \"\xff\"}"};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		assert_int_equal(take(f, bodies[i]), E_MALFORMED);
		assert_true(f->why.text[0] != '\0');
		assert_int_equal(f->submission.recipient_count, 0);
	}
}

static void test_header_fields_are_edited(void **state)
{
	static const struct {
		const char *edits, *header;
	} cases[] = {
		{"{}", "A: 1\nB: 2\n  more\na: 3\n"},
		{"{\"remove\": \"a\"}", "B: 2\n  more\n"},
		{"{\"remove\": [\"A\", \"b\"]}", ""},
		{"{\"prepend\": {\"X\": \"1\"}}", "X: 1\r\nA: 1\nB: 2\n  more\na: 3\n"},
		{"{\"append\": {\"X\": [\"1\", 2]}}", "A: 1\nB: 2\n  more\na: 3\nX: 1\r\nX: 2\r\n"},
		{"{\"add\": {\"X\": \"1\"}}", "A: 1\nB: 2\n  more\na: 3\nX: 1\r\n"},
		{"{\"replace\": {\"A\": \"9\"}}", "A: 9\r\nB: 2\n  more\n"},
		{"{\"replace\": {\"X\": \"9\"}}", "A: 1\nB: 2\n  more\na: 3\nX: 9\r\n"},
		{"{\"update\": {\"B\": [\"8\", \"9\"]}}", "A: 1\nB: 8\r\nB: 9\r\na: 3\n"},
		{"{\"update\": {\"X\": \"9\"}}", "A: 1\nB: 2\n  more\na: 3\n"},
		{"{\"remove\": \"a\", \"append\": {\"A\": \"\"}}", "B: 2\n  more\nA: \r\n"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(
			take_with(f, arena_printf(f->arena,
						  "\"headers\": %s, \"mime\": \"A: 1\\nB: 2\\n  "
						  "more\\na: 3\\n\\nC: body\\n\"",
						  cases[i].edits)),
			OK);
		const char *whole = arena_printf(f->arena, "%s\nC: body\n", cases[i].header);
		assert_true(bytes_is(f->submission.content, whole));
	}
	assert_int_equal(
		take_with(f, "\"headers\": {\"append\": {\"X\": \"1\"}}, \"mime\": \"A: 1\""), OK);
	assert_true(bytes_is(f->submission.content, "A: 1\r\nX: 1\r\n"));
}

/* ---- results ---- */

static void test_results_echo_everything_but_content_and_secrets(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(take_with(f,
				   "\"delivery_id\": 42, \"deep\": {\"password\": \"hush\", \"b\": "
				   "[true, null]}, \"dkim\": [{\"domain\": \"d\", \"key\": "
				   "\"PRIVATE\"}], \"k\\u00e9y\": \"\\u007f\\u0085\""),
			 OK);
	assert_true(bytes_is_ascii(f->submission.labels.echo));
	assert_int_equal(bytes_find(f->submission.labels.echo, 0x7f), -1);
	assert_true(is_reported(f, (struct result){.id = BYTES("m-1"),
						   .event = RESULT_DELIVERED,
						   .attempt = 2,
						   .code = 250,
						   .enhanced = BYTES("2.0.0"),
						   .text = BYTES("taken"),
						   .step = BYTES("body"),
						   .source = BYTES("out1"),
						   .remote_host = BYTES("mx.x.example"),
						   .remote_address = BYTES("[2001:db8::1]:25")}));
	assert_json(f, "\"delivery_id\":42");
	assert_json(f, "\"recipient\":\"ada@x.example\"");
	assert_json(f, "\"message-id\":\"m-1\"");
	assert_json(f, "\"dkim\":[{\"domain\":\"d\"}]");
	assert_json(f, "\"deep\":{\"b\":[true,null]}");
	assert_json(f, "\"results\":[{\"state\":\"message\",\"result\":\"accepted\",\"time\":"
		       "\"2026-11-21 09:20:00\",\"attempt\":2,\"from\":\"192.0.2.1\",\"to\":"
		       "\"2001:db8::1\",\"mta\":\"mx.x.example\",\"code\":250,\"status\":\"2.0.0\","
		       "\"description\":\"taken\"}]");
	assert_false(has(f->report.json, "PRIVATE"));
	assert_false(has(f->report.json, "hush"));
	assert_false(has(f->report.json, "\"mime\""));
	assert_int_equal(f->report.place_count, 2);
	assert_string_equal(f->report.places[0].queue, "results");
	assert_string_equal(f->report.places[1].queue, "success");
}

static void test_what_smells_of_a_secret_is_not_echoed(void **state)
{
	static const char *const secret[] = {
		"\"password\": \"hush\"",
		"\"Password\": {\"in\": \"hush\"}",
		"\"smtp_passwd\": \"hush\"",
		"\"clientSecret\": \"hush\"",
		"\"a\": [[{\"Access-Token\": \"hush\"}]]",
		"\"API_KEY\": \"hush\"",
		"\"private key\": [\"hush\"]",
		"\"pem\": \"-----BEGIN RSA PRIVATE KEY-----\\nhush\"",
		"\"pems\": [1, \"-----BEGIN PRIVATE KEY-----\\nhush\", 2]",
		"\"my\": {\"DKIM\": {\"all\": [{\"signing-key\": \"hush\"}]}}",
		"\"dkim\": {\"key\": \"hush\"}",
		"\"headers\": {\"append\": {\"X-Auth-Token\": \"hush\"}}",
	};
	static const char *const kept[] = {
		"\"message-token\":\"mine\"",
		"\"key\":\"mine\"",
		"\"monkey\":[\"mine\",{\"keys\":1}]",
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
		assert_int_equal(take_with(f, secret[i]), OK);
		assert_false(has(f->submission.labels.echo, "hush"));
	}
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
		assert_int_equal(take_with(f, kept[i]), OK);
		assert_true(has(f->submission.labels.echo, kept[i]));
	}
	/* Of a refused message too, and in `mime` it is the mail. */
	assert_int_equal(
		take_with(f, "\"smarthost\": {\"hostname\": \"h\", \"password\": \"hush\"}"),
		E_MALFORMED);
	assert_true(has(f->submission.labels.echo, "{\"hostname\":\"h\"}"));
	assert_int_equal(take_with(f, "\"keepmime\": 1, \"mime\": \"A: b\\n\\n-----BEGIN PRIVATE "
				      "KEY-----\""),
			 OK);
	assert_true(has(f->submission.labels.echo, "A: b"));
}

static void test_content_is_echoed_where_it_is_asked_for_and_short(void **state)
{
	struct fixture *f = *state;
	char *text = arena_zalloc(f->arena, 40001, 1);
	memset(text, 'x', 40000);
	assert_int_equal(take_with(f, "\"keepmime\": 1"), OK);
	assert_true(has(f->submission.labels.echo, "Subject: x"));
	assert_int_equal(
		take_with(f, arena_printf(f->arena,
					  "\"keepmime\": true, \"mime\": \"A: b\\n\\n%s\"", text)),
		OK);
	assert_false(has(f->submission.labels.echo, "A: b"));
	assert_true(has(f->submission.labels.echo, "keepmime"));
	assert_int_equal(take_with(f, arena_printf(f->arena, "\"mine\": \"%s\"", text)), E_TOO_BIG);
}

static void test_each_end_has_its_words(void **state)
{
	static const struct {
		enum result_event event;
		unsigned code;
		const char *step, *enhanced, *text, *words, *queue;
	} cases[] = {
		{RESULT_BOUNCED, 550, "rcpt", "5.1.1", "unknown", "\"rcptto\",\"result\":\"error\"",
		 "failure"},
		{RESULT_BOUNCED, 554, "body", "5.7.1", "spam", "\"message\",\"result\":\"error\"",
		 "failure"},
		{RESULT_BOUNCED, 550, "mail", "", "", "\"mailfrom\",\"result\":\"error\"",
		 "failure"},
		{RESULT_DEFERRED, 450, "rcpt", "4.2.1", "later", "\"rcptto\",\"result\":\"error\"",
		 "retry"},
		{RESULT_DEFERRED, 0, "connect", "", "no answer to connect in time",
		 "\"connect\",\"result\":\"timeout\"", "retry"},
		{RESULT_DEFERRED, 0, "data", "", "connection reset by peer",
		 "\"data\",\"result\":\"lost\"", "retry"},
		{RESULT_DEFERRED, 0, "starttls", "", "handshake failed",
		 "\"starttls\",\"result\":\"error\"", "retry"},
		{RESULT_BOUNCED, 0, "dns", "5.1.2", "no such domain",
		 "\"dns\",\"result\":\"error\"", "failure"},
		{RESULT_EXPIRED, 0, "expiry", "5.4.7", "", "\"process\",\"result\":\"timeout\"",
		 "failure"},
		{RESULT_EXPIRED, 450, "rcpt", "4.2.1", "later", "\"rcptto\",\"result\":\"error\"",
		 "failure"},
		{RESULT_SUPPRESSED, 0, "suppression", "5.7.1", "",
		 "\"suppression\",\"result\":\"error\"", "failure"},
		{RESULT_BOUNCED, 0, "rcpt", "5.1.3", "not an address",
		 "\"process\",\"result\":\"invalid\"", "failure"},
		{RESULT_BOUNCED, 0, "submission", "5.6.0", "mime: an object",
		 "\"responsive\",\"result\":\"error\"", "failure"},
		{RESULT_BOUNCED, 0, "submission", "5.6.0", "smarthost: no",
		 "\"process\",\"result\":\"invalid\"", "failure"},
		{RESULT_CANCELLED, 0, "recall", "", "", "\"process\",\"result\":\"error\"",
		 "failure"},
		{RESULT_BOUNCED, 0, "future", "", "", "\"unknown\",\"result\":\"error\"",
		 "failure"},
	};
	struct fixture *f = *state;
	assert_int_equal(take_with(f, ""), OK);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool is_attempt = cases[i].code > 0 || cases[i].event == RESULT_DEFERRED;
		assert_true(is_reported(
			f, (struct result){.event = cases[i].event,
					   .attempt = 1,
					   .code = cases[i].code,
					   .step = bytes_of(cases[i].step),
					   .enhanced = bytes_of(cases[i].enhanced),
					   .text = bytes_of(cases[i].text),
					   .remote_address =
						   bytes_of(is_attempt ? "192.0.2.7:25" : NULL)}));
		assert_json(f, cases[i].words);
		bool is_final = cases[i].event != RESULT_DEFERRED;
		assert_int_equal(f->report.place_count, is_final ? 2 : 1);
		assert_string_equal(f->report.places[is_final ? 1 : 0].queue, cases[i].queue);
	}
}

static void test_a_message_chooses_the_queues_of_its_results(void **state)
{
	struct fixture *f = *state;
	const struct result delivered = {.event = RESULT_DELIVERED, .step = BYTES("body")};
	assert_int_equal(take_with(f, "\"queues\": {\"results\": \"mine\", \"success\": null}"),
			 OK);
	assert_true(is_reported(f, delivered));
	assert_int_equal(f->report.place_count, 1);
	assert_string_equal(f->report.places[0].queue, "mine");
	assert_int_equal(take_with(f, "\"queues\": {\"results\": \"mine\", \"success\": \"mine\"}"),
			 OK);
	assert_true(is_reported(f, delivered));
	assert_int_equal(f->report.place_count, 1);
	assert_int_equal(take_with(f, "\"queues\": {\"results\": \"null\", \"success\": \"\"}"),
			 OK);
	assert_true(is_reported(f, delivered));
	assert_int_equal(f->report.place_count, 0);
	/* What was refused for its queues must not go there. */
	assert_int_equal(
		take_with(f, "\"queues\": {\"results\": \"outbox\", \"failure\": \"lost\"}"),
		E_MALFORMED);
	assert_true(is_reported(f, (struct result){.event = RESULT_BOUNCED}));
	assert_string_equal(f->report.places[0].queue, "results");
	assert_string_equal(f->report.places[1].queue, "failure");
}

static void test_results_go_into_no_queue_of_leveret(void **state)
{
	static const struct {
		const char *prefix, *queue;
		bool may;
	} cases[] = {
		{NULL, "mine", true},
		{NULL, "deliver.default.gmail", false},
		{NULL, "refused", false},
		{NULL, "refused.mine", true},
		{NULL, "outbox", false},
		{NULL, "", false},
		{NULL, "two\nlines", false},
		{"mta.", "mta.submit.tx", false},
		{"mta.", "mta.buried", false},
		{"mta.", "submit.tx", false},
		{"mta.", "mta.", true},
		{"mta.", "mta.mine", true},
		{"mta.", "other.submit.tx", true},
		{"leveret.", "leveret.mine", false},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		f->settings.broker_prefix = cases[i].prefix;
		assert_int_equal(mailerq_may_publish_to(&f->settings, bytes_of(cases[i].queue)),
				 cases[i].may);
	}
	f->settings.broker_prefix = "mta.";
	assert_int_equal(take_with(f, "\"queues\": {\"results\": \"mta.submit.bulk\"}"),
			 E_MALFORMED);
}

static void test_earlier_results_of_a_message_stay(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(take_with(f, "\"results\": [{\"state\": \"dns\"}]"), OK);
	assert_true(is_reported(f, (struct result){.event = RESULT_DELIVERED}));
	assert_json(f, "\"results\":[{\"state\":\"dns\"},{\"state\":\"message\"");
}

static void test_results_tell_of_all_attempts(void **state)
{
	struct fixture *f = *state;
	const struct result first = {.event = RESULT_DEFERRED,
				     .attempt = 1,
				     .code = 450,
				     .step = BYTES("rcpt"),
				     .text = BYTES("later \x7f \xc2\x85 \xff"),
				     .remote_address = BYTES("192.0.2.7:25"),
				     .source = BYTES("out1"),
				     .at_wall_ms = WALL_MS - 61000};
	assert_int_equal(take_with(f, "\"mine\": 1"), OK);
	struct bytes echo = echo_with(f->arena, f->submission.labels.echo, &first);
	assert_true(bytes_is_ascii(echo) && bytes_find(echo, 0x7f) < 0);
	f->submission.labels.echo = echo;
	assert_true(is_reported(f, (struct result){.event = RESULT_DELIVERED, .attempt = 2}));
	assert_json(f, "\"mine\":1");
	assert_json(f,
		    "\"results\":[{\"state\":\"rcptto\",\"result\":\"error\",\"time\":\"2026-11-21 "
		    "09:18:59\",\"attempt\":1,\"from\":\"192.0.2.1\",\"to\":\"192.0.2.7\",\"code\":"
		    "450,\"description\":\"later");
	assert_json(f, "},{\"state\":\"message\",\"result\":\"accepted\"");
	for (int i = 0; i < 2000; i++)
		f->submission.labels.echo = echo_with(f->arena, f->submission.labels.echo, &first);
	assert_true(f->submission.labels.echo.len <= SCHEMA_ECHO_MAX);
	assert_true(is_reported(f, (struct result){.event = RESULT_EXPIRED, .attempt = 2002}));
	assert_json(f, "\"attempt\":2002");
	assert_int_equal(echo_with(f->arena, BYTES_NONE, &first).len, 0);
}

static void test_results_of_other_doors_are_not_told(void **state)
{
	static const char *const echoes[] = {"",	   "mailerq",	"mailerq ",
					     "mailerq []", "mailerq {", "other {}"};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof echoes / sizeof echoes[0]; i++) {
		f->submission.labels.echo = bytes_of(echoes[i]);
		assert_false(is_reported(f, (struct result){.event = RESULT_DELIVERED}));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_least_there_may_be),
		TEST(test_properties_are_taken_in_all_their_forms),
		TEST(test_addresses_choose_the_pool_that_sends_from_them),
		TEST(test_what_would_be_sent_otherwise_than_meant_is_refused),
		TEST(test_what_is_no_message_is_refused),
		TEST(test_header_fields_are_edited),
		TEST(test_results_echo_everything_but_content_and_secrets),
		TEST(test_what_smells_of_a_secret_is_not_echoed),
		TEST(test_content_is_echoed_where_it_is_asked_for_and_short),
		TEST(test_each_end_has_its_words),
		TEST(test_a_message_chooses_the_queues_of_its_results),
		TEST(test_results_go_into_no_queue_of_leveret),
		TEST(test_earlier_results_of_a_message_stay),
		TEST(test_results_tell_of_all_attempts),
		TEST(test_results_of_other_doors_are_not_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
