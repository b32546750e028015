/* What a broker on the embedded engine does when the host of its directory dies or does not answer, and with large bodies: what
 * the conformance suite, whose host never dies, does not meet. */
#include "tests/unit/broker/home_fixture.h"

#include <signal.h>
#include <sys/statvfs.h>

#include "broker/embedded/embedded.h"
#include "broker/embedded/packet/record.h"
#include "lib/base/memory.h"

#define NAMED	    "default.gmail"
#define LARGE_BYTES ((size_t)3 * RECORD_BODY_MAX + 12345)
#define HELD_MAX    100
#define QUICK_MS    "300ms" /* publish_timeout of tests that wait for it */

struct fixture {
	struct home home;
	struct loop *loop;
	struct broker *broker;
	size_t asked, done, by_err[ERR_COUNT];
	struct consumer *consumer;
	struct lease *held[HELD_MAX];
	size_t held_count, entries, caught_up;
};

static void note_outcome(void *owner, enum err err)
{
	struct fixture *f = owner;
	f->done++;
	f->by_err[err]++;
}

static struct fixture *fixture_new(const char *settings)
{
	struct fixture *f = memory_new(sizeof *f);
	home_open(&f->home, settings);
	f->loop = loop_new();
	return f;
}

static int setup(void **state)
{
	*state = fixture_new("min_free: 0");
	return 0;
}

static int setup_quick(void **state)
{
	*state = fixture_new("min_free: 0, publish_timeout: " QUICK_MS);
	return 0;
}

static int setup_full(void **state)
{
	*state = fixture_new("min_free: 1024GiB");
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (f->consumer)
		consumer_free(&f->consumer);
	broker_close(&f->broker);
	for (size_t i = 0; i < f->held_count; i++)
		if (f->held[i])
			lease_release(&f->held[i]);
	loop_free(&f->loop);
	home_close(&f->home);
	free(f);
	return 0;
}

static bool is_ready(void *arg)
{
	return broker_state(((struct fixture *)arg)->broker) == BROKER_READY;
}

static bool is_away(void *arg)
{
	return broker_state(((struct fixture *)arg)->broker) == BROKER_AWAY;
}

static bool is_blocked(void *arg)
{
	return broker_state(((struct fixture *)arg)->broker) == BROKER_BLOCKED;
}

static void start_broker(struct fixture *f)
{
	struct why why = {""};
	if (broker_open(f->loop, f->home.settings, f->home.routing, "test", NULL, NULL, &f->broker,
			&why))
		print_error("%s\n", why.text);
	assert_non_null(f->broker);
}

static void open_broker(struct fixture *f)
{
	start_broker(f);
	assert_true(run_until(f->loop, is_ready, f, WAIT_MS));
}

/* ---- publishing ---- */

static void publish_to(struct fixture *f, enum exchange exchange, const char *key, const char *head,
		       struct blob *tail)
{
	f->asked++;
	broker_publish(
		f->broker,
		&(struct publication){
			.exchange = exchange, .key = key, .head = bytes_of(head), .tail = tail},
		note_outcome, f);
}

static void publish(struct fixture *f, const char *head, struct blob *tail)
{
	publish_to(f, EXCHANGE_DELIVER, NAMED, head, tail);
}

static bool is_all_done(void *arg)
{
	const struct fixture *f = arg;
	return f->done == f->asked;
}

static void wait_done(struct fixture *f)
{
	assert_true(run_until(f->loop, is_all_done, f, WAIT_MS));
	assert_int_equal(broker_unconfirmed_count(f->broker), 0);
	assert_int_equal(broker_unconfirmed_bytes(f->broker), 0);
}

static void fill(uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(i * 31 + i / 251);
}

/* In memory, or in a file of the spool when memory_max is 0. */
static struct blob *blob_of(size_t len, size_t memory_max)
{
	struct why why = {""};
	uint8_t *bytes = memory_new(len);
	struct blob_writer *writer = blob_writer_new("/tmp", memory_max);
	fill(bytes, len);
	assert_int_equal(blob_writer_append(writer, bytes_from(bytes, len), &why), OK);
	free(bytes);
	return blob_writer_finish(&writer);
}

/* ---- taking ---- */

static void on_taken(void *owner, struct lease *lease)
{
	struct fixture *f = owner;
	assert_true(f->held_count < HELD_MAX);
	f->held[f->held_count++] = lease;
}

