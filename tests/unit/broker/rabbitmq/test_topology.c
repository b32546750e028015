/* The topology is a list made from the settings: what must be in it for nothing to get lost. */
#include <string.h>

#include "broker/broker.h"
#include "broker/rabbitmq/topology.h"
#include "tests/unit/broker/rabbitmq/fixture_amqp.h"

#include "tests/check.h"

static const struct pool_settings pools[] = {{.name = "default"}, {.name = "news"}};
static const struct site_settings sites[] = {{.name = "default", .own_queue = true},
					     {.name = "gmail", .own_queue = true},
					     {.name = "rare"}};
static const struct routing_settings routing_settings_ = {
	.pools = {(void *)pools, 2},
	.sites = {(void *)sites, 3},
};

static struct routing *routing;
static struct broker_settings settings;
static struct topology topology;

static int setup(void **state)
{
	(void)state;
	settings = (struct broker_settings){.prefix = "p.", .delivery_limit = 7};
	routing = routing_new(&routing_settings_);
	struct why why;
	return topology_init(&topology, &settings, routing, &why) ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	topology_done(&topology);
	routing_free(&routing);
	return 0;
}

static const struct step *find_queue(const char *name)
{
	for (size_t i = 0; i < topology.step_count; i++) {
		if (topology.steps[i].what == STEP_QUEUE &&
		    strcmp(topology.steps[i].name, name) == 0)
			return &topology.steps[i];
	}
	return NULL;
}

static bool has_binding(const char *source, const char *key, const char *name)
{
	for (size_t i = 0; i < topology.step_count; i++) {
		const struct step *step = &topology.steps[i];
		if ((step->what == STEP_BIND_QUEUE || step->what == STEP_BIND_EXCHANGE) &&
		    !step->header_queue && strcmp(step->source, source) == 0 &&
		    strcmp(step->key, key) == 0 && strcmp(step->name, name) == 0)
			return true;
	}
	return false;
}

static void test_every_pool_has_its_named_sites_and_its_tail(void **state)
{
	(void)state;
	assert_non_null(find_queue("p.deliver.default.gmail"));
	assert_non_null(find_queue("p.deliver.news.gmail"));
	assert_null(find_queue("p.deliver.default.default"));
	assert_non_null(find_queue("p.deliver.news.tail-0"));
	assert_non_null(find_queue("p.deliver.news.tail-7"));
	assert_null(find_queue("p.deliver.news.tail-8"));
	assert_true(has_binding("p.leveret.deliver", "news.gmail", "p.deliver.news.gmail"));
	assert_true(has_binding("p.leveret.deliver.pool", "news.#", "p.leveret.tail.news"));
	assert_true(has_binding("p.leveret.tail.news", "1", "p.deliver.news.tail-3"));
}

static void test_names_are_declared_before_they_are_bound(void **state)
{
	(void)state;
	for (size_t i = 0; i < topology.step_count; i++) {
		const struct step *step = &topology.steps[i];
		bool has_source = false, has_name = false;
		if (step->what != STEP_BIND_QUEUE && step->what != STEP_BIND_EXCHANGE)
			continue;
		for (size_t j = 0; j < i; j++) {
			const struct step *earlier = &topology.steps[j];
			bool is_declared =
				earlier->what == STEP_EXCHANGE || earlier->what == STEP_QUEUE;
			has_source |= is_declared && strcmp(earlier->name, step->source) == 0;
			has_name |= is_declared && strcmp(earlier->name, step->name) == 0;
		}
		assert_true(has_source);
		assert_true(has_name);
	}
}

static void test_a_name_too_long_for_amqp_is_refused(void **state)
{
	(void)state;
	char prefix[300];
	memset(prefix, 'x', sizeof prefix - 1);
	prefix[sizeof prefix - 1] = '\0';
	struct broker_settings long_settings = {.prefix = prefix, .delivery_limit = 7};
	struct topology long_topology;
	struct why why;
	assert_int_equal(topology_init(&long_topology, &long_settings, routing, &why), E_TOO_BIG);
}

/* ---- the arguments, as they travel ---- */

static void ignore(void *owner)
{
	(void)owner;
}

