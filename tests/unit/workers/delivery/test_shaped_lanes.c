/* What replies put in force, and what lanes then do. */
#include "tests/unit/workers/delivery/fixture_errands.h"

#define RULE(name, then)                                                                           \
	"  " name ": {domains: [" name ".example], replies: "                                      \
	"[{name: rule, when: {code: [450]}, then: {" then ", for: 1h}}]}\n"
#define SETTINGS                                                                                   \
	"sites:\n  default: {connections: 20, connections_start: 2, tls: none}\n" RULE(            \
		"parks", "park_site: yes") RULE("blocks", "park_source: yes") RULE("skips",        \
										   "skip_mx: yes") \
		RULE("holds", "suspend_tenant: yes") RULE("slows", "slow_to: 60/min")              \
			RULE("bounces", "bounce: yes") RULE("waits", "retry_after: 7m") RULE(      \
				"names",                                                           \
				"classify: bad-mailbox") "  crowds: {domains: [crowds.example], "  \
							 "connections_start: 5, replies: "         \
							 "[{name: rule, when: {step: [connect]}, " \
							 "then: {learn_connections: yes}}]}\n"     \
							 "  plain: {domains: [plain.example], "    \
							 "connections_start: 5}\n"

static struct shaper *shaper;
static unsigned told;

static void on_fired(void *owner, const struct shaping_fired *fired,
		     const struct shaping_facts *facts)
{
	(void)owner, (void)fired, (void)facts;
	told++;
}

static int setup(void **state)
{
	static const struct shaping_settings none = {.shipped = false};
	struct why why;
	(void)state;
	told = 0;
	world_open(SETTINGS);
	assert_int_equal(
		shaper_new(&(struct shaper_options){.loop = world.loop,
						    .settings = &none,
						    .sites = &world.settings->routing.sites},
			   &shaper, &why),
		OK);
	shaper_tell(shaper, on_fired, NULL);
	errands_open((struct lanes_options){.shaper = shaper});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	errands_close();
	shaper_free(&shaper);
	world_close();
	return 0;
}

static void submit(size_t index, const char *recipient, const struct source *source,
		   struct bytes tenant)
{
	errands[index].transaction.tenant = tenant;
	(void)errand_submit(index, recipient, NULL, source);
}

/* The reply that fires the rule, then one more mail, from either source. */
static void fire_and_send(const char *site)
{
	submit(0, arena_printf(world.arena, "later@%s.example", site), &first_source,
	       BYTES("acme"));
	world_turn(20);
	assert_int_equal(errands[0].done, 1);
	submit(1, arena_printf(world.arena, "ok@%s.example", site), &first_source, BYTES("acme"));
	submit(2, arena_printf(world.arena, "ok@%s.example", site), &second_source, BYTES("other"));
	world_turn(20);
}

static void cancel_each(void *owner, const struct shaping_entry *entry)
{
	*(uint64_t *)owner = shaper_entry_id(entry);
}

static void test_a_parked_site_gets_nothing_until_it_is_cancelled(void **state)
{
	uint64_t id = 0;
	(void)state;
	fire_and_send("parks");
	assert_int_equal(errands[1].postponed + errands[2].postponed, 2);
	assert_true(errands[1].delay_ms > 0 && errands[1].delay_ms <= 600000);
	assert_int_equal(told, 1);
	shaper_each(shaper, "parks", cancel_each, &id);
	assert_true(shaper_cancel(shaper, id));
	assert_false(shaper_cancel(shaper, id));
	submit(3, "ok@parks.example", &first_source, BYTES_NONE);
	world_turn(20);
	assert_int_equal(errands[3].done, 1);
}

static void test_a_parked_source_leaves_the_site_to_others(void **state)
{
	(void)state;
	fire_and_send("blocks");
	assert_int_equal(errands[1].postponed, 1);
	assert_int_equal(errands[2].done, 1);
	assert_true(shaper_source_closed_ms(shaper, "first", "blocks") > 3000000);
	assert_int_equal(shaper_source_closed_ms(shaper, "second", "blocks"), 0);
}