static void consume(struct fixture *f)
{
	char name[QUEUE_NAME_MAX];
	queue_delivery_name("default", "gmail", name);
	const struct consumer_options options = {.queue = name, .prefetch = HELD_MAX};
	f->consumer = consumer_new(f->broker, &options, on_taken, f);
}

struct held_enough {
	const struct fixture *f;
	size_t count;
};

static bool is_held(void *arg)
{
	const struct held_enough *enough = arg;
	return enough->f->held_count >= enough->count;
}

static void wait_held(struct fixture *f, size_t count)
{
	struct held_enough enough = {f, count};
	assert_true(run_until(f->loop, is_held, &enough, WAIT_MS));
	assert_int_equal(f->held_count, count);
}

static bool has_no_files(void *arg)
{
	const struct fixture *f = arg;
	return home_files(&f->home, "bodies") == 0;
}

/* ---- large bodies ---- */

static void assert_large(const struct lease *lease, const char *head)
{
	size_t head_len = strlen(head);
	struct bytes body = lease_body(lease);
	uint8_t *expected = memory_new(LARGE_BYTES);
	fill(expected, LARGE_BYTES);
	assert_true(bytes_equal(bytes_first(body, head_len), bytes_of(head)));
	assert_true(bytes_equal(bytes_skip(body, head_len), bytes_from(expected, LARGE_BYTES)));
	free(expected);
}

static void test_a_large_body_is_kept_in_a_file_until_it_is_acked(void **state)
{
	static const size_t memory_max[] = {0, 2 * LARGE_BYTES};
	struct fixture *f = *state;
	open_broker(f);
	for (size_t i = 0; i < 2; i++) {
		struct blob *blob = blob_of(LARGE_BYTES, memory_max[i]);
		publish(f, "head:", blob);
		blob_unref(&blob);
		wait_done(f);
	}
	assert_int_equal(f->by_err[OK], 2);
	assert_int_equal(home_files(&f->home, "bodies"), 2);

	consume(f);
	wait_held(f, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_large(f->held[i], "head:");
		lease_ack(&f->held[i]);
	}
	assert_true(run_until(f->loop, has_no_files, f, WAIT_MS));
}

static void test_a_small_body_in_a_spool_file_is_taken_too(void **state)
{
	struct fixture *f = *state;
	struct blob *blob = blob_of(10, 0);
	uint8_t expected[10];
	fill(expected, sizeof expected);
	assert_null(blob_memory(blob).data);
	open_broker(f);
	publish(f, "", blob);
	blob_unref(&blob);
	wait_done(f);
	consume(f);
	wait_held(f, 1);
	assert_true(bytes_equal(lease_body(f->held[0]), bytes_from(expected, sizeof expected)));
}

static void test_a_retried_large_body_keeps_its_file(void **state)
{
	struct fixture *f = *state;
	struct blob *blob = blob_of(LARGE_BYTES, 0);
	open_broker(f);
	consume(f);
	publish(f, "again:", blob);
	blob_unref(&blob);
	wait_held(f, 1);
	lease_retry(&f->held[0], 50);
	wait_held(f, 2);
	assert_large(f->held[1], "again:");
	lease_bury(&f->held[1], "enough");
	run_for(f->loop, 50);
	assert_int_equal(home_files(&f->home, "bodies"), 1);
}

struct order {
	size_t next, large_at, small_at;
};

struct ordered {
	struct order *order;
	size_t *at;
};

static void note_order(void *owner, enum err err)
{
	struct ordered *ordered = owner;
	assert_int_equal(err, OK);
	*ordered->at = ++ordered->order->next;
}

static bool are_both_done(void *arg)
{
	return ((struct order *)arg)->next == 2;
}

static void test_a_small_publication_goes_past_a_large_one(void **state)
{
	struct fixture *f = *state;
	struct blob *blob = blob_of((size_t)24 << 20, 0);
	struct order order = {0};
	struct ordered large = {&order, &order.large_at}, small = {&order, &order.small_at};
	struct publication publication = {.exchange = EXCHANGE_DELIVER, .key = NAMED, .tail = blob};
	open_broker(f);
	broker_publish(f->broker, &publication, note_order, &large);
	publication.tail = NULL;
	broker_publish(f->broker, &publication, note_order, &small);
	blob_unref(&blob);
	assert_true(run_until(f->loop, are_both_done, &order, WAIT_MS));
	assert_int_equal(order.small_at, 1);
	assert_int_equal(order.large_at, 2);
}

