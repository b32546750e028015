/* The core by itself, spoken to in packets: what the conformance suite cannot see from outside. A backlog that does not fit in
 * memory, messages that were in somebody's hands when the process died, and the view on what waits. */
#include "tests/store_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "broker/embedded/core/core.h"
#include "broker/embedded/packet/record.h"
#include "broker/engine.h"
#include "lib/base/memory.h"
#include "tests/broker_settings.h"

#define NAMED "default.gmail"
#define QUEUE "deliver.default.gmail"

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct conf *conf;
	const struct test_settings *settings;
	struct routing *routing;
	struct loop *loop;
	struct timer *limit;
	struct core *core;
	struct session *session;
	struct packets got; /* what the core sent */
	size_t done, done_ok, leases, wanted_done, wanted_leases;
	bool settles; /* acks every lease at once */
	struct packets to_settle;
	struct task settle;
	bool is_late;
};

static void stop_when_wanted(struct fixture *f)
{
	if (f->done >= f->wanted_done && f->leases >= f->wanted_leases)
		loop_stop(f->loop);
}

static void on_packet(void *owner, struct packet *packet)
{
	struct fixture *f = owner;
	if (packet->kind == PACKET_DONE) {
		f->done++;
		f->done_ok += packet->value[0] == OK;
	}
	if (packet->kind == PACKET_LEASE) {
		f->leases++;
		if (f->settles) {
			struct packet *ack = packet_new(PACKET_SETTLE, (uint64_t)packet->value[0]);
			ack->value[0] = SETTLE_ACK;
			packets_add(&f->to_settle, ack);
			loop_defer(f->loop, &f->settle);
		}
	}
	if (f->settles)
		packet_free(&packet);
	else
		packets_add(&f->got, packet);
	stop_when_wanted(f);
}

static void tell(struct fixture *f, struct packet *packet)
{
	assert_int_equal(session_receive(f->session, packet), OK);
}

static void settle_all(void *owner)
{
	struct fixture *f = owner;
	struct packet *packet;
	while ((packet = packets_take(&f->to_settle)))
		tell(f, packet);
}

static void on_limit(void *owner)
{
	struct fixture *f = owner;
	f->is_late = true;
	loop_stop(f->loop);
}

static bool run(struct fixture *f, size_t done, size_t leases, int64_t limit_ms)
{
	f->wanted_done = done;
	f->wanted_leases = leases;
	f->is_late = false;
	timer_start(f->limit, limit_ms);
	if (f->done < done || f->leases < leases)
		loop_run(f->loop);
	timer_stop(f->limit);
	return !f->is_late;
}

static void attach(struct fixture *f)
{
	f->session = core_attach(f->core, on_packet, f);
	struct packet *hello = packet_new(PACKET_HELLO, 0);
	hello->text = memory_text("test");
	hello->value[0] = PACKET_VERSION;
	tell(f, hello);
}

static void open_core(struct fixture *f)
{
	struct why why = {""};
	f->loop = loop_new();
	f->limit = timer_new(f->loop, on_limit, f);
	f->settle = (struct task){.run = settle_all, .owner = f};
	packets_init(&f->got);
	packets_init(&f->to_settle);
	f->done = f->done_ok = f->leases = 0;
	if (core_open(f->loop, f->directory, &f->settings->broker, f->routing, &f->core, &why)) {
		print_error("%s\n", why.text);
		assert_true(false);
	}
	attach(f);
}

static void close_core(struct fixture *f)
{
	core_detach(&f->session);
	core_close(&f->core);
	packets_free_all(&f->got);
	packets_free_all(&f->to_settle);
	timer_free(&f->limit);
	loop_free(&f->loop);
}

static void setup_settings(struct fixture *f, const char *site)
{
	char yaml[256];
	(void)snprintf(yaml, sizeof yaml,
		       "broker: {delivery_limit: 3, min_free: 0}\n"
		       "pools:\n  default: {}\nsites:\n  %s:\n    domains: [gmail.test]\n",
		       site);
	f->settings = test_settings_load(yaml, &f->conf);
	f->routing = routing_new(&f->settings->routing);
}

static int setup(void **state)
{
	struct fixture *f = memory_new(sizeof *f);
	directory_make(f->directory);
	setup_settings(f, "gmail");
	open_core(f);
	*state = f;
	return 0;
}

static void free_settings(struct fixture *f)
{
	routing_free(&f->routing);
	conf_free(&f->conf);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	close_core(f);
	free_settings(f);
	directory_remove(f->directory);
	free(f);
	return 0;
}

