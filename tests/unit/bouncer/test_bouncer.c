/* The bouncer on a real store and the fixture's broker: what is suppressed, when a lease is acked, and that nothing is lost
 * between the ledger and the table. */
#include "tests/unit/bouncer/fixture_broker.h"

#include "bouncer/bouncer.h"
#include "broker/suppressions.h"

#define NOW_MS loop_wall_ms(f->loop)

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct bouncer_settings settings;
	struct bouncer *bouncer;
};

static void start(struct fixture *f)
{
	struct bouncer_options options = {
		.node = {.loop = f->loop, .hostname = "h.example", .data_dir = f->directory},
		.settings = &f->settings,
	};
	assert_int_equal(bouncer_start(&options, &f->bouncer, NULL), OK);
	run_until_quiet(f->loop);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	directory_make(f->directory);
	f->loop = loop_new();
	f->settings = (struct bouncer_settings){.prefetch = 10,
						.suppress_bad_mailbox = 100 * INT64_C(86400000)};
	fake_broker_open(f->loop);
	start(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	bouncer_free(&f->bouncer);
	fake_broker_done();
	loop_free(&f->loop);
	directory_remove(f->directory);
	free(f);
	return 0;
}

/* ---- what the test gives and sees ---- */

static struct result bounce(const char *recipient, int64_t at_wall_ms)
{
	return (struct result){
		.id = BYTES("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
		.recipient = bytes_of(recipient),
		.event = RESULT_BOUNCED,
		.attempt = 1,
		.code = 550,
		.enhanced = BYTES("5.1.1"),
		.text = BYTES("user unknown"),
		.step = BYTES("rcpt"),
		.at_wall_ms = at_wall_ms,
	};
}

static struct fake_lease *give_results(struct result *results, size_t count)
{
	struct result_batch batch = {results, count};
	struct buf body;
	buf_init(&body, 1 << 20);
	assert_int_equal(result_batch_encode(&batch, &body), OK);
	struct fake_lease *lease = fake_give(QUEUE_BOUNCER_RESULTS, buf_bytes(&body));
	buf_done(&body);
	return lease;
}

static struct fake_lease *give_bounce(const char *recipient, int64_t at_wall_ms)
{
	struct result result = bounce(recipient, at_wall_ms);
	return give_results(&result, 1);
}

static struct fake_lease *give_directive(const struct directive *directive)
{
	struct buf body;
	buf_init(&body, 1 << 20);
	assert_int_equal(directive_encode(directive, &body), OK);
	struct fake_lease *lease = fake_give(QUEUE_BOUNCER_DIRECTIVES, buf_bytes(&body));
	buf_done(&body);
	return lease;
}

static struct fake_lease *give_command(enum directive_kind kind, const char *address)
{
	struct directive directive = {
		.kind = kind,
		.by = BYTES("root"),
		.has_suppression = true,
		.suppression = {.address = bytes_of(address)},
	};
	return give_directive(&directive);
}

static bool table_has(const char *address, struct bytes *ret)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t len = suppression_key(BYTES_NONE, BYTES_NONE, bytes_of(address), key);
	return fake_table_last(bytes_from(key, len), ret);
}

static bool is_suppressed(const char *address)
{
	struct bytes value;
	return table_has(address, &value) && value.len > 0;
}

/* ---- results ---- */

static void test_a_bad_mailbox_is_suppressed_with_its_evidence(void **state)
{
	struct fixture *f = *state;
	int64_t at = NOW_MS - 5000;
	struct fake_lease *lease = give_bounce("Ann@X.example", at);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);

	struct bytes value;
	struct suppression found;
	struct arena *arena = arena_new();
	assert_true(table_has("ann@x.example", &value));
	assert_int_equal(suppression_decode(arena, value, &found, NULL), OK);
	assert_true(bytes_is(found.address, "ann@x.example"));
	assert_true(bytes_is(found.reason, "bad_mailbox"));
	assert_true(bytes_is(found.origin, "bounce"));
	assert_true(bytes_is(found.evidence, "550 5.1.1 user unknown"));
	assert_true(bytes_is(found.message_id, "01ARZ3NDEKTSV4RRFFQ69G5FAV"));
	assert_int_equal(found.created_wall_ms, at);
	assert_int_equal(found.expires_wall_ms, at + f->settings.suppress_bad_mailbox);
	arena_free(&arena);
}

