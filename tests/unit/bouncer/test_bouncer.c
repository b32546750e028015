/* The bouncer on a real store and the fixture's broker: what is suppressed, when a lease is acked, and that nothing is lost
 * between the ledger and the table. */
#include "tests/unit/bouncer/fixture_broker.h"

#include "bouncer/alerts/alert_settings.h"
#include "bouncer/bouncer.h"
#include "broker/suppressions.h"

#define PER_HOUR 20
#define DAY_MS	 INT64_C(86400000)
#define NOW_MS	 loop_wall_ms(f->loop)

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct bouncer_settings settings;
	struct policy_settings policies[4]; /* those of the settings */
	struct alert_settings alert;
	struct conf_items alerts;
	struct bouncer *bouncer;
};

static void start(struct fixture *f)
{
	struct bouncer_options options = {
		.node = {.loop = f->loop, .hostname = "h.example", .data_dir = f->directory},
		.settings = &f->settings,
		.alerts = &f->alerts,
	};
	assert_int_equal(bouncer_start(&options, &f->bouncer, NULL), OK);
	run_until_quiet(f->loop);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	directory_make(f->directory);
	f->loop = loop_new();
	f->settings = (struct bouncer_settings){.prefetch = 10, .rules = ""};
	f->settings.safety.max_suppressions = PER_HOUR * 24;
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

/* Ends the bouncer and starts one with this policy more. */
static void restart_with_policy(struct fixture *f, struct policy_settings policy)
{
	bouncer_free(&f->bouncer);
	f->settings.policies.items = f->policies;
	f->policies[f->settings.policies.count++] = policy;
	start(f);
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
	assert_int_equal(found.expires_wall_ms, 0);
	assert_true(bytes_is(found.rule, "unknown-user"));
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
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
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
	run_until_it_holds(f->loop, is_acked, lease);
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

static void test_a_policy_of_never_suppresses_nothing(void **state)
{
	struct fixture *f = *state;
	restart_with_policy(f,
			    (struct policy_settings){.name = "bad_mailbox", .suppress = "never"});
	struct fake_lease *lease = give_bounce("a@x.example", NOW_MS);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	assert_int_equal(fake_table_count(), 0);
}

static void test_a_bounce_so_old_that_it_has_expired_suppresses_nothing(void **state)
{
	struct fixture *f = *state;
	restart_with_policy(f, (struct policy_settings){.name = "bad-mailbox", .suppress = "10d"});
	struct fake_lease *lease = give_bounce("a@x.example", NOW_MS - 10 * DAY_MS - 1000);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	assert_int_equal(fake_table_count(), 0);
}

/* ---- policies ---- */

static struct result soft_bounce(const char *recipient, const char *id, int64_t at_wall_ms)
{
	struct result result = bounce(recipient, at_wall_ms);
	result.id = bytes_of(id);
	result.code = 552;
	result.enhanced = BYTES("5.2.2");
	result.text = BYTES("mailbox is full");
	return result;
}

static void give_soft_bounce(struct fixture *f, const char *id, int64_t at_wall_ms)
{
	struct result result = soft_bounce("a@x.example", id, at_wall_ms);
	struct fake_lease *lease = give_results(&result, 1);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
}

static void count_full_mailboxes(struct fixture *f)
{
	restart_with_policy(f, (struct policy_settings){.name = "quota_issues",
							.suppress = "14d",
							.after = 3,
							.within = 7 * DAY_MS});
}

static void test_soft_bounces_suppress_when_there_were_enough_of_them(void **state)
{
	struct fixture *f = *state;
	count_full_mailboxes(f);
	int64_t now = NOW_MS;
	give_soft_bounce(f, "m0", now - 10 * DAY_MS); /* too old for the third */
	give_soft_bounce(f, "m1", now - 3 * DAY_MS);
	give_soft_bounce(f, "m2", now - 2 * DAY_MS);
	give_soft_bounce(f, "m2", now - 2 * DAY_MS); /* the same again */
	assert_false(is_suppressed("a@x.example"));
	bouncer_free(&f->bouncer);
	start(f); /* counts are kept */
	give_soft_bounce(f, "m3", now - DAY_MS);
	assert_true(is_suppressed("a@x.example"));
}

static void test_a_success_begins_the_count_anew(void **state)
{
	struct fixture *f = *state;
	count_full_mailboxes(f);
	int64_t now = NOW_MS;
	give_soft_bounce(f, "m1", now - 5 * DAY_MS);
	give_soft_bounce(f, "m2", now - 4 * DAY_MS);
	struct result delivered = bounce("A@X.example", now - 3 * DAY_MS);
	delivered.event = RESULT_DELIVERED;
	delivered.code = 250;
	give_results(&delivered, 1);
	run_until_quiet(f->loop);
	give_soft_bounce(f, "m3", now - 2 * DAY_MS);
	give_soft_bounce(f, "m4", now - DAY_MS);
	assert_false(is_suppressed("a@x.example"));
	give_soft_bounce(f, "m5", now);
	assert_true(is_suppressed("a@x.example"));
}

static void test_a_full_mailbox_is_never_suppressed_unless_a_policy_says_so(void **state)
{
	struct fixture *f = *state;
	static const char *const ids[] = {"m1", "m2", "m3", "m4", "m5", "m6"};
	for (size_t i = 0; i < 6; i++)
		give_soft_bounce(f, ids[i], NOW_MS);
	assert_int_equal(fake_table_count(), 0);
}

/* ---- the safety ---- */

static size_t suppressed_count(size_t of)
{
	size_t count = 0;
	char address[40];
	for (size_t i = 0; i < of; i++) {
		snprintf(address, sizeof address, "u%zu@x.example", i);
		count += is_suppressed(address);
	}
	return count;
}

static void give_many_bounces(struct fixture *f, size_t count, int64_t at_wall_ms)
{
	char addresses[40][40];
	struct result results[40];
	assert_true(count <= 40);
	for (size_t i = 0; i < count; i++) {
		snprintf(addresses[i], sizeof addresses[i], "u%zu@x.example", i);
		results[i] = bounce(addresses[i], at_wall_ms);
	}
	struct fake_lease *lease = give_results(results, count);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
}

static struct fake_lease *give_filter(struct fixture *f, enum directive_kind kind,
				      const char *domain)
{
	struct directive directive = {.kind = kind, .by = BYTES("root"), .has_filter = true};
	directive.filter.until_wall_ms = NOW_MS + 1000;
	directive.filter.domain = bytes_of(domain);
	struct fake_lease *lease = give_directive(&directive);
	for (int i = 0; i < 4; i++)
		run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	return lease;
}

static void test_what_exceeds_the_hour_is_held_until_an_operator_decides(void **state)
{
	struct fixture *f = *state;
	int64_t now = NOW_MS - 10;
	give_many_bounces(f, PER_HOUR + 5, now);
	assert_int_equal(suppressed_count(PER_HOUR + 5), PER_HOUR);
	assert_int_equal(fake_told_count("event.alert"), 1);
	assert_int_equal(fake_told_count("event.suppression_added"), PER_HOUR);
	give_many_bounces(f, PER_HOUR + 5, now); /* again: nothing new */
	assert_int_equal(suppressed_count(PER_HOUR + 5), PER_HOUR);
	assert_int_equal(fake_table_count(), PER_HOUR + 5);
	give_command(DIRECTIVE_SUPPRESS, "op@x.example"); /* an operator has no limit */
	run_until_quiet(f->loop);
	assert_true(is_suppressed("op@x.example"));

	give_filter(f, DIRECTIVE_RELEASE_HELD, "other.example");
	assert_int_equal(suppressed_count(PER_HOUR + 5), PER_HOUR);
	give_filter(f, DIRECTIVE_RELEASE_HELD, "x.example");
	assert_int_equal(suppressed_count(PER_HOUR + 5), PER_HOUR + 5);
}

static void test_what_was_held_can_be_dropped(void **state)
{
	struct fixture *f = *state;
	int64_t now = NOW_MS - 10;
	give_many_bounces(f, PER_HOUR + 2, now);
	give_filter(f, DIRECTIVE_DROP_HELD, "x.example");
	assert_int_equal(suppressed_count(PER_HOUR + 2), PER_HOUR);
	give_filter(f, DIRECTIVE_RELEASE_HELD, "x.example");
	assert_int_equal(suppressed_count(PER_HOUR + 2), PER_HOUR);
}

/* ---- undo ---- */

static void test_undo_lifts_what_fits_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	int64_t now = NOW_MS - 10;
	give_many_bounces(f, 10, now);
	give_bounce("ann@other.example", NOW_MS - 10);
	give_command(DIRECTIVE_SUPPRESS, "bob@other.example");
	run_until_quiet(f->loop);
	give_filter(f, DIRECTIVE_UNDO, "x.example");
	assert_int_equal(suppressed_count(10), 0);
	assert_true(is_suppressed("ann@other.example") && is_suppressed("bob@other.example"));
	assert_int_equal(fake_told_count("event.suppression_removed"), 10);
	size_t before = fake_table_count();
	give_filter(f, DIRECTIVE_UNDO, "x.example");
	assert_int_equal(fake_table_count(), before);
	give_many_bounces(f, 10, now); /* the same bounces, from before the undo */
	assert_int_equal(suppressed_count(10), 0);
}

static void test_an_undo_under_way_is_given_back_at_the_end(void **state)
{
	struct fixture *f = *state;
	int64_t now = NOW_MS - 10;
	give_many_bounces(f, 10, now);
	fake_broker_withholds_confirms(true);
	struct directive directive = {.kind = DIRECTIVE_UNDO, .has_filter = true};
	directive.filter.until_wall_ms = NOW_MS + 1000;
	struct fake_lease *lease = give_directive(&directive);
	bouncer_free(&f->bouncer); /* before its first step */
	assert_int_equal(lease->settled, LEASE_RELEASED);
	start(f);
	lease = give_directive(&directive);
	run_until_quiet(f->loop);
	bouncer_free(&f->bouncer); /* in the middle of it */
	assert_int_equal(lease->settled, LEASE_RELEASED);
}

/* ---- imports ---- */

static void
test_an_import_suppresses_addresses_and_digests_and_changes_nothing_in_force(void **state)
{
	struct fixture *f = *state;
	give_bounce("ann@x.example", NOW_MS - 10);
	run_until_quiet(f->loop);
	struct suppression entries[] = {
		{.address = BYTES("Ann@X.example"), .reason = BYTES("unsubscribe")},
		{.address = BYTES("bob@x.example"),
		 .tenant = BYTES("acme"),
		 .stream = BYTES("news")},
		{.address =
			 BYTES("sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789"
			       "abcdef")},
	};
	struct directive directive = {
		.kind = DIRECTIVE_IMPORT, .suppressions = entries, .suppression_count = 3};
	struct fake_lease *lease = give_directive(&directive);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	assert_int_equal(fake_table_count(), 3);
	assert_false(is_suppressed("bob@x.example")); /* but for one tenant's stream */
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct bytes value;
	size_t len = suppression_key(BYTES("acme"), BYTES("news"), BYTES("bob@x.example"), key);
	assert_true(fake_table_last(bytes_from(key, len), &value) && value.len > 0);
	assert_int_equal(fake_told_count("event.suppression_added"), 1);
	entries[1].address = BYTES("no address");
	lease = give_directive(&directive);
	assert_int_equal(lease->settled, LEASE_BURIED);
}

/* ---- events ---- */

static void test_every_result_is_told_with_its_class(void **state)
{
	struct fixture *f = *state;
	struct bouncer_event_batch told;
	struct arena *arena = arena_new();
	struct result result = bounce("a@x.example", NOW_MS);
	result.pool = BYTES("bulk");
	result.site = BYTES("gmail");
	struct fake_lease *lease = give_results(&result, 1);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	struct bytes body = fake_told_last("event.bounced.bulk.gmail");
	assert_int_equal(bouncer_event_batch_decode(arena, body, &told, NULL), OK);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.events[0].kind, EVENT_BOUNCED);
	assert_true(bytes_is(told.events[0].class, "bad-mailbox"));
	assert_true(bytes_is(told.events[0].hardness, "hard"));
	assert_true(bytes_is(told.events[0].result.recipient, "a@x.example"));
	struct bytes id = told.events[0].id;
	give_results(&result, 1);
	run_until_quiet(f->loop);
	assert_int_equal(fake_told_count("event.bounced.bulk.gmail"), 2);
	body = fake_told_last("event.bounced.bulk.gmail");
	assert_int_equal(bouncer_event_batch_decode(arena, body, &told, NULL), OK);
	assert_true(bytes_equal(told.events[0].id, id)); /* so that readers know it */
	arena_free(&arena);
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
	struct directive bounce = {.kind = DIRECTIVE_BOUNCE, .pool = BYTES("default")};
	struct directive everything = {.kind = DIRECTIVE_SUSPEND};
	struct directive no_alert = {.kind = DIRECTIVE_TEST_ALERT, .alert = BYTES("nobody")};
	struct directive no_address = {.kind = DIRECTIVE_SUPPRESS,
				       .has_suppression = true,
				       .suppression = {.address = BYTES("nobody")}};
	const struct directive *const all[] = {&bounce, &everything, &no_alert, &no_address};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct fake_lease *lease = give_directive(all[i]);
		assert_int_equal(lease->settled, LEASE_BURIED);
		assert_true(lease->reason[0]);
	}
}

