/* A million messages wait for their time (20,000 unless LEVERET_TEST_MILLION is set): all are confirmed before the first is due, all
 * come, none early, none twice, and the process stays small. Written against broker.h only, as the conformance tests are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "tests/flow/broker/fixture_broker.h"

#include "tests/check.h"

#define MANY	   1000000
#define FEW	   20000
#define WINDOW	   2000 /* publications without an outcome */
#define EARLY_MS   50
#define SPREAD_MS  8000 /* from the first that is due to the last */
#define MEMORY_KIB (256 * 1024)

struct crowd {
	struct fixture *f;
	int64_t first_due_ms; /* wall */
	size_t count, asked, confirmed, failed;
	size_t taken, twice, early, strange;
	int64_t latest_ms; /* the longest that one came after its time */
	bool *is_taken;
	struct consumer *consumer;
	size_t memory_kib; /* most seen of anonymous memory */
};

static int64_t due_ms(const struct crowd *crowd, size_t number)
{
	/* Neighbours are not due together: the index has to sort. */
	return crowd->first_due_ms + (int64_t)(number * 7919 % SPREAD_MS);
}

static void note_memory(struct crowd *crowd)
{
	char line[256];
	size_t kib = 0;
	FILE *file = fopen("/proc/self/status", "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file))
		(void)sscanf(line, "RssAnon: %zu", &kib);
	(void)fclose(file);
	if (kib > crowd->memory_kib)
		crowd->memory_kib = kib;
}

static void publish_next(struct crowd *crowd);

static void on_published(void *owner, enum err err)
{
	struct crowd *crowd = owner;
	crowd->confirmed++;
	crowd->failed += err != OK;
	if (crowd->confirmed % 10000 == 0)
		note_memory(crowd);
	publish_next(crowd);
}

static void publish_next(struct crowd *crowd)
{
	char body[32];
	while (crowd->asked < crowd->count && crowd->asked - crowd->confirmed < WINDOW) {
		(void)snprintf(body, sizeof body, "%zu", crowd->asked);
		const struct publication publication = {.exchange = EXCHANGE_DELIVER,
							.key = "default.gmail",
							.head = bytes_of(body),
							.not_before_wall_ms =
								due_ms(crowd, crowd->asked)};
		crowd->asked++;
		broker_publish(crowd->f->broker, &publication, on_published, crowd);
	}
}

static void on_taken(void *owner, struct lease *lease)
{
	struct crowd *crowd = owner;
	char body[32];
	int64_t now_ms = clock_wall_ms(clock_system());
	size_t number = crowd->count;
	if (bytes_to_cstr(lease_body(lease), body, sizeof body))
		number = strtoul(body, NULL, 10);
	if (number >= crowd->count) {
		crowd->strange++;
	} else {
		crowd->twice += crowd->is_taken[number];
		crowd->is_taken[number] = true;
		crowd->early += now_ms < due_ms(crowd, number) - EARLY_MS;
		if (now_ms - due_ms(crowd, number) > crowd->latest_ms)
			crowd->latest_ms = now_ms - due_ms(crowd, number);
	}
	if (++crowd->taken % 10000 == 0)
		note_memory(crowd);
	lease_ack(&lease);
}

static bool is_confirmed(void *arg)
{
	const struct crowd *crowd = arg;
	return crowd->confirmed == crowd->count;
}

static bool has_all(void *arg)
{
	const struct crowd *crowd = arg;
	return crowd->taken >= crowd->count;
}

static void check_crowd(const struct crowd *crowd, bool waited_together)
{
	print_message("%zu delayed: %zu taken, %zu twice, %zu early, at most %lld ms late, %zu MiB "
		      "of memory%s\n",
		      crowd->count, crowd->taken, crowd->twice, crowd->early,
		      (long long)crowd->latest_ms, crowd->memory_kib / 1024,
		      waited_together ? "" : "; not all were there before the first was due");
	assert_int_equal(crowd->strange, 0);
	assert_int_equal(crowd->early, 0);
	assert_int_equal(crowd->twice, 0);
	assert_int_equal(crowd->taken, crowd->count);
#ifndef __SANITIZE_ADDRESS__ /* it keeps what was freed */
	assert_true(crowd->memory_kib < MEMORY_KIB);
#endif
}

static void test_a_million_delayed_messages_come_when_they_are_due(void **state)
{
	const char *lead = getenv("LEVERET_TEST_MILLION_LEAD_S");
	bool is_million = getenv("LEVERET_TEST_MILLION") != NULL;
	struct crowd crowd = {.f = *state, .count = is_million ? MANY : FEW};
	crowd.is_taken = memory_new(crowd.count * sizeof *crowd.is_taken);
	int64_t lead_ms = lead ? strtol(lead, NULL, 10) * 1000 : is_million ? 60000 : 6000;
	crowd.first_due_ms = clock_wall_ms(clock_system()) + lead_ms;
	const struct consumer_options options = {
		.queue = "deliver.default.gmail", .prefetch = 1000, .prefetch_bytes = 0};
	crowd.consumer = consumer_new(crowd.f->broker, &options, on_taken, &crowd);

	publish_next(&crowd);
	assert_true(run_until(crowd.f, is_confirmed, &crowd, 600000));
	assert_int_equal(crowd.failed, 0);
	bool waited_together = crowd.taken == 0;
	int64_t left_ms = crowd.first_due_ms - clock_wall_ms(clock_system());
	print_message("confirmed %lld ms before the first was due\n", (long long)left_ms);
	(void)run_until(crowd.f, has_all, &crowd, 600000);
	run_for(crowd.f, 500); /* for those that come twice */
	consumer_free(&crowd.consumer);
	check_crowd(&crowd, waited_together);
	free(crowd.is_taken);
}

static int setup(void **state)
{
	struct fixture *f = fixture_new("million.", "  publish_timeout: 1m");
	fixture_open(f);
	wait_ready(f);
	*state = f;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_million_delayed_messages_come_when_they_are_due, setup,
			fixture_teardown),
	};
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
