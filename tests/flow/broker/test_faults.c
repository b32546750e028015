/* What the broker's promises are worth when the broker itself is killed, stopped, starved of
 * memory, or loses a queue. Only against a node that the fixture started. */
#include <stdio.h>
#include <string.h>

#include "tests/flow/broker/fixture_broker.h"

#include "tests/check.h"

#define NAMED	  "default.gmail"
#define BIG_BYTES ((size_t)25 << 20)

static const char *named_queue(void)
{
	static char name[QUEUE_NAME_MAX];
	queue_delivery_name("default", "gmail", name);
	return name;
}

static void publish_numbered(struct fixture *f, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		char body[32];
		(void)snprintf(body, sizeof body, "m%05zu", i);
		publish(f, EXCHANGE_DELIVER, NAMED, body);
	}
}

static bool is_away(void *arg)
{
	return broker_state(((struct fixture *)arg)->broker) == BROKER_AWAY;
}

static bool is_blocked(void *arg)
{
	return broker_state(((struct fixture *)arg)->broker) == BROKER_BLOCKED;
}

static bool has_none_pending(void *arg)
{
	return broker_unconfirmed_count(((struct fixture *)arg)->broker) == 0;
}

static void test_leases_of_a_dropped_connection_come_back_redelivered(void **state)
{
	struct fixture *f = *state;
	publish_numbered(f, 0, 3);
	assert_all_published(f);
	struct taker *taker = taker_new(f, named_queue(), 10, 0);
	assert_true(wait_taken(taker, 3));
	taker_ack(taker, 0);
	run_for(f, 50);
	node_do("ctl close_all_connections test");
	assert_true(wait_taken(taker, 5)); /* the consumer goes on by itself */
	assert_true(lease_is_lost(taker->leases[1]));
	assert_true(lease_is_redelivered(taker->leases[3]));
	assert_body(taker->leases[3], "m00001");
	assert_body(taker->leases[4], "m00002");
	taker_ack(taker, 1); /* too late: does nothing */
	taker_ack(taker, 3);
	taker_ack(taker, 4);
	run_for(f, 200);
	assert_int_equal(taker->count, 5);
	wait_ready(f);
	taker_free(&taker);
}

static void stop_and_start(struct fixture *f, const char *verb)
{
	publish_numbered(f, 0, 200);
	assert_all_published(f);
	struct taker *taker = taker_new(f, named_queue(), 20, 0);
	assert_true(wait_taken(taker, 20));

	publish_numbered(f, 200, 300); /* some of these may be under way when it goes */
	run_for(f, 1);
	node_do("%s", verb);
	assert_true(run_until(f, is_away, f, WAIT_MS));
	wait_published(f);
	size_t kept = f->published.by_err[OK];
	assert_true(kept >= 200);
	/* The loop stood still while the node ended, so the time of some may be over. */
	assert_int_equal(kept + f->published.by_err[E_CLOSED] + f->published.by_err[E_AWAY] +
				 f->published.by_err[E_TIMEOUT],
			 300);
	publish(f, EXCHANGE_DELIVER, NAMED, "while away");
	wait_published(f);
	assert_true(f->published.by_err[E_AWAY] >= 1);
	assert_true(lease_is_lost(taker->leases[0]));

	taker->acks_at_once = true;
	size_t before = taker->count;
	node_do("start");
	wait_ready(f);
	publish(f, EXCHANGE_DELIVER, NAMED, "after");
	wait_published(f);
	while (strcmp(taker->last_body, "after") != 0) /* in order, so all others came before it */
		assert_true(wait_taken(taker, taker->count + 1));
	assert_true(taker->count - before >= kept + 1);
	taker_free(&taker);
}

static void test_a_killed_broker_loses_nothing_that_was_confirmed(void **state)
{
	stop_and_start(*state, "kill");
}

static void test_a_stopped_broker_loses_nothing_that_was_confirmed(void **state)
{
	stop_and_start(*state, "stop");
}

static void test_an_alarm_blocks_publishing_and_passes(void **state)
{
	struct fixture *f = *state;
	struct taker *taker = taker_new(f, named_queue(), 10, 0);
	publish(f, EXCHANGE_DELIVER, NAMED, "before");
	assert_true(wait_taken(taker, 1));
	node_do("ctl set_vm_memory_high_watermark absolute 1MB");
	publish(f, EXCHANGE_DELIVER, NAMED,
		"in doubt"); /* the broker tells only those who publish */
	assert_true(run_until(f, is_blocked, f, WAIT_MS));
	publish(f, EXCHANGE_DELIVER, NAMED, "refused");
	wait_published(f);
	assert_int_equal(f->published.by_err[E_BLOCKED], 1);
	assert_int_equal(f->published.by_err[E_TIMEOUT], 1);
	taker_ack(taker, 0); /* consuming goes on */

	node_do("ctl set_vm_memory_high_watermark absolute 1GB");
	wait_ready(f);
	publish(f, EXCHANGE_DELIVER, NAMED, "after");
	assert_true(wait_taken(taker, 3));
	assert_body(taker->leases[1], "in doubt");
	assert_body(taker->leases[2], "after");
	taker_free(&taker);
}