/* The versions of its rows rise, whatever the clock says. */
static void test_a_suspension_is_written_behind_the_one_before(void **state)
{
	struct fixture *f = *state;
	const struct directive suspend = {
		.kind = DIRECTIVE_SUSPEND, .tenant = BYTES("acme"), .campaign = BYTES("spring")};
	const struct directive resume = {
		.kind = DIRECTIVE_RESUME, .tenant = BYTES("acme"), .campaign = BYTES("spring")};
	struct table_entry first, second;
	run_until_quiet(f->loop);
	struct fake_lease *lease = give_directive(&suspend);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	(void)fake_directive(&first);
	lease = give_directive(&resume);
	run_until_quiet(f->loop);
	assert_int_equal(lease->settled, LEASE_ACKED);
	(void)fake_directive(&second);
	assert_true(bytes_equal(first.key, second.key));
	assert_true(second.version > first.version);
}

static void restart_with_brake(struct fixture *f)
{
	bouncer_free(&f->bouncer);
	f->alert = (struct alert_settings){.name = "hard_bounces",
					   .then = THEN_BRAKE,
					   .minimum = 20,
					   .raise = "",
					   .clear = "",
					   .slow_by = 50};
	f->alerts = (struct conf_items){&f->alert, 1};
	start(f);
}