static void ignore_method(void *owner, const amqp_method_t *method)
{
	(void)owner, (void)method;
}

static void ignore_closed(void *owner, uint16_t code, const char *text)
{
	(void)owner, (void)code, (void)text;
}

static const amqp_queue_declare_t *declared(struct amqp_fixture *f, struct channel *channel,
					    const char *name)
{
	const struct step *step = find_queue(name);
	assert_non_null(step);
	topology_send(&topology, channel, step);
	const amqp_queue_declare_t *declare = expect_method(f, 1, AMQP_QUEUE_DECLARE_METHOD);
	assert_true(declare->durable);
	return declare;
}

static bool has_text(const amqp_queue_declare_t *declare, const char *key, const char *value)
{
	struct bytes text;
	return wire_value_text(wire_find(&declare->arguments, key), &text) && bytes_is(text, value);
}

static int64_t number(const amqp_queue_declare_t *declare, const char *key)
{
	int64_t value = -1;
	(void)wire_value_int(wire_find(&declare->arguments, key), &value);
	return value;
}

static bool is_safe(const amqp_queue_declare_t *declare, const char *dead_letters)
{
	return has_text(declare, "x-queue-type", "quorum") &&
	       has_text(declare, "x-dead-letter-exchange", dead_letters) &&
	       has_text(declare, "x-dead-letter-strategy", "at-least-once") &&
	       has_text(declare, "x-overflow", "reject-publish");
}

static void test_queues_carry_the_arguments_that_keep_mail(void **state)
{
	static const struct channel_handler handler = {
		.opened = ignore, .method = ignore_method, .closed = ignore_closed};
	void *fresh;
	(void)state;
	(void)amqp_setup_open(&fresh);
	struct amqp_fixture *f = fresh;
	struct channel *channel = channel_new(f->connection, &handler, NULL);
	open_channel(f, 1);

	const amqp_queue_declare_t *site = declared(f, channel, "p.deliver.news.gmail");
	assert_true(is_safe(site, "p.leveret.buried"));
	assert_int_equal(number(site, "x-delivery-limit"), 7);
	const amqp_queue_declare_t *tail = declared(f, channel, "p.deliver.news.tail-0");
	assert_true(is_safe(tail, "p.leveret.buried"));
	assert_non_null(wire_find(&tail->arguments, "x-single-active-consumer"));
	const amqp_queue_declare_t *delay = declared(f, channel, "p.leveret.delay.64");
	assert_true(is_safe(delay, "p.leveret.due"));
	assert_int_equal(number(delay, "x-message-ttl"), 64000);
	assert_true(number(declared(f, channel, "p.submit.tx"), "x-max-length-bytes") > 0);
	assert_true(has_text(declared(f, channel, "p.leveret.table.suppressions"), "x-queue-type",
			     "stream"));
	const amqp_queue_declare_t *buried = declared(f, channel, "p.buried");
	assert_null(wire_find(&buried->arguments, "x-dead-letter-exchange"));
	assert_true(number(buried, "x-delivery-limit") > 1000000);

	settings.queue_type = 1; /* classic */
	const amqp_queue_declare_t *classic = declared(f, channel, "p.deliver.news.gmail");
	assert_true(has_text(classic, "x-queue-type", "classic"));
	assert_null(wire_find(&classic->arguments, "x-delivery-limit"));
	assert_null(wire_find(&classic->arguments, "x-dead-letter-strategy"));
	channel_free(&channel);
	(void)amqp_teardown(&fresh);
}