static void test_a_deleted_queue_is_made_again_and_consumed(void **state)
{
	struct fixture *f = *state;
	struct taker *taker = taker_new(f, named_queue(), 10, 0),
		     *neighbour = taker_new(f, QUEUE_SUBMIT_TX, 10, 0);
	publish(f, EXCHANGE_SUBMIT, "tx", "neighbour");
	publish(f, EXCHANGE_DELIVER, NAMED, "one");
	assert_true(wait_taken(taker, 1));
	assert_true(wait_taken(neighbour, 1));
	node_do("ctl delete_queue %s%s", f->settings->prefix, named_queue());
	for (int i = 0; i < 50 && taker->count < 2; i++) {
		publish(f, EXCHANGE_DELIVER, NAMED,
			"two"); /* goes to the tail until the queue is back */
		run_for(f, 100);
	}
	assert_true(wait_taken(taker, 2));
	assert_false(lease_is_lost(neighbour->leases[0]));
	assert_int_equal(f->published.by_err[OK], f->published.count);
	taker_free(&taker);
	taker_free(&neighbour);
}

static void test_a_queue_with_other_arguments_is_refused_with_a_reason(void **state)
{
	struct fixture *f = *state;
	struct why why = {""};
	struct fixture *g = fixture_new(f->settings->prefix, "  queue_type: classic");
	fixture_open(g);
	for (int i = 0; i < 100 && !broker_is_refused(g->broker, &why); i++)
		run_for(g, 50);
	assert_true(broker_is_refused(g->broker, &why));
	assert_int_equal(broker_state(g->broker), BROKER_AWAY);
	assert_non_null(strstr(why.text, "406"));
	assert_non_null(strstr(why.text, "other arguments"));
	fixture_free(&g);
	assert_true(is_ready(f)); /* neighbours go on */
}

static void test_a_wrong_password_is_told_and_tried_again(void **state)
{
	struct fixture *f = *state;
	node_do("ctl change_password guest other");
	broker_close(&f->broker);
	fixture_open(f);
	run_for(f, 700);
	assert_int_equal(broker_state(f->broker), BROKER_AWAY);
	node_do("ctl change_password guest guest");
	wait_ready(f);
}

/* AddressSanitizer keeps what was freed, which would hide what is held. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1";
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
	(void)fclose(file);
	return pages * 4;
}

static struct blob *big_blob(void)
{
	struct blob_writer *writer = blob_writer_new("/tmp", 64 << 10);
	struct why why;
	uint8_t piece[4096];
	for (size_t at = 0; at < BIG_BYTES; at += sizeof piece) {
		for (size_t i = 0; i < sizeof piece; i++)
			piece[i] = (uint8_t)((at + i) * 31 >> 8);
		assert_int_equal(blob_writer_append(writer, bytes_from(piece, sizeof piece), &why),
				 OK);
	}
	return blob_writer_finish(&writer);
}

static bool is_big_body(struct bytes body)
{
	if (body.len != BIG_BYTES + 4)
		return false;
	for (size_t i = 4; i < body.len; i++) {
		if (body.data[i] != (uint8_t)((i - 4) * 31 >> 8))
			return false;
	}
	return true;
}

static void test_large_bodies_are_sent_from_their_file_in_little_memory(void **state)
{
	struct fixture *f = *state;
	enum { COUNT = 8 };
	struct blob *blob = big_blob();
	long before_kib = resident_kib();
	for (int i = 0; i < COUNT; i++) {
		f->published.asked++;
		broker_publish(f->broker,
			       &(struct publication){.exchange = EXCHANGE_DELIVER,
						     .key = NAMED,
						     .head = BYTES("head"),
						     .tail = blob},
			       note_outcome, &f->published);
	}
	assert_int_equal(broker_unconfirmed_bytes(f->broker), COUNT * (BIG_BYTES + 4));
	blob_unref(&blob);
	long peak_kib = 0;
	for (int i = 0; i < 2000 && broker_unconfirmed_count(f->broker) > 0; i++) {
		run_for(f, 5);
		peak_kib = resident_kib() > peak_kib ? resident_kib() : peak_kib;
	}
	assert_true(run_until(f, has_none_pending, f, WAIT_MS));
	print_message("%d bodies of 25 MiB: %ld KiB more at the peak\n", COUNT,
		      peak_kib - before_kib);
	assert_true(peak_kib - before_kib < 16 << 10);
	/* Slow machines may take longer than the time-out: what counts is that none was refused or
	 * lost. */
	assert_int_equal(f->published.by_err[OK] + f->published.by_err[E_TIMEOUT], COUNT);

	struct taker *taker = taker_new(f, named_queue(), COUNT, 30 << 20);
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(wait_taken(taker, i + 1));
		assert_true(is_big_body(lease_body(taker->leases[i])));
		if (i == 0) {
			lease_retry(&taker->leases[0],
				    0); /* its body is sent again from the lease, not from a copy */
			taker->held_bytes = 0;
		} else {
			taker_ack(taker, i);
		}
	}
	assert_true(wait_taken(taker, COUNT + 1));
	assert_true(is_big_body(lease_body(taker->leases[COUNT])));
	taker_ack(taker, COUNT);
	taker_free(&taker);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_leases_of_a_dropped_connection_come_back_redelivered),
		TEST(test_a_killed_broker_loses_nothing_that_was_confirmed),
		TEST(test_a_stopped_broker_loses_nothing_that_was_confirmed),
		TEST(test_an_alarm_blocks_publishing_and_passes),
		TEST(test_a_deleted_queue_is_made_again_and_consumed),
		TEST(test_a_queue_with_other_arguments_is_refused_with_a_reason),
		TEST(test_a_wrong_password_is_told_and_tried_again),
		TEST(test_large_bodies_are_sent_from_their_file_in_little_memory),
	};
	return cmocka_run_group_tests(tests, node_setup_own, node_teardown);
}