static void test_a_skipped_host_is_not_connected_to(void **state)
{
	(void)state;
	fire_and_send("skips");
	assert_int_equal(errands[1].postponed + errands[2].postponed, 2);
}

static void test_a_suspended_tenant_does_not_hold_up_others(void **state)
{
	(void)state;
	fire_and_send("holds");
	assert_int_equal(errands[1].postponed, 1);
	assert_int_equal(errands[2].done, 1);
}

static void test_a_slowed_source_sends_no_faster(void **state)
{
	(void)state;
	fire_and_send("slows");
	for (size_t i = 3; i < 10; i++)
		submit(i, "ok@slows.example", &first_source, BYTES_NONE);
	world_turn(300);
	unsigned done = 0;
	for (size_t i = 3; i < 10; i++)
		done += errands[i].done;
	assert_true(done <= 1);
}

static void test_what_a_rule_says_of_the_recipient_goes_with_the_attempt(void **state)
{
	(void)state;
	fire_and_send("bounces");
	assert_true(errands[0].ruling.is_bounced);
	memset(errands, 0, sizeof errands);
	fire_and_send("waits");
	assert_int_equal(errands[0].ruling.retry_after_ms, 420000);
	assert_int_equal(errands[1].ruling.retry_after_ms, 0);
	assert_null(errands[0].ruling.class);
	memset(errands, 0, sizeof errands);
	fire_and_send("names");
	assert_string_equal(errands[0].ruling.class, "bad-mailbox");
}

static void test_sessions_begin_few_and_grow(void **state)
{
	(void)state;
	for (size_t i = 0; i < 50; i++)
		submit(i, "ok@tail.example", &first_source, BYTES_NONE);
	world_turn(50);
	assert_true(world.open_max >= 2 && world.open_max < 20);
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(errands[i].done, 1);
}

static void note_learned(void *owner, const struct lanes_source_view *view)
{
	*(int64_t *)owner = view->learned_count;
}

static int64_t learned_after_three_refusals(const char *site)
{
	int64_t count = 0;
	size_t before = world.opened_count;
	world.open_err = E_CLOSED;
	for (size_t i = 0; i < 3; i++)
		submit(i, arena_printf(world.arena, "ok@%s.example", site), &first_source,
		       BYTES_NONE);
	world_turn(20);
	assert_int_equal(world.opened_count - before, 3);
	lanes_view_sources(lanes, site, note_learned, &count);
	return count;
}

static void test_a_refused_session_is_trouble_once_whatever_a_rule_says_too(void **state)
{
	(void)state;
	assert_int_equal(learned_after_three_refusals("plain"), 4);
	assert_int_equal(learned_after_three_refusals("crowds"), 4);
}

static void test_what_other_workers_heard_holds_here(void **state)
{
	struct shaping_fired fired = {.action = SHAPING_PARK_SITE,
				      .rule = "far",
				      .text = "",
				      .value = 1,
				      .until_ms = loop_now_ms(world.loop) + 60000,
				      .period_ms = 60000};
	struct shaping_facts facts = {.site = "tail.example",
				      .source = "",
				      .host = "",
				      .tenant = "",
				      .campaign = "",
				      .step = "",
				      .text = BYTES("far away")};
	(void)state;
	shaper_heard(shaper, &fired, &facts);
	assert_int_equal(told, 0); /* what was heard is not told on */
	submit(0, "ok@tail.example", &first_source, BYTES_NONE);
	world_turn(20);
	assert_int_equal(errands[0].postponed, 1);
}

int main(void)
{
#define PROMISE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PROMISE(test_a_parked_site_gets_nothing_until_it_is_cancelled),
		PROMISE(test_a_parked_source_leaves_the_site_to_others),
		PROMISE(test_a_skipped_host_is_not_connected_to),
		PROMISE(test_a_suspended_tenant_does_not_hold_up_others),
		PROMISE(test_a_slowed_source_sends_no_faster),
		PROMISE(test_what_a_rule_says_of_the_recipient_goes_with_the_attempt),
		PROMISE(test_sessions_begin_few_and_grow),
		PROMISE(test_a_refused_session_is_trouble_once_whatever_a_rule_says_too),
		PROMISE(test_what_other_workers_heard_holds_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