static void give_bounces_of_campaign(struct fixture *f, size_t count)
{
	struct result results[50];
	for (size_t i = 0; i < count; i++) {
		results[i] = bounce("a@x.example", NOW_MS);
		results[i].labels.tenant = BYTES("acme");
		results[i].labels.campaign = BYTES("spring");
	}
	(void)give_results(results, count);
	run_until_quiet(f->loop);
}

static void test_a_campaign_that_bounces_is_told_once_and_braked(void **state)
{
	struct fixture *f = *state;
	struct table_entry entry;
	struct directive brake;
	struct arena *arena = arena_new();
	restart_with_brake(f);
	give_bounces_of_campaign(f, 19);
	assert_int_equal(fake_told_count("event.alert"), 0);
	give_bounces_of_campaign(f, 10);
	assert_int_equal(fake_told_count("event.alert"), 1);
	assert_true(fake_directive(&entry));
	assert_int_equal(directive_decode(arena, entry.value, &brake, NULL), OK);
	assert_int_equal(brake.kind, DIRECTIVE_SUSPEND);
	assert_true(bytes_is(brake.tenant, "acme") && bytes_is(brake.campaign, "spring"));
	assert_true(bytes_is(brake.by, "alert hard_bounces"));
	assert_int_equal(brake.until_wall_ms, 0);
	arena_free(&arena);
}

