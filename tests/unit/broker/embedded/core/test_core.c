/* The core alone, in turns that no client gets by luck: a disk that is full or slow at the wrong moment, a queue that goes while
 * something of it is on its way to the disk, more subscribers than usual. */
#include "tests/store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "broker/broker.h"
#include "broker/embedded/core/core.h"
#include "broker/embedded/packet/record.h"
#include "broker/engine.h"
#include "lib/base/memory.h"

#define SUBSCRIBERS    300
#define BODY_PATH_SIZE (DIRECTORY_SIZE + 32)

/* ---- the disk: the core's calls come here, because the program's own come before the C library's ---- */

static atomic_bool is_disk_full;
static atomic_int full_syncs; /* that many more find the disk full */
static atomic_int sync_ms;

int fdatasync(int fd)
{
	struct timespec wait = {.tv_nsec = (long)sync_ms * 1000000};
	(void)nanosleep(&wait, NULL);
	bool is_full = is_disk_full || (full_syncs > 0 && full_syncs-- > 0);
	if (!is_full)
		return (int)syscall(SYS_fdatasync, fd);
	errno = ENOSPC;
	return -1;
}

/* ---- a client ---- */

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct broker_settings settings;
	struct site_settings site;
	struct routing_settings routing_settings;
	struct routing *routing;
	struct loop *loop;
	struct timer *limit;
	struct core *core;
	struct session *session;

	uint64_t asked; /* the last tag */
	size_t done, failed, leases;
	enum err failure; /* the last one */
	uint64_t lease;	  /* the last one */
	bool is_redelivered;
	size_t shown;	 /* by INSPECT, of queues with something in them */
	size_t expected; /* of `done` or `leases`; the loop stops there */
	const size_t *counted;
};

static void on_packet(void *owner, struct packet *packet)
{
	struct fixture *f = owner;
	if (packet->kind == PACKET_DONE) {
		f->done++;
		f->failed += packet->value[0] != OK;
		if (packet->value[0] != OK)
			f->failure = (enum err)packet->value[0];
	} else if (packet->kind == PACKET_LEASE) {
		f->leases++;
		f->lease = (uint64_t)packet->value[0];
		f->is_redelivered = packet->value[1] != 0;
	} else if (packet->kind == PACKET_QUEUE) {
		f->shown += packet->value[0] > 0;
	}
	packet_free(&packet);
	if (f->counted && *f->counted >= f->expected)
		loop_stop(f->loop);
}

static void on_limit(void *owner)
{
	struct fixture *f = owner;
	loop_stop(f->loop);
}

/* Until so many have come, or for limit_ms. */
static void run(struct fixture *f, const size_t *counted, size_t expected, int64_t limit_ms)
{
	f->counted = counted;
	f->expected = expected;
	if (counted && *counted >= expected)
		return;
	timer_start(f->limit, limit_ms);
	loop_run(f->loop);
	timer_stop(f->limit);
	f->counted = NULL;
}

static void send_packet(struct fixture *f, enum packet_kind kind, uint64_t tag, const char *text,
			int64_t value)
{
	struct packet *packet = packet_new(kind, tag);
	packet->text = text ? memory_text(text) : NULL;
	packet->value[0] = value;
	assert_int_equal(session_receive(f->session, packet), OK);
}

static void consume(struct fixture *f, uint64_t tag, const char *queue)
{
	send_packet(f, PACKET_CONSUME, tag, queue, 10);
}

static void settle(struct fixture *f, enum settlement how, int64_t delay_ms)
{
	struct packet *packet = packet_new(PACKET_SETTLE, f->lease);
	packet->value[0] = how;
	packet->value[1] = delay_ms;
	assert_int_equal(session_receive(f->session, packet), OK);
}

static void subscribe_to(struct fixture *f, const char *queue, const char *pattern)
{
	struct packet *packet = packet_new(PACKET_SUBSCRIBE, ++f->asked);
	packet->text = memory_text(queue);
	packet->more = memory_text(pattern);
	assert_int_equal(session_receive(f->session, packet), OK);
}

static void subscribe(struct fixture *f, const char *queue)
{
	subscribe_to(f, queue, "delivered.#");
}