static void test_other_results_are_acked_and_suppress_nothing(void **state)
{
	struct fixture *f = *state;
	struct result results[] = {bounce("a@x.example", NOW_MS), bounce("b@x.example", NOW_MS)};
	results[0].event = RESULT_DEFERRED;
	results[0].code = 450;
	results[1].enhanced = BYTES("5.7.1");
	struct fake_lease *lease = give_results(results, 2);
	assert_int_equal(lease->settled, LEASE_ACKED);
	run_until_quiet(f->loop);
	assert_int_equal(fake_table_count(), 0);
}

static void test_a_batch_is_acked_only_when_all_of_it_is_confirmed(void **state)
{
	struct fixture *f = *state;
	struct result results[] = {bounce("a@x.example", NOW_MS), bounce("b@x.example", NOW_MS)};
	fake_broker_withholds_confirms(true);
	struct fake_lease *lease = give_results(results, 2);
	assert_int_equal(lease->settled, LEASE_HELD);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_HELD);
	fake_broker_withholds_confirms(false);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	assert_true(is_suppressed("a@x.example"));
	assert_true(is_suppressed("b@x.example"));
}

static void test_the_same_bounce_twice_is_written_once(void **state)
{
	struct fixture *f = *state;
	int64_t at = NOW_MS;
	for (int i = 0; i < 3; i++) {
		struct fake_lease *lease = give_bounce("a@x.example", at);
		run_until_quiet(f->loop);
		assert_int_equal(lease->settled, LEASE_ACKED);
	}
	assert_int_equal(fake_table_count(), 1);
}

static bool is_acked(void *owner)
{
	return ((const struct fake_lease *)owner)->settled == LEASE_ACKED;
}

static void test_a_broker_that_is_away_is_asked_again(void **state)
{
	struct fixture *f = *state;
	fake_broker_appends(E_AWAY);
	struct fake_lease *lease = give_bounce("a@x.example", NOW_MS);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_HELD);
	fake_broker_appends(OK);
	run_until(f->loop, is_acked, lease);
	assert_true(is_suppressed("a@x.example"));
}

static void test_malformed_input_is_buried_with_the_reason(void **state)
{
	static const char *const queues[] = {QUEUE_BOUNCER_RESULTS, QUEUE_BOUNCER_DIRECTIVES};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake_lease *lease = fake_give(queues[i], BYTES("\xff\xff no message"));
		assert_int_equal(lease->settled, LEASE_BURIED);
		assert_true(lease->reason[0]);
	}
}

static void test_a_duration_of_zero_never_suppresses(void **state)
{
	struct fixture *f = *state;
	f->settings.suppress_bad_mailbox = 0;
	struct fake_lease *lease = give_bounce("a@x.example", NOW_MS);
	assert_int_equal(lease->settled, LEASE_ACKED);
	run_until_quiet(f->loop);
	assert_int_equal(fake_table_count(), 0);
}

static void test_a_bounce_so_old_that_it_has_expired_suppresses_nothing(void **state)
{
	struct fixture *f = *state;
	struct fake_lease *lease =
		give_bounce("a@x.example", NOW_MS - f->settings.suppress_bad_mailbox - 1000);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	assert_int_equal(fake_table_count(), 0);
}

/* ---- directives ---- */

static void test_an_operator_suppresses_and_lifts(void **state)
{
	struct fixture *f = *state;
	struct fake_lease *lease = give_command(DIRECTIVE_SUPPRESS, "Bob@X.example");
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	assert_true(is_suppressed("bob@x.example"));
	lease = give_command(DIRECTIVE_UNSUPPRESS, "bob@x.example");
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	assert_false(is_suppressed("bob@x.example"));
	assert_int_equal(fake_table_count(), 2);
	give_command(DIRECTIVE_UNSUPPRESS, "bob@x.example");
	run_until_quiet(f->loop);
	assert_int_equal(fake_table_count(), 2);
}