static void test_a_body_over_the_limit_is_refused_before_it_is_written(void **state)
{
	static uint8_t piece[1 << 20];
	struct fixture *f = *state;
	struct why why = {""};
	struct blob_writer *writer = blob_writer_new("/tmp", 0);
	for (size_t i = 0; i < EMBEDDED_BODY_MAX / sizeof piece; i++)
		assert_int_equal(blob_writer_append(writer, bytes_from(piece, sizeof piece), &why),
				 OK);
	struct blob *blob = blob_writer_finish(&writer);
	open_broker(f);
	publish(f, "1", blob);
	assert_int_equal(f->done, 0); /* not from inside the call */
	wait_done(f);
	assert_int_equal(f->by_err[E_TOO_BIG], 1);
	assert_true(has_no_files(f));
	publish(f, "", blob);
	wait_done(f);
	assert_int_equal(f->by_err[OK], 1);
	blob_unref(&blob);
}

static void test_a_body_that_cannot_be_written_fails_alone(void **state)
{
	struct fixture *f = *state;
	struct blob *blob = blob_of(LARGE_BYTES, 0);
	char bodies[128], aside[128];
	(void)snprintf(bodies, sizeof bodies, "%s/bodies", f->home.broker);
	(void)snprintf(aside, sizeof aside, "%s/aside", f->home.broker);
	open_broker(f);
	publish(f, "", blob);
	wait_done(f);
	assert_int_equal(rename(bodies, aside), 0);
	publish(f, "", blob);
	publish(f, "small", NULL);
	wait_done(f);
	assert_int_equal(f->by_err[E_IO], 1);
	assert_int_equal(f->by_err[OK], 2);
	assert_int_equal(rename(aside, bodies), 0);
	publish(f, "", blob);
	wait_done(f);
	assert_int_equal(f->by_err[OK], 3);
	assert_int_equal(home_files(&f->home, "bodies"), 2);
	blob_unref(&blob);
}

static void test_closing_leaves_no_file_of_what_was_not_published(void **state)
{
	struct fixture *f = *state;
	struct blob *blob = blob_of(LARGE_BYTES, 0);
	open_broker(f);
	for (size_t i = 0; i < 12; i++)
		publish(f, "", blob);
	publish(f, "small", NULL);
	run_for(f->loop, 1);
	size_t done = f->done;
	broker_close(&f->broker);
	assert_int_equal(f->done, 13);
	assert_true(f->by_err[E_CANCELLED] >= 13 - done);
	blob_unref(&blob);
	/* What the core was told of it keeps, also when nobody hears so. */
	size_t files = home_files(&f->home, "bodies");
	open_broker(f);
	consume(f);
	run_for(f->loop, 200);
	size_t large = 0;
	for (size_t i = 0; i < f->held_count; i++)
		large += lease_body(f->held[i]).len == LARGE_BYTES;
	assert_int_equal(large, files);
}

/* ---- a host that dies ---- */

static void on_entry(void *owner, const struct table_entry *entry, uint64_t position)
{
	struct fixture *f = owner;
	(void)entry, (void)position;
	f->entries++;
}

static void on_caught_up(void *owner)
{
	struct fixture *f = owner;
	f->caught_up++;
}

static bool has_caught_up(void *arg)
{
	const struct fixture *f = arg;
	return f->caught_up == f->asked;
}

static void test_the_death_of_the_host_costs_the_leases_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	pid_t host = home_fork_host(&f->home);
	open_broker(f);
	publish(f, "one", NULL);
	publish(f, "two", NULL);
	wait_done(f);
	assert_int_equal(f->by_err[OK], 2);
	consume(f);
	wait_held(f, 2);
	lease_ack(&f->held[0]);
	run_for(f->loop, 100);

	home_kill(&host);
	assert_true(run_until(f->loop, is_away, f, WAIT_MS));
	assert_true(lease_is_lost(f->held[1]));
	assert_true(bytes_is(lease_body(f->held[1]), "two"));
	lease_ack(&f->held[1]);				       /* does nothing */
	assert_true(run_until(f->loop, is_ready, f, WAIT_MS)); /* now we are the host */
	wait_held(f, 3);
	assert_true(bytes_is(lease_body(f->held[2]), "two"));
	assert_true(lease_is_redelivered(f->held[2]));
	lease_ack(&f->held[2]);
}

