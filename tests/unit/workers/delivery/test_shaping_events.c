/* What a worker tells of its shaping rules, as whoever subscribes reads it. */
#include "tests/unit/workers/delivery/fixture_errands.h"

#include "lib/obs/metrics.h"
#include "workers/delivery/shaping_events.h"

#define RULE(name, then)                                                                           \
	"  " name ": {domains: [" name ".example], replies: "                                      \
	"[{name: rule, when: {code: [450]}, then: {" then "}}]}\n"
#define SETTINGS                                                                                   \
	"sites:\n  default: {connections: 20, tls: none}\n" RULE(                                  \
		"parks", "park_site: yes, for: 1h") RULE("brief", "park_site: yes, for: 1s")       \
		RULE("holds", "suspend_tenant: yes, for: 1h")                                      \
			RULE("names", "classify: inactive-mailbox")

static struct shaper *shaper;
static struct shaping_events *events;

static int setup(void **state)
{
	static const struct shaping_settings none = {.shipped = false};
	struct why why;
	(void)state;
	world_open(SETTINGS);
	assert_int_equal(
		shaper_new(&(struct shaper_options){.loop = world.loop,
						    .settings = &none,
						    .sites = &world.settings->routing.sites},
			   &shaper, &why),
		OK);
	events = shaping_events_new(&(struct shaping_events_options){.loop = world.loop,
								     .broker = world_broker(),
								     .shaper = shaper,
								     .worker = "host/1"});
	errands_open((struct lanes_options){.shaper = shaper});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	errands_close();
	shaping_events_free(&events);
	shaper_free(&shaper);
	world_close();
	return 0;
}

/* A mail whose recipient is refused for now. */
static void fire(size_t index, const char *site)
{
	errands[index].transaction.tenant = BYTES("acme");
	(void)errand_submit(index, arena_printf(world.arena, "later@%s.example", site), NULL,
			    &first_source);
	world_turn(20);
	assert_int_equal(errands[index].done, 1);
}

/* The n-th event that was published, with its key. */
static struct bouncer_event told(size_t n, const char *key)
{
	struct bouncer_event_batch batch;
	struct why why;
	assert_true(n < world.kept_count);
	assert_int_equal(world.kept[n].exchange, EXCHANGE_EVENTS);
	assert_string_equal(world.kept[n].key, key);
	assert_int_equal(bouncer_event_batch_decode(world.arena, world.kept[n].body, &batch, &why),
			 OK);
	assert_int_equal(batch.count, 1);
	assert_true(batch.events[0].has_shaping);
	assert_int_equal(batch.events[0].id.len, 32);
	assert_true(bytes_is(batch.events[0].shaping.worker, "host/1"));
	return batch.events[0];
}

static int64_t counted(const char *outcome)
{
	return metric_get(M_shaping_events_total, (const char *const[]){outcome});
}

static void cancel_each(void *owner, const struct shaping_entry *entry)
{
	*(uint64_t *)owner = shaper_entry_id(entry);
}