static void test_what_an_operator_lifted_stays_so_for_older_bounces(void **state)
{
	struct fixture *f = *state;
	int64_t before = NOW_MS - 10;
	give_bounce("a@x.example", before);
	run_until_quiet(f->loop);
	give_command(DIRECTIVE_UNSUPPRESS, "a@x.example");
	run_until_quiet(f->loop);
	struct fake_lease *lease = give_bounce("a@x.example", before);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	assert_false(is_suppressed("a@x.example"));
}

static void test_a_directive_that_is_not_ours_is_buried(void **state)
{
	(void)state;
	struct directive suspend = {.kind = DIRECTIVE_SUSPEND, .pool = BYTES("default")};
	struct directive scoped = {
		.kind = DIRECTIVE_SUPPRESS,
		.has_suppression = true,
		.suppression = {.address = BYTES("a@x.example"), .tenant = BYTES("acme")}};
	struct directive no_address = {.kind = DIRECTIVE_SUPPRESS,
				       .has_suppression = true,
				       .suppression = {.address = BYTES("nobody")}};
	const struct directive *const all[] = {&suspend, &scoped, &no_address};
	for (size_t i = 0; i < 3; i++) {
		struct fake_lease *lease = give_directive(all[i]);
		assert_int_equal(lease->settled, LEASE_BURIED);
		assert_true(lease->reason[0]);
	}
}

static void test_a_recall_is_acked_when_the_table_has_it(void **state)
{
	struct fixture *f = *state;
	struct directive recall = {.kind = DIRECTIVE_RECALL,
				   .tenant = BYTES("acme"),
				   .campaign = BYTES("spring"),
				   .until_wall_ms = NOW_MS - 5};
	struct table_entry entry;
	struct directive found;
	uint8_t key[SUPPRESSION_KEY_MAX];
	fake_broker_appends(E_AWAY);
	struct fake_lease *lease = give_directive(&recall);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_HELD);
	assert_false(fake_directive(&entry));
	fake_broker_appends(OK);
	run_until(f->loop, is_acked, lease);
	assert_true(fake_directive(&entry));
	assert_true(bytes_equal(entry.key, bytes_from(key, directive_key(&recall, key))));
	assert_int_equal(entry.version, recall.until_wall_ms);
	struct arena *arena = arena_new();
	assert_int_equal(directive_decode(arena, entry.value, &found, NULL), OK);
	assert_int_equal(found.kind, DIRECTIVE_RECALL);
	assert_int_equal(found.until_wall_ms, recall.until_wall_ms);
	assert_true(bytes_is(found.campaign, "spring") && bytes_is(found.tenant, "acme"));
	arena_free(&arena);
	assert_int_equal(fake_table_count(), 0);
}

static void test_a_recall_without_a_time_means_now_and_none_means_later(void **state)
{
	struct fixture *f = *state;
	struct directive recall = {.kind = DIRECTIVE_RECALL, .campaign = BYTES("spring")};
	struct table_entry entry;
	int64_t before = loop_wall_ms(f->loop);
	struct fake_lease *lease = give_directive(&recall);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	assert_true(fake_directive(&entry) && (int64_t)entry.version >= before);
	recall.until_wall_ms = loop_wall_ms(f->loop) + 2 * 3600 * 1000;
	lease = give_directive(&recall);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_BURIED);
	assert_string_equal(lease->reason, "until_wall_ms: lies ahead");
	recall.campaign = BYTES_NONE;
	lease = give_directive(&recall);
	assert_string_equal(lease->reason, "campaign: missing");
}

static void test_a_recall_under_way_is_given_back_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct directive recall = {.kind = DIRECTIVE_RECALL, .campaign = BYTES("spring")};
	fake_broker_appends(E_AWAY);
	struct fake_lease *lease = give_directive(&recall);
	run_until_quiet(f->loop);
	bouncer_free(&f->bouncer);
	assert_int_equal(lease->settled, LEASE_RELEASED);
}

/* ---- ledger and table ---- */