/* Each is the next best where the one before it is refused; at the next connection the first is asked for again. */
static void test_a_stream_of_other_arguments_is_taken_as_it_is(void **state)
{
	static const struct channel_handler handler = {
		.opened = ignore, .method = ignore_method, .closed = ignore_closed};
	static const char name[] = "p.leveret.table.suppressions";
	void *fresh;
	(void)state;
	(void)amqp_setup_open(&fresh);
	struct amqp_fixture *f = fresh;
	struct channel *channel = channel_new(f->connection, &handler, NULL);
	open_channel(f, 1);
	settings.table_kept = 86400500;
	settings.table_segment = 65536;
	topology_ask_tables(&topology);
	struct step *step = (struct step *)(uintptr_t)find_queue(name);

	const amqp_queue_declare_t *cut = declared(f, channel, name);
	assert_true(has_text(cut, "x-max-age", "86401s"));
	assert_int_equal(number(cut, "x-stream-max-segment-size-bytes"), 65536);
	assert_int_equal(topology_table_kept_ms(&topology, "suppressions"), 86400500);
	assert_true(topology_take_table(step));
	const amqp_queue_declare_t *uncut = declared(f, channel, name);
	assert_int_equal(uncut->arguments.num_entries, 1);
	assert_false(uncut->passive);
	assert_int_equal(topology_table_kept_ms(&topology, "suppressions"), 0);
	assert_int_equal(topology_table_kept_ms(&topology, "sites"), 86400500);
	assert_true(topology_take_table(step));
	assert_true(declared(f, channel, name)->passive);
	assert_int_equal(topology_table_kept_ms(&topology, "suppressions"), 86400500);
	assert_false(topology_take_table(step));
	topology_ask_tables(&topology);
	assert_true(has_text(declared(f, channel, name), "x-max-age", "86401s"));

	settings.table_kept = 0;
	topology_ask_tables(&topology);
	assert_int_equal(declared(f, channel, name)->arguments.num_entries, 1);
	assert_int_equal(topology_table_kept_ms(&topology, "suppressions"), 0);
	struct step *mail = (struct step *)(uintptr_t)find_queue("p.submit.tx");
	assert_false(topology_take_table(mail));
	channel_free(&channel);
	(void)amqp_teardown(&fresh);
}

static void test_a_delay_takes_the_largest_bucket_that_is_not_too_long(void **state)
{
	static const struct {
		int64_t left_ms;
		unsigned bucket_s;
	} cases[] = {
		{INT64_MIN, 0},	 {0, 0},	  {999, 0},	    {1000, 1},
		{1999, 1},	 {2000, 2},	  {3999, 2},	    {60000, 32},
		{8191999, 4096}, {8192000, 8192}, {86400000, 8192}, {INT64_MAX, 8192},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(delay_bucket_s(cases[i].left_ms), cases[i].bucket_s);
}

static void test_refusals_say_what_to_do(void **state)
{
	struct why why;
	(void)state;
	topology_explain(find_queue("p.submit.tx"), 406, "PRECONDITION_FAILED", &why);
	assert_non_null(strstr(why.text, "p.submit.tx"));
	assert_non_null(strstr(why.text, "other arguments"));
	topology_explain(find_queue("p.submit.tx"), 403, "ACCESS_REFUSED", &why);
	assert_non_null(strstr(why.text, "broker.declare"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static bool has_exchange(const char *name)
{
	for (size_t i = 0; i < topology.step_count; i++)
		if (topology.steps[i].what == STEP_EXCHANGE &&
		    strcmp(topology.steps[i].name, name) == 0)
			return true;
	return false;
}

/* Else who upgrades would need rights on exchanges that nobody uses. */
static void test_exchanges_for_json_are_there_when_they_are_asked_for(void **state)
{
	struct why why;
	(void)state;
	assert_true(has_exchange("p.leveret.results"));
	assert_false(has_exchange("p.leveret.results.json"));
	topology_done(&topology);
	settings.json_copies = 1;
	assert_int_equal(topology_init(&topology, &settings, routing, &why), OK);
	assert_true(has_exchange("p.leveret.results.json"));
	assert_false(has_exchange("p.leveret.events.json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_pool_has_its_named_sites_and_its_tail),
		TEST(test_names_are_declared_before_they_are_bound),
		TEST(test_a_name_too_long_for_amqp_is_refused),
		TEST(test_queues_carry_the_arguments_that_keep_mail),
		TEST(test_a_stream_of_other_arguments_is_taken_as_it_is),
		TEST(test_a_delay_takes_the_largest_bucket_that_is_not_too_long),
		TEST(test_refusals_say_what_to_do),
		TEST(test_exchanges_for_json_are_there_when_they_are_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