static void test_a_rule_that_fires_is_an_event_with_its_reply(void **state)
{
	char id[24];
	uint64_t entry_id = 0;
	(void)state;
	fire(0, "parks");
	assert_int_equal(world.kept_count, 1);
	struct bouncer_event event = told(0, "event.shaping_fired.park_site.parks");
	const struct shaping_event *shaping = &event.shaping;
	assert_int_equal(event.kind, EVENT_SHAPING_FIRED);
	const struct {
		struct bytes is;
		const char *wanted;
	} texts[] = {
		{shaping->rule, "rule"},    {shaping->action, "park_site"},
		{shaping->scope, "site"},   {shaping->site, "parks"},
		{shaping->source, "first"}, {shaping->host, "mx.parks.example"},
		{shaping->tenant, "acme"},  {shaping->step, "rcpt"},
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_string_equal(arena_cstr(world.arena, texts[i].is), texts[i].wanted);
	assert_int_equal(shaping->code, 450);
	assert_int_equal(shaping->period_ms, 3600000);
	int64_t left_ms = shaping->until_wall_ms - loop_wall_ms(world.loop);
	assert_true(left_ms > 3500000 && left_ms <= 3600000);
	assert_int_equal(shaping->count, 1);
	assert_int_equal(shaping->replies, 1);
	shaper_each(shaper, "parks", cancel_each, &entry_id);
	(void)snprintf(id, sizeof id, "%llx", (unsigned long long)entry_id);
	assert_true(bytes_is(shaping->id, id));		       /* what `shaping cancel` takes */
	assert_int_equal(bouncer_event_tenant(&event).len, 0); /* a site is nobody's */

	assert_true(shaper_cancel(shaper, entry_id));
	world_turn(5);
	event = told(1, "event.shaping_ended.park_site.parks");
	assert_true(bytes_is(event.shaping.reason, "cancelled") && bytes_is(event.shaping.id, id) &&
		    bytes_is(event.shaping.rule, "rule"));
	assert_true(bytes_starts_with_nocase(event.shaping.text, "450 "));
}

static void test_what_is_over_is_told_too(void **state)
{
	(void)state;
	fire(0, "brief");
	for (int i = 0; i < 30 && world.kept_count < 2; i++)
		world_turn(100);
	struct bouncer_event event = told(1, "event.shaping_ended.park_site.brief");
	assert_true(bytes_is(event.shaping.reason, "time"));
	assert_int_equal(event.shaping.replies, 1);
}

static void test_a_suspended_tenant_hears_of_it_and_no_other(void **state)
{
	(void)state;
	fire(0, "holds");
	const struct bouncer_event event = told(0, "event.shaping_fired.suspend_tenant.holds");
	assert_true(bytes_is(bouncer_event_tenant(&event), "acme"));
}

static void test_what_is_for_one_delivery_is_an_event_once_a_minute(void **state)
{
	(void)state;
	for (size_t i = 0; i < 20; i++)
		fire(i, "names");
	assert_int_equal(world.kept_count, 1);
	const struct bouncer_event event = told(0, "event.shaping_fired.classify.names");
	assert_true(bytes_is(event.shaping.argument, "inactive-mailbox") &&
		    bytes_is(event.shaping.scope, "delivery"));
	assert_int_equal(event.shaping.id.len, 0);
	assert_int_equal(event.shaping.until_wall_ms, 0);
	shaping_events_flush(events); /* the worker stops */
	world_turn(5);
	assert_int_equal(told(1, "event.shaping_fired.classify.names").shaping.count, 19);
}

static void hear(const char *rule)
{
	const struct shaping_fired fired = {.action = SHAPING_PARK_SITE,
					    .rule = rule,
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
	shaper_heard(shaper, &fired, &facts);
}

/* Whoever fired it tells of it, its end too. */
static void test_what_fired_elsewhere_is_told_there(void **state)
{
	uint64_t id = 0;
	(void)state;
	hear("far");
	shaper_each(shaper, "tail.example", cancel_each, &id);
	assert_true(shaper_cancel(shaper, id));
	world_turn(20);
	assert_int_equal(world.kept_count, 0);
}

static void test_what_the_broker_does_not_keep_is_counted_and_holds_up_nothing(void **state)
{
	int64_t failed = counted("failed"), kept = counted("published");
	(void)state;
	world.publish_err = E_AWAY;
	fire(0, "parks");
	world_turn(20);
	assert_int_equal(world.kept_count, 0);
	assert_int_equal(counted("failed") - failed, 1);
	world.publish_err = OK;
	fire(1, "holds");
	assert_int_equal(world.kept_count, 1);
	assert_int_equal(counted("published") - kept, 1);
}

/* So many tenants are suspended at once that the broker gets the first of a second only. */
static void test_a_flood_is_spread(void **state)
{
	struct learned *learned = shaper_learned(
		shaper, "first", CONF_ITEM(&world.settings->routing.sites, struct site_settings, 0),
		"holds");
	int64_t kept = counted("published");
	(void)state;
	for (int i = 0; i < 300; i++) {
		struct shaping_facts facts = {.site = "holds",
					      .source = "first",
					      .host = "mx",
					      .tenant = arena_printf(world.arena, "tenant-%d", i),
					      .campaign = "",
					      .step = "rcpt",
					      .code = 450,
					      .text = BYTES("not of this one")};
		struct ruling ruling;
		shaper_judge(shaper, learned, &facts, &ruling);
	}
	shaper_give_back(shaper, learned);
	world_turn(20);
	assert_int_equal(world.kept_count, SHAPING_EVENTS_PER_S);
	assert_int_equal(counted("published") - kept, SHAPING_EVENTS_PER_S);
	const struct bouncer_event event = told(7, "event.shaping_fired.suspend_tenant.holds");
	assert_true(bytes_is(event.shaping.text, "not of this one") &&
		    bytes_is(event.shaping.tenant, "tenant-7"));
}

int main(void)
{
#define PROMISE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PROMISE(test_a_rule_that_fires_is_an_event_with_its_reply),
		PROMISE(test_what_is_over_is_told_too),
		PROMISE(test_a_suspended_tenant_hears_of_it_and_no_other),
		PROMISE(test_what_is_for_one_delivery_is_an_event_once_a_minute),
		PROMISE(test_what_fired_elsewhere_is_told_there),
		PROMISE(test_what_the_broker_does_not_keep_is_counted_and_holds_up_nothing),
		PROMISE(test_a_flood_is_spread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