static void test_what_was_written_and_not_appended_is_appended_after_a_restart(void **state)
{
	struct fixture *f = *state;
	fake_broker_withholds_confirms(true);
	struct fake_lease *lease = give_bounce("a@x.example", NOW_MS);
	run_until_quiet(f->loop);
	bouncer_free(&f->bouncer); /* between the commit and the append's confirm */
	assert_int_equal(lease->settled, LEASE_RELEASED);
	assert_false(is_suppressed("a@x.example"));

	fake_broker_withholds_confirms(false);
	start(f);
	assert_true(is_suppressed("a@x.example"));
}

static void test_what_a_broker_forgot_is_appended_when_it_is_back(void **state)
{
	struct fixture *f = *state;
	give_bounce("a@x.example", NOW_MS);
	give_bounce("b@x.example", NOW_MS);
	give_command(DIRECTIVE_UNSUPPRESS, "c@x.example");
	run_until_quiet(f->loop);
	assert_int_equal(fake_table_count(), 3);
	fake_broker_forget_last(2);
	fake_broker_reconnects();
	run_until_quiet(f->loop);
	assert_int_equal(fake_table_count(), 3);
	assert_true(is_suppressed("a@x.example"));
	assert_true(is_suppressed("b@x.example"));
	fake_broker_reconnects();
	run_until_quiet(f->loop);
	assert_int_equal(fake_table_count(), 3);
}

static void test_a_lost_store_is_no_loss_while_the_table_stands(void **state)
{
	struct fixture *f = *state;
	int64_t at = NOW_MS;
	give_bounce("a@x.example", at);
	run_until_quiet(f->loop);
	bouncer_free(&f->bouncer);
	directory_remove(f->directory);
	start(f);
	give_bounce("a@x.example", at);
	run_until_quiet(f->loop);
	assert_int_equal(fake_table_count(), 1);
	give_command(DIRECTIVE_UNSUPPRESS, "a@x.example");
	run_until_quiet(f->loop);
	assert_false(is_suppressed("a@x.example"));
}

/* ---- stopping ---- */

static void on_stopped(void *owner)
{
	*(bool *)owner = true;
}

static bool is_true(void *owner)
{
	return *(bool *)owner;
}

static void test_stopping_waits_for_what_is_held(void **state)
{
	struct fixture *f = *state;
	bool is_stopped = false;
	fake_broker_withholds_confirms(true);
	struct fake_lease *lease = give_bounce("a@x.example", NOW_MS);
	bouncer_stop(f->bouncer, on_stopped, &is_stopped);
	run_until_quiet(f->loop);
	assert_false(is_stopped);
	fake_broker_withholds_confirms(false);
	run_until(f->loop, is_true, &is_stopped);
	assert_int_equal(lease->settled, LEASE_ACKED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_bad_mailbox_is_suppressed_with_its_evidence),
		TEST(test_other_results_are_acked_and_suppress_nothing),
		TEST(test_a_batch_is_acked_only_when_all_of_it_is_confirmed),
		TEST(test_the_same_bounce_twice_is_written_once),
		TEST(test_a_broker_that_is_away_is_asked_again),
		TEST(test_malformed_input_is_buried_with_the_reason),
		TEST(test_a_duration_of_zero_never_suppresses),
		TEST(test_a_bounce_so_old_that_it_has_expired_suppresses_nothing),
		TEST(test_an_operator_suppresses_and_lifts),
		TEST(test_what_an_operator_lifted_stays_so_for_older_bounces),
		TEST(test_a_directive_that_is_not_ours_is_buried),
		TEST(test_what_was_written_and_not_appended_is_appended_after_a_restart),
		TEST(test_what_a_broker_forgot_is_appended_when_it_is_back),
		TEST(test_a_recall_is_acked_when_the_table_has_it),
		TEST(test_a_recall_without_a_time_means_now_and_none_means_later),
		TEST(test_a_recall_under_way_is_given_back_at_the_end),
		TEST(test_a_lost_store_is_no_loss_while_the_table_stands),
		TEST(test_stopping_waits_for_what_is_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