static void test_an_alert_outlives_a_restart_and_clearing_it_resumes(void **state)
{
	struct fixture *f = *state;
	struct table_entry entry;
	struct directive resume;
	struct arena *arena = arena_new();
	restart_with_brake(f);
	give_bounces_of_campaign(f, 30);
	bouncer_free(&f->bouncer);
	start(f);
	give_bounces_of_campaign(f, 30);
	assert_int_equal(fake_told_count("event.alert"), 1);
	fake_directives_again();
	run_until_quiet(f->loop);

	const struct directive clear = {
		.kind = DIRECTIVE_CLEAR_ALERT, .alert = BYTES("hard_bounces"), .by = BYTES("root")};
	(void)give_directive(&clear);
	run_until_quiet(f->loop);
	assert_int_equal(fake_told_count("event.alert"), 2);
	(void)fake_directive(&entry);
	assert_int_equal(directive_decode(arena, entry.value, &resume, NULL), OK);
	assert_int_equal(resume.kind, DIRECTIVE_RESUME);
	give_bounces_of_campaign(f, 19);
	assert_int_equal(fake_told_count("event.alert"), 2);
	give_bounces_of_campaign(f, 1);
	assert_int_equal(fake_told_count("event.alert"), 3);
	arena_free(&arena);
}