static void publish(struct fixture *f, enum exchange exchange, uint64_t file,
		    int64_t not_before_wall_ms)
{
	struct packet *packet = packet_new(PACKET_PUBLISH, ++f->asked);
	struct record record = {.exchange = exchange,
				.since_wall_ms = loop_wall_ms(f->loop),
				.file = file,
				.body_size = 4,
				.key = exchange == EXCHANGE_RESULTS  ? "delivered.p.s"
				       : exchange == EXCHANGE_EVENTS ? "event.p.s"
								     : "p.s",
				.message_id = "",
				.content_type = "",
				.content_encoding = "",
				.reason = "",
				.body = file ? BYTES_NONE : BYTES("body")};
	packet->value[0] = not_before_wall_ms;
	assert_int_equal(record_encode(&record, BYTES_NONE, &packet->record), OK);
	assert_int_equal(session_receive(f->session, packet), OK);
}

static void wait_done(struct fixture *f)
{
	run(f, &f->done, f->asked, 20000);
	assert_int_equal(f->done, f->asked);
	assert_int_equal(f->failed, 0);
}

static void open_core(struct fixture *f)
{
	struct why why = {""};
	enum err err = core_open(f->loop, f->directory, &f->settings, f->routing, &f->core, &why);
	assert_string_equal(why.text, "");
	assert_int_equal(err, OK);
	f->session = core_attach(f->core, on_packet, f);
	send_packet(f, PACKET_HELLO, 0, "worker", PACKET_VERSION);
}

static void close_core(struct fixture *f)
{
	core_detach(&f->session);
	core_close(&f->core);
}

static int set_up(void **state)
{
	struct fixture *f = memory_new(sizeof *f);
	directory_make(f->directory);
	f->settings.delivery_limit = 50;
	f->site.name = "default";
	f->routing_settings.sites.items = &f->site;
	f->routing_settings.sites.count = 1;
	f->routing = routing_new(&f->routing_settings);
	f->loop = loop_new();
	f->limit = timer_new(f->loop, on_limit, f);
	open_core(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	is_disk_full = false;
	full_syncs = 0;
	sync_ms = 0;
	close_core(f);
	timer_free(&f->limit);
	loop_free(&f->loop);
	routing_free(&f->routing);
	directory_remove(f->directory);
	free(f);
	return 0;
}

/* ---- a full disk ---- */

static void test_what_fell_due_on_a_full_disk_comes_when_there_is_space(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_DELIVER, 0, loop_wall_ms(f->loop) + 200);
	wait_done(f);
	is_disk_full = true;
	run_for(f->loop, 600);
	is_disk_full = false;
	consume(f, 1000, QUEUE_LOST);
	run(f, &f->leases, 1, 5000);
	assert_int_equal(f->leases, 1);
}

static void test_the_core_ends_while_what_fell_due_waits_for_space(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_DELIVER, 0, loop_wall_ms(f->loop) + 200);
	wait_done(f);
	is_disk_full = true;
	sync_ms = 400;
	publish(f, EXCHANGE_DELIVER, 0, 0); /* being tried when that falls due */
	run_for(f->loop, 300);
	close_core(f);
	is_disk_full = false;
	sync_ms = 0;
	open_core(f);
	consume(f, 1000, QUEUE_LOST);
	run(f, &f->leases, 1, 5000);
	assert_int_equal(f->leases, 1);
}

static void
test_what_was_settled_on_a_full_disk_is_kept_at_the_end_when_there_is_space(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_DELIVER, 0, 0);
	consume(f, 1000, QUEUE_LOST);
	wait_done(f);
	run(f, &f->leases, 1, 5000);
	is_disk_full = true;
	settle(f, SETTLE_ACK, 0);
	run_for(f->loop, 50); /* tried, and to be tried again */
	is_disk_full = false;
	close_core(f);
	open_core(f);
	consume(f, 1000, QUEUE_LOST);
	run(f, &f->leases, 2, 500);
	assert_int_equal(f->leases, 1);
}

/* Making room for it is what the reserve is for. */
static void test_an_end_that_finds_the_disk_full_once_is_a_clean_one(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_DELIVER, 0, 0);
	wait_done(f);
	full_syncs = 1;
	close_core(f);
	open_core(f);
	consume(f, 1000, QUEUE_LOST);
	run(f, &f->leases, 1, 5000);
	assert_int_equal(f->leases, 1);
	assert_false(f->is_redelivered);
}

/* ---- a slow disk ---- */

static void test_what_waits_is_shown_also_to_who_came_during_a_commit(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_DELIVER, 0, loop_wall_ms(f->loop) + 3600000);
	wait_done(f);
	sync_ms = 100;
	publish(f, EXCHANGE_DELIVER, 0, 0);
	run_for(f->loop, 50);
	consume(f, 1000, QUEUE_WAITING);
	run(f, &f->leases, 1, 2000);
	assert_int_equal(f->leases, 1);
}