static void publish(struct fixture *f, enum exchange exchange, const char *key, const char *body,
		    int64_t not_before)
{
	static uint64_t tag;
	struct packet *packet = packet_new(PACKET_PUBLISH, ++tag);
	struct record record = {.exchange = exchange,
				.key = key,
				.message_id = "",
				.content_type = "",
				.content_encoding = "",
				.reason = "",
				.body_size = strlen(body),
				.body = bytes_of(body)};
	assert_int_equal(record_encode(&record, BYTES_NONE, &packet->record), OK);
	packet->value[0] = not_before;
	tell(f, packet);
}

static void publish_many(struct fixture *f, size_t count, int64_t not_before)
{
	char body[32];
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(body, sizeof body, "m%06zu", i);
		publish(f, EXCHANGE_DELIVER, NAMED, body, not_before);
	}
	assert_true(run(f, f->done + count, 0, 20000));
	assert_int_equal(f->done_ok, f->done);
}

static void consume(struct fixture *f, uint64_t tag, const char *queue, int64_t prefetch)
{
	struct packet *packet = packet_new(PACKET_CONSUME, tag);
	packet->text = memory_text(queue);
	packet->value[0] = prefetch;
	tell(f, packet);
}

static void settle(struct fixture *f, const struct packet *lease, enum settlement how,
		   int64_t delay_ms)
{
	struct packet *packet = packet_new(PACKET_SETTLE, (uint64_t)lease->value[0]);
	packet->value[0] = how;
	packet->value[1] = delay_ms;
	tell(f, packet);
}

static struct packet *take_lease(struct fixture *f)
{
	struct packet *packet;
	while ((packet = packets_take(&f->got))) {
		if (packet->kind == PACKET_LEASE)
			return packet;
		packet_free(&packet);
	}
	return NULL;
}

static void assert_body(const struct packet *lease, const char *body)
{
	struct record record;
	assert_int_equal(record_parse(shared_bytes(lease->record), &record), OK);
	assert_true(bytes_is(record.body, body));
}

/* What INSPECT tells of it: packet.h. */
static int64_t told(struct fixture *f, const char *queue, size_t value)
{
	int64_t ret = -1;
	struct packet *packet;
	tell(f, packet_new(PACKET_INSPECT, 99));
	while ((packet = packets_take(&f->got))) {
		if (packet->kind == PACKET_QUEUE && strcmp(packet->text, queue) == 0)
			ret = packet->value[value];
		packet_free(&packet);
	}
	return ret;
}

static int64_t ready(struct fixture *f, const char *queue)
{
	return told(f, queue, 0);
}

static int64_t oldest_ms(struct fixture *f, const char *queue)
{
	return told(f, queue, 3);
}

/* ---- ---- */

static void test_a_backlog_larger_than_the_window_comes_in_order(void **state)
{
	struct fixture *f = *state;
	char body[32];
	publish_many(f, 5000, 0);
	assert_int_equal(ready(f, QUEUE), 5000);
	consume(f, 1, QUEUE, 7);
	for (size_t i = 0; i < 5000; i++) {
		struct packet *lease = take_lease(f);
		if (!lease) {
			assert_true(run(f, 0, f->leases + 1, 5000));
			lease = take_lease(f);
		}
		(void)snprintf(body, sizeof body, "m%06zu", i);
		assert_body(lease, body);
		assert_int_equal(lease->value[1], 0);
		settle(f, lease, SETTLE_ACK, 0);
		packet_free(&lease);
	}
	assert_int_equal(ready(f, QUEUE), 0);
}

static void test_a_backlog_is_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	publish_many(f, 3000, 0);
	publish_many(f, 10, 4000000000000);
	close_core(f);
	open_core(f);
	assert_int_equal(ready(f, QUEUE), 3000);
	assert_int_equal(ready(f, "waiting"), 10);
	publish_many(f, 1, 0);
	f->settles = true;
	consume(f, 1, QUEUE, 100);
	assert_true(run(f, 0, 3001, 20000));
	f->settles = false;
	assert_false(run(f, 0, 3002, 100));
}

static void test_the_age_of_a_backlog_is_known_before_anybody_takes_it(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(oldest_ms(f, QUEUE), -1);
	publish_many(f, 2, 0);
	close_core(f);
	open_core(f);
	assert_true(oldest_ms(f, QUEUE) >= 0);
	assert_int_equal(ready(f, QUEUE), 2);
}

static void test_a_site_that_is_no_longer_set_keeps_its_mail_from_being_unfollowed(void **state)
{
	struct fixture *f = *state;
	publish_many(f, 2, 0);
	close_core(f);
	free_settings(f);
	setup_settings(f, "googlemail");
	open_core(f);
	struct packet *packet = packet_new(PACKET_UNSUBSCRIBE, 1);
	packet->text = memory_text(QUEUE);
	packet->value[0] = 1;
	tell(f, packet);
	assert_true(run(f, 1, 0, 5000));
	assert_int_equal(f->done_ok, 0);
	assert_int_equal(ready(f, QUEUE), 2);
}