/* As `leveret queue resume` writes it. */
static void test_whoever_resumes_clears_the_alert(void **state)
{
	struct fixture *f = *state;
	const struct directive resume = {
		.kind = DIRECTIVE_RESUME, .tenant = BYTES("acme"), .campaign = BYTES("spring")};
	restart_with_brake(f);
	give_bounces_of_campaign(f, 30);
	assert_int_equal(fake_told_count("event.alert"), 1);
	(void)give_directive(&resume);
	run_until_quiet(f->loop);
	assert_int_equal(fake_told_count("event.alert"), 2);
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
	run_until_it_holds(f->loop, is_acked, lease);
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

/* The directive is not given again: that it was acked or not is another matter. */
static void test_a_change_of_which_nobody_was_told_is_told_at_the_next_start(void **state)
{
	struct fixture *f = *state;
	fake_broker_withholds_confirms(true);
	give_command(DIRECTIVE_SUPPRESS, "ann@x.example");
	run_until_quiet(f->loop);
	bouncer_free(&f->bouncer); /* written, and no event was told */
	assert_int_equal(fake_told_count("event.suppression_added"), 0);
	fake_broker_withholds_confirms(false);
	start(f);
	run_until_quiet(f->loop);
	assert_int_equal(fake_told_count("event.suppression_added"), 1);
	bouncer_free(&f->bouncer);
	start(f);
	run_until_quiet(f->loop);
	assert_int_equal(fake_told_count("event.suppression_added"), 1);
}

static void test_what_was_told_is_not_told_again_at_the_next_start(void **state)
{
	struct fixture *f = *state;
	give_command(DIRECTIVE_SUPPRESS, "ann@x.example");
	give_command(DIRECTIVE_UNSUPPRESS, "ann@x.example");
	run_until_quiet(f->loop);
	bouncer_free(&f->bouncer);
	start(f);
	run_until_quiet(f->loop);
	assert_int_equal(fake_told_count("event.suppression_added"), 1);
	assert_int_equal(fake_told_count("event.suppression_removed"), 1);
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
	run_until_it_holds(f->loop, is_true, &is_stopped);
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
		TEST(test_a_policy_of_never_suppresses_nothing),
		TEST(test_a_bounce_so_old_that_it_has_expired_suppresses_nothing),
		TEST(test_soft_bounces_suppress_when_there_were_enough_of_them),
		TEST(test_a_success_begins_the_count_anew),
		TEST(test_a_full_mailbox_is_never_suppressed_unless_a_policy_says_so),
		TEST(test_what_exceeds_the_hour_is_held_until_an_operator_decides),
		TEST(test_what_was_held_can_be_dropped),
		TEST(test_undo_lifts_what_fits_and_nothing_else),
		TEST(test_an_undo_under_way_is_given_back_at_the_end),
		TEST(test_an_import_suppresses_addresses_and_digests_and_changes_nothing_in_force),
		TEST(test_every_result_is_told_with_its_class),
		TEST(test_an_operator_suppresses_and_lifts),
		TEST(test_what_an_operator_lifted_stays_so_for_older_bounces),
		TEST(test_a_directive_that_is_not_ours_is_buried),
		TEST(test_what_was_written_and_not_appended_is_appended_after_a_restart),
		TEST(test_a_change_of_which_nobody_was_told_is_told_at_the_next_start),
		TEST(test_what_was_told_is_not_told_again_at_the_next_start),
		TEST(test_what_a_broker_forgot_is_appended_when_it_is_back),
		TEST(test_a_suspension_is_written_behind_the_one_before),
		TEST(test_a_campaign_that_bounces_is_told_once_and_braked),
		TEST(test_an_alert_outlives_a_restart_and_clearing_it_resumes),
		TEST(test_whoever_resumes_clears_the_alert),
		TEST(test_a_recall_is_acked_when_the_table_has_it),
		TEST(test_a_recall_without_a_time_means_now_and_none_means_later),
		TEST(test_a_recall_under_way_is_given_back_at_the_end),
		TEST(test_a_lost_store_is_no_loss_while_the_table_stands),
		TEST(test_stopping_waits_for_what_is_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