/* A client waits for a few seconds only and then asks anew; what it gave up is here all the same. */
static void test_a_disk_that_stands_still_does_not_fill_the_memory(void **state)
{
	struct fixture *f = *state;
	sync_ms = 900;
	for (size_t i = 0; i < 100000; i++)
		publish(f, EXCHANGE_DELIVER, 0, 0);
	run(f, &f->failed, 1, 5000);
	assert_int_not_equal(f->failed, 0);
	assert_int_equal(f->failure, E_BLOCKED);
	sync_ms = 0;
	run(f, &f->done, f->asked, 60000);
	assert_int_equal(f->done, f->asked);
	f->failed = 0;
	publish(f, EXCHANGE_DELIVER, 0, 0);
	wait_done(f);
}

/* ---- a queue that goes ---- */

static void test_a_queue_goes_while_what_fell_due_in_it_is_being_written(void **state)
{
	struct fixture *f = *state;
	subscribe(f, "q");
	publish(f, EXCHANGE_RESULTS, 0, 0);
	wait_done(f);
	consume(f, 1000, "q");
	run(f, &f->leases, 1, 5000);
	settle(f, SETTLE_RETRY, 200);
	send_packet(f, PACKET_CANCEL, 1000, NULL, 0);
	run_for(f->loop, 100);
	sync_ms = 300;
	run_for(f->loop, 200); /* its promotion is being synced */
	send_packet(f, PACKET_UNSUBSCRIBE, ++f->asked, "q", 1);
	wait_done(f);
}

/* In a queue "q" and no other, its body in a file. */
static void publish_large(struct fixture *f, char path[BODY_PATH_SIZE])
{
	(void)snprintf(path, BODY_PATH_SIZE, "%s/bodies/%016" PRIx64, f->directory, (uint64_t)7);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "body", 4), 4);
	(void)close(fd);
	subscribe_to(f, "q", "event.#");
	publish(f, EXCHANGE_EVENTS, 7, 0);
	wait_done(f);
}

static void test_large_bodies_of_a_queue_that_went_are_gone_with_the_next_start(void **state)
{
	struct fixture *f = *state;
	char path[BODY_PATH_SIZE];
	publish_large(f, path);
	send_packet(f, PACKET_UNSUBSCRIBE, ++f->asked, "q", 1);
	wait_done(f);
	close_core(f);
	open_core(f);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_a_queue_goes_while_a_large_body_of_it_is_being_removed(void **state)
{
	struct fixture *f = *state;
	char path[BODY_PATH_SIZE];
	publish_large(f, path);
	consume(f, 1000, "q");
	run(f, &f->leases, 1, 5000);
	settle(f, SETTLE_ACK, 0);
	send_packet(f, PACKET_CANCEL, 1000, NULL, 0);
	send_packet(f, PACKET_UNSUBSCRIBE, ++f->asked, "q", 0);
	wait_done(f);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- many ---- */

static void test_an_event_reaches_every_subscriber(void **state)
{
	struct fixture *f = *state;
	char name[16];
	for (int i = 0; i < SUBSCRIBERS; i++) {
		(void)snprintf(name, sizeof name, "q%d", i);
		subscribe(f, name);
	}
	publish(f, EXCHANGE_RESULTS, 0, 0);
	send_packet(f, PACKET_INSPECT, ++f->asked, NULL, 0);
	wait_done(f);
	f->shown = 0;
	send_packet(f, PACKET_INSPECT, ++f->asked, NULL, 0);
	wait_done(f);
	assert_int_equal(f->shown, SUBSCRIBERS + 1); /* and the bouncer */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_fell_due_on_a_full_disk_comes_when_there_is_space, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_the_core_ends_while_what_fell_due_waits_for_space, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_was_settled_on_a_full_disk_is_kept_at_the_end_when_there_is_space,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_an_end_that_finds_the_disk_full_once_is_a_clean_one, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_waits_is_shown_also_to_who_came_during_a_commit, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_disk_that_stands_still_does_not_fill_the_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_queue_goes_while_what_fell_due_in_it_is_being_written, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_large_bodies_of_a_queue_that_went_are_gone_with_the_next_start, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_queue_goes_while_a_large_body_of_it_is_being_removed, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_an_event_reaches_every_subscriber, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