static void publish_to_tail(struct fixture *f)
{
	publish(f, EXCHANGE_DELIVER, "default.elsewhere.test", "m", 0);
	assert_true(run(f, f->done + 1, 0, 5000));
}

/* The consumer that the next lease is for. */
static uint64_t next_taker(struct fixture *f)
{
	size_t before = f->leases;
	publish_to_tail(f);
	if (f->leases == before)
		assert_true(run(f, 0, before + 1, 5000));
	struct packet *lease = take_lease(f);
	uint64_t taker = lease->tag;
	packet_free(&lease);
	return taker;
}

static void pause_consumer(struct fixture *f, uint64_t tag, bool is_paused)
{
	struct packet *packet = packet_new(PACKET_PAUSE, tag);
	packet->value[0] = is_paused;
	tell(f, packet);
}

static void test_who_pauses_leaves_a_tail_to_the_next(void **state)
{
	struct fixture *f = *state;
	char tail[QUEUE_NAME_MAX];
	unsigned shard = 0;
	publish_to_tail(f);
	do
		queue_tail_name("default", shard++, tail);
	while (ready(f, tail) <= 0 && shard < ROUTING_TAIL_SHARDS);
	consume(f, 1, tail, 100);
	consume(f, 2, tail, 100);
	assert_true(run(f, 0, 1, 5000)); /* what was there */
	packets_free_all(&f->got);
	assert_int_equal(next_taker(f), 1);
	pause_consumer(f, 1, true);
	assert_int_equal(next_taker(f), 2);
	pause_consumer(f, 1, false);
	assert_int_equal(next_taker(f), 2); /* one at a time: not back to the first */
	pause_consumer(f, 2, true);
	assert_int_equal(next_taker(f), 1);
}

