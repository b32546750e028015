/* What a shaper knows after its worker was started again, on a real store. */
#include "tests/unit/workers/delivery/fixture_world.h"

#include "workers/delivery/shaper.h"
#include "workers/delivery/shaper_kept.h"

#define SETTINGS                                                                                   \
	"sites:\n  default: {connections: 20, connections_start: 2, tls: none}\n"                  \
	"  gmail: {domains: [gmail.example], replies: "                                            \
	"[{name: known, when: {code: [450]}, then: {park_site: yes, for: 1h}}]}\n"

static char directory[DIRECTORY_SIZE];
static struct store *store;
static struct shaper *shaper;

static void start(void)
{
	static const struct shaping_settings none = {.shipped = false};
	const struct shaper_options options = {.loop = world.loop,
					       .settings = &none,
					       .sites = &world.settings->routing.sites,
					       .store = store};
	struct why why;
	assert_int_equal(shaper_new(&options, &shaper, &why), OK);
}

static void start_again(void)
{
	shaper_free(&shaper);
	start();
}

static int setup(void **state)
{
	static const char *const databases[] = {SHAPING_DATABASE};
	struct why why;
	(void)state;
	world_open(SETTINGS);
	directory_make(directory);
	assert_int_equal(store_open(directory, databases, 1, &store, &why), OK);
	start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	shaper_free(&shaper);
	store_close(&store);
	directory_remove(directory);
	world_close();
	return 0;
}

static void fire(enum shaping_action action, const char *rule, int64_t value)
{
	const struct shaping_fired fired = {.action = action,
					    .rule = rule,
					    .text = "",
					    .value = value,
					    .until_ms = loop_now_ms(world.loop) + 60000,
					    .period_ms = 60000};
	struct shaping_facts facts = {.site = "gmail",
				      .source = "out1",
				      .host = "",
				      .tenant = "acme",
				      .campaign = "",
				      .step = "",
				      .code = 450,
				      .text = BYTES("not so fast")};
	shaper_heard(shaper, &fired, &facts);
}

static unsigned percent(void)
{
	struct shaping_answer answer;
	shaper_ask(shaper, "out1", "gmail", &answer);
	return answer.rate_percent;
}

static struct shaping_entry last;

static void note(void *owner, const struct shaping_entry *entry)
{
	static char reply[300];
	(void)owner;
	last = *entry;
	(void)snprintf(reply, sizeof reply, "%s", entry->reply);
	last.reply = reply;
}

static void test_what_is_in_force_stays_so(void **state)
{
	(void)state;
	fire(SHAPING_PARK_SITE, "known", 1);
	fire(SHAPING_SLOW_BY, "known", 60);
	for (int i = 0; i < 3; i++) {
		start_again();
		int64_t closed_ms = shaper_site_closed_ms(shaper, "gmail");
		assert_true(closed_ms > 50000 && closed_ms <= 60000);
		assert_int_equal(percent(), 40); /* and not slower each time */
	}
	shaper_each(shaper, "gmail", note, NULL);
	assert_string_equal(last.reply, "450 not so fast");
}

static void test_what_was_cancelled_stays_so(void **state)
{
	(void)state;
	fire(SHAPING_SUSPEND_TENANT, "known", 1);
	start_again();
	assert_true(shaper_line_closed_ms(shaper, "gmail", BYTES("acme"), BYTES_NONE) > 0);
	shaper_each(shaper, "gmail", note, NULL);
	assert_true(shaper_cancel(shaper, shaper_entry_id(&last)));
	start_again();
	assert_true(shaper_is_idle(shaper));
}

static void test_a_rule_that_left_the_settings_has_no_say(void **state)
{
	(void)state;
	fire(SHAPING_PARK_SITE, "of yesterday", 1);
	assert_false(shaper_is_idle(shaper));
	start_again();
	assert_true(shaper_is_idle(shaper));
}

static void test_what_an_alert_slowed_stays_so(void **state)
{
	(void)state;
	fire(SHAPING_SLOW_BY, "alert of sources", 60);
	start_again();
	assert_int_equal(percent(), 40);
}

/* Else workers that are started one after the other would tell each other of it for as long as it lasts. */
static void test_nor_by_what_others_tell(void **state)
{
	const struct shaping_fired gone = {.action = SHAPING_PARK_SITE,
					   .rule = "of yesterday",
					   .text = "",
					   .value = 1,
					   .until_ms = loop_now_ms(world.loop) + 60000};
	struct shaping_fired known = gone;
	struct shaping_facts facts = {.site = "gmail",
				      .source = "out1",
				      .host = "",
				      .tenant = "",
				      .campaign = "",
				      .step = "",
				      .text = BYTES("not so fast")};
	(void)state;
	shaper_told(shaper, &gone, &facts);
	assert_true(shaper_is_idle(shaper));
	known.rule = "known";
	shaper_told(shaper, &known, &facts);
	assert_true(shaper_site_closed_ms(shaper, "gmail") > 0);
}

static void on_ended(void *owner, const struct shaping_entry *entry, const char *reason)
{
	unsigned *count = owner;
	assert_string_equal(entry->rule, "known");
	assert_string_equal(reason, "cancelled");
	(*count)++;
}

static void test_its_end_is_still_reported(void **state)
{
	static const struct shaper_reporter reporter = {.ended = on_ended};
	unsigned count = 0;
	(void)state;
	fire(SHAPING_PARK_SITE, "known", 1);
	start_again();
	shaper_report(shaper, &reporter, &count);
	shaper_forget(shaper, "gmail");
	assert_int_equal(count, 1);
}

static struct learned *learn(void)
{
	const struct site_settings *site =
		CONF_ITEM(&world.settings->routing.sites, struct site_settings, 0);
	return shaper_learned(shaper, "out1", site, "tail.example");
}

static void test_what_was_learned_is_known(void **state)
{
	(void)state;
	struct learned *learned = learn();
	assert_int_equal(learned->feedback.sessions, 2);
	for (int i = 0; i < 60; i++) {
		feedback_success(&learned->feedback, &learned->limits, 20);
		pace_accepted(&learned->pace, loop_now_ms(world.loop));
	}
	assert_true(pace_limited(&learned->pace, loop_now_ms(world.loop)));
	unsigned sessions = learned->feedback.sessions;
	double rate = pace_per_minute(&learned->pace);
	assert_true(sessions > 5 && rate > 0);
	shaper_give_back(shaper, learned);
	start_again();
	learned = learn();
	assert_int_equal(learned->feedback.sessions, sessions);
	assert_true(pace_per_minute(&learned->pace) > rate * 0.98 &&
		    pace_per_minute(&learned->pace) < rate * 1.02);
	shaper_give_back(shaper, learned);
}

int main(void)
{
#define PROMISE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PROMISE(test_what_is_in_force_stays_so),
		PROMISE(test_what_was_cancelled_stays_so),
		PROMISE(test_a_rule_that_left_the_settings_has_no_say),
		PROMISE(test_nor_by_what_others_tell),
		PROMISE(test_its_end_is_still_reported),
		PROMISE(test_what_an_alert_slowed_stays_so),
		PROMISE(test_what_was_learned_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