static void test_a_follower_goes_on_with_the_next_host(void **state)
{
	static const struct table_handler handler = {.entry = on_entry, .caught_up = on_caught_up};
	struct fixture *f = *state;
	pid_t host = home_fork_host(&f->home);
	const struct table_entry entry = {BYTES("a@x.test"), BYTES("reason"), 1};
	open_broker(f);
	f->asked = 1;
	table_append(f->broker, "suppressions", &entry, note_outcome, f);
	wait_done(f);
	struct table_follower *follower = table_follow(f->broker, "suppressions", 0, &handler, f);
	assert_true(run_until(f->loop, has_caught_up, f, WAIT_MS));
	assert_int_equal(f->entries, 1);
	home_kill(&host);
	f->asked = 2;
	assert_true(run_until(f->loop, has_caught_up, f, WAIT_MS));
	assert_in_range(f->entries, 1, 2);
	table_follower_free(&follower);
}

static void test_a_publication_without_an_answer_is_closed_with_its_host(void **state)
{
	struct fixture *f = *state;
	pid_t host = home_fork_host(&f->home);
	open_broker(f);
	assert_int_equal(kill(host, SIGSTOP), 0);
	publish(f, "in doubt", NULL);
	run_for(f->loop, 50);
	assert_int_equal(f->done, 0);
	home_kill(&host);
	wait_done(f);
	assert_int_equal(f->by_err[E_CLOSED], 1);
	publish(f, "away", NULL);
	assert_true(is_away(f));
	wait_done(f);
	assert_int_equal(f->by_err[E_AWAY], 1);
	assert_true(run_until(f->loop, is_ready, f, WAIT_MS));
	publish(f, "kept", NULL);
	wait_done(f);
	assert_int_equal(f->by_err[OK], 1);
}

static void test_a_publication_without_an_answer_times_out_once(void **state)
{
	struct fixture *f = *state;
	pid_t host = home_fork_host(&f->home);
	open_broker(f);
	assert_int_equal(kill(host, SIGSTOP), 0);
	publish(f, "late", NULL);
	wait_done(f);
	assert_int_equal(f->by_err[E_TIMEOUT], 1);
	assert_int_equal(kill(host, SIGCONT), 0);
	publish(f, "in time", NULL);
	wait_done(f);
	run_for(f->loop, 50);
	assert_int_equal(f->done, 2); /* the late answer found nobody */
	assert_int_equal(f->by_err[OK], 1);
	home_kill(&host);
}

static void test_a_host_that_starts_again_and_again_loses_nothing(void **state)
{
	struct fixture *f = *state;
	for (size_t round = 0; round < 5; round++) {
		pid_t host = home_fork_host(&f->home);
		struct blob *blob = blob_of(LARGE_BYTES, 0);
		open_broker(f);
		publish(f, "", blob);
		publish(f, "small", NULL);
		blob_unref(&blob);
		if (round % 2 == 0)
			wait_done(f);
		home_kill(&host);
		wait_done(f);
		broker_close(&f->broker);
	}
	open_broker(f);
	consume(f);
	run_for(f->loop, 300);
	assert_true(f->held_count >= f->by_err[OK]);
	size_t large = 0;
	for (size_t i = 0; i < f->held_count; i++)
		large += lease_body(f->held[i]).len == LARGE_BYTES;
	assert_int_equal(home_files(&f->home, "bodies"), large); /* no strays */
}

static void test_a_consumer_that_is_paused_stays_so_with_the_next_host(void **state)
{
	struct fixture *f = *state;
	pid_t host = home_fork_host(&f->home);
	open_broker(f);
	consume(f);
	publish(f, "one", NULL);
	wait_held(f, 1);
	consumer_pause(f->consumer, true);
	home_kill(&host);
	assert_true(run_until(f->loop, is_away, f, WAIT_MS));
	assert_true(run_until(f->loop, is_ready, f, WAIT_MS));
	run_for(f->loop, 100);
	assert_int_equal(f->held_count, 1);
	consumer_pause(f->consumer, false);
	wait_held(f, 2);
}

/* ---- queues of subscribers ---- */

static void subscribe_or_not(struct fixture *f, bool is_wanted, bool drops_messages, enum err err)
{
	size_t before = f->by_err[err];
	f->asked++;
	if (is_wanted)
		broker_subscribe(f->broker, "watch", "delivered.#", note_outcome, f);
	else
		broker_unsubscribe(f->broker, "watch", drops_messages, note_outcome, f);
	wait_done(f);
	assert_int_equal(f->by_err[err], before + 1);
}

static void test_a_queue_of_a_subscriber_goes_when_it_is_empty_or_may_be_lost(void **state)
{
	struct fixture *f = *state;
	open_broker(f);
	subscribe_or_not(f, false, false, E_NOT_FOUND);
	subscribe_or_not(f, true, false, OK);
	publish_to(f, EXCHANGE_RESULTS, "delivered.default.gmail", "result", NULL);
	wait_done(f);
	subscribe_or_not(f, false, false, E_FULL);
	subscribe_or_not(f, false, true, OK);
	subscribe_or_not(f, false, true, E_NOT_FOUND);
}