/* A child that takes a lease and dies with it, like a worker that a message kills. */
static void take_and_die(struct fixture *f)
{
	pid_t child = fork();
	if (child == 0) {
		open_core(f);
		consume(f, 1, QUEUE, 1);
		(void)run(f, 0, 1, 10000);
		_exit(take_lease(f) ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
}

static void test_what_kills_the_process_each_time_is_buried(void **state)
{
	struct fixture *f = *state;
	publish_many(f, 2, 0);
	close_core(f);
	for (int i = 0; i < 3; i++)
		take_and_die(f);
	open_core(f);
	consume(f, 1, QUEUE, 1);
	assert_true(run(f, 0, 1, 5000));
	struct packet *lease = take_lease(f);
	assert_body(lease, "m000001"); /* the first is buried, the second was never taken */
	packet_free(&lease);
	assert_int_equal(ready(f, "buried"), 1);
}

static void test_after_a_clean_end_nothing_counts_as_taken(void **state)
{
	struct fixture *f = *state;
	publish_many(f, 1, 0);
	for (int i = 0; i < 5; i++) {
		close_core(f);
		open_core(f);
	}
	consume(f, 1, QUEUE, 1);
	assert_true(run(f, 0, 1, 5000));
	struct packet *lease = take_lease(f);
	assert_int_equal(lease->value[1], 0);
	packet_free(&lease);
}

static void test_who_leaves_with_leases_three_times_buries_them(void **state)
{
	struct fixture *f = *state;
	publish_many(f, 1, 0);
	for (int i = 0; i < 3; i++) {
		consume(f, 1, QUEUE, 1);
		assert_true(run(f, 0, f->leases + 1, 5000));
		struct packet *lease = take_lease(f);
		assert_int_equal(lease->value[1], i > 0);
		packet_free(&lease);
		core_detach(&f->session);
		attach(f);
	}
	consume(f, 1, QUEUE, 1);
	assert_false(run(f, 0, f->leases + 1, 200));
	assert_int_equal(ready(f, "buried"), 1);
}

static void test_the_view_shows_what_waits_and_lets_it_go(void **state)
{
	struct fixture *f = *state;
	int64_t due = loop_wall_ms(f->loop) + 3600000;
	publish_many(f, 1200, due);
	consume(f, 5, "waiting", 2000);
	size_t taken = 0;
	while (taken < 700) {
		struct packet *lease = take_lease(f);
		if (!lease) {
			assert_true(run(f, 0, f->leases + 1, 5000));
			continue;
		}
		assert_int_equal(lease->value[2], due);
		settle(f, lease, SETTLE_ACK, 0);
		packet_free(&lease);
		taken++;
	}
	core_detach(&f->session);
	attach(f);
	assert_false(run(f, 0, f->leases + 1, 200)); /* the removals are committed */
	assert_int_equal(ready(f, "waiting"), 500);
}

static void test_what_is_due_at_once_comes_in_batches_and_none_twice(void **state)
{
	struct fixture *f = *state;
	int64_t due = loop_wall_ms(f->loop) + 1500;
	publish_many(f, 3500, due);
	f->settles = true;
	consume(f, 1, QUEUE, 100);
	assert_false(run(f, 0, 1, 10));
	assert_true(run(f, 0, 3500, 20000));
	assert_true(loop_wall_ms(f->loop) >= due - 50);
	assert_false(run(f, 0, 3501, 100));
	f->settles = false;
	assert_int_equal(ready(f, "waiting"), 0);
}

static void make_body(struct fixture *f, const char *name, const char *text)
{
	char path[4096];
	(void)snprintf(path, sizeof path, "%s/bodies/%s", f->directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static bool has_body(struct fixture *f, const char *name)
{
	char path[4096];
	(void)snprintf(path, sizeof path, "%s/bodies/%s", f->directory, name);
	return access(path, F_OK) == 0;
}

static void publish_file(struct fixture *f, uint64_t file, uint64_t size)
{
	struct packet *packet = packet_new(PACKET_PUBLISH, 1000 + file);
	struct record record = {.exchange = EXCHANGE_DELIVER,
				.key = NAMED,
				.message_id = "",
				.content_type = "",
				.content_encoding = "",
				.reason = "",
				.file = file,
				.body_size = size};
	assert_int_equal(record_encode(&record, BYTES_NONE, &packet->record), OK);
	tell(f, packet);
}

static void test_a_large_body_lives_as_long_as_its_message(void **state)
{
	struct fixture *f = *state;
	make_body(f, "0000000000000007", "seven");
	make_body(f, "0000000000000008", "nobody's");
	publish_file(f, 7, 5);
	publish_file(f, 9, 5); /* there is no such file */
	assert_true(run(f, 2, 0, 5000));
	assert_int_equal(f->done_ok, 1);
	close_core(f);
	open_core(f);
	assert_true(has_body(f, "0000000000000007"));
	assert_false(has_body(f, "0000000000000008"));
	consume(f, 1, QUEUE, 1);
	assert_true(run(f, 0, 1, 5000));
	struct packet *lease = take_lease(f);
	settle(f, lease, SETTLE_BURY, 0);
	packet_free(&lease);
	consume(f, 2, "buried", 1);
	assert_true(run(f, 0, 2, 5000));
	assert_true(has_body(f, "0000000000000007"));
	lease = take_lease(f);
	settle(f, lease, SETTLE_ACK, 0);
	packet_free(&lease);
	assert_false(run(f, 0, 3, 200)); /* until the removal is committed */
	assert_false(has_body(f, "0000000000000007"));
}

static void test_packets_that_make_no_sense_are_refused(void **state)
{
	struct fixture *f = *state;
	struct packet *packet = packet_new(PACKET_SETTLE, 12345);
	assert_int_equal(session_receive(f->session, packet), E_MALFORMED);
	assert_int_equal(session_receive(f->session, packet_new(PACKET_PUBLISH, 1)), E_MALFORMED);
	assert_int_equal(session_receive(f->session, packet_new(PACKET_LEASE, 1)), E_MALFORMED);
	assert_int_equal(session_receive(f->session, packet_new(PACKET_CONSUME, 1)), E_MALFORMED);
	assert_int_equal(session_receive(f->session, packet_new(PACKET_SUBSCRIBE, 1)), E_MALFORMED);
	assert_int_equal(session_receive(f->session, packet_new(PACKET_APPEND, 1)), E_MALFORMED);
	assert_int_equal(session_receive(f->session, packet_new(PACKET_PAUSE, 77)), E_MALFORMED);
	assert_int_equal(session_receive(f->session, packet_new(PACKET_HELLO, 0)), E_MALFORMED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_backlog_larger_than_the_window_comes_in_order),
		TEST(test_a_backlog_is_there_after_reopening),
		TEST(test_the_age_of_a_backlog_is_known_before_anybody_takes_it),
		TEST(test_a_site_that_is_no_longer_set_keeps_its_mail_from_being_unfollowed),
		TEST(test_who_pauses_leaves_a_tail_to_the_next),
		TEST(test_what_kills_the_process_each_time_is_buried),
		TEST(test_after_a_clean_end_nothing_counts_as_taken),
		TEST(test_who_leaves_with_leases_three_times_buries_them),
		TEST(test_the_view_shows_what_waits_and_lets_it_go),
		TEST(test_what_is_due_at_once_comes_in_batches_and_none_twice),
		TEST(test_a_large_body_lives_as_long_as_its_message),
		TEST(test_packets_that_make_no_sense_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