/* ---- no room ---- */

/* Many results with much metadata. */
static void test_a_large_event_reaches_every_subscriber(void **state)
{
	struct fixture *f = *state;
	struct blob *batch = blob_of(RECORD_EVENT_MAX - 4, SIZE_MAX);
	open_broker(f);
	f->asked += 2;
	broker_subscribe(f->broker, "one", "#", note_outcome, f);
	broker_subscribe(f->broker, "two", "bounced.#", note_outcome, f);
	wait_done(f);
	publish_to(f, EXCHANGE_RESULTS, "bounced.default.gmail", "head", batch);
	blob_unref(&batch);
	wait_done(f);
	assert_int_equal(f->by_err[OK], 3);
	const struct consumer_options options = {.queue = "two", .prefetch = 1};
	f->consumer = consumer_new(f->broker, &options, on_taken, f);
	wait_held(f, 1);
	assert_int_equal(lease_body(f->held[0]).len, RECORD_EVENT_MAX);
	lease_ack(&f->held[0]);
}

/* As it is between processes, where a packet has its maximum. */
static void test_a_large_event_reaches_another_process(void **state)
{
	struct fixture *f = *state;
	pid_t host = home_fork_host(&f->home);
	test_a_large_event_reaches_every_subscriber(state);
	home_kill(&host);
}

static void test_without_room_mail_waits_and_results_go_on(void **state)
{
	struct fixture *f = *state;
	struct statvfs about;
	assert_int_equal(statvfs(f->home.directory, &about), 0);
	if (about.f_bavail >= ((uint64_t)1 << 40) / about.f_frsize) {
		print_message("not run: this disk has more room than min_free can ask for\n");
		skip();
	}
	start_broker(f);
	assert_true(run_until(f->loop, is_blocked, f, WAIT_MS));
	publish(f, "mail", NULL);
	publish_to(f, EXCHANGE_SUBMIT, "tx", "mail", NULL);
	assert_int_equal(f->done, 0);
	publish_to(f, EXCHANGE_RESULTS, "delivered.default.gmail", "result", NULL);
	wait_done(f);
	assert_int_equal(f->by_err[E_BLOCKED], 2);
	assert_int_equal(f->by_err[OK], 1);
}

/* ---- opening ---- */

static void test_an_unusable_directory_is_told_at_once(void **state)
{
	struct fixture *f = *state;
	struct why why = {""};
	FILE *file = fopen(f->home.broker, "w");
	assert_non_null(file);
	(void)fclose(file);
	assert_int_equal(broker_open(f->loop, f->home.settings, f->home.routing, "test", NULL, NULL,
				     &f->broker, &why),
			 E_IO);
	assert_null(f->broker);
	assert_non_null(strstr(why.text, f->home.broker));
}

#define TEST(name)	 cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_QUICK(name) cmocka_unit_test_setup_teardown(name, setup_quick, teardown)
#define TEST_FULL(name)	 cmocka_unit_test_setup_teardown(name, setup_full, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_large_body_is_kept_in_a_file_until_it_is_acked),
		TEST(test_a_small_body_in_a_spool_file_is_taken_too),
		TEST(test_a_retried_large_body_keeps_its_file),
		TEST(test_a_small_publication_goes_past_a_large_one),
		TEST(test_a_body_over_the_limit_is_refused_before_it_is_written),
		TEST(test_a_body_that_cannot_be_written_fails_alone),
		TEST(test_closing_leaves_no_file_of_what_was_not_published),
		TEST(test_the_death_of_the_host_costs_the_leases_and_nothing_else),
		TEST(test_a_follower_goes_on_with_the_next_host),
		TEST(test_a_publication_without_an_answer_is_closed_with_its_host),
		TEST_QUICK(test_a_publication_without_an_answer_times_out_once),
		TEST(test_a_host_that_starts_again_and_again_loses_nothing),
		TEST(test_a_consumer_that_is_paused_stays_so_with_the_next_host),
		TEST(test_a_queue_of_a_subscriber_goes_when_it_is_empty_or_may_be_lost),
		TEST(test_a_large_event_reaches_every_subscriber),
		TEST(test_a_large_event_reaches_another_process),
		TEST_FULL(test_without_room_mail_waits_and_results_go_on),
		TEST(test_an_unusable_directory_is_told_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
