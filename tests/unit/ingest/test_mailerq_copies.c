/* A copy is published until its queue keeps it, once; queues that are missing are made within bounds, and what no queue takes is kept for
 * a person. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "ingest/mailerq_copies.h"
#include "tests/loop_fixture.h"
#include "tests/unit/ingest/fixture_broker.h"

#define FIRST_WAIT_MS 5
#define GIVE_UP_MS    60
#define PENDING	      ((enum err)ERR_COUNT)

struct sent {
	struct mailerq_copy copy;
	struct loop *loop;
	enum err err;
};

struct fixture {
	struct loop *loop;
	struct broker broker;
	struct mailerq_copies *copies;
	struct sent sent[4];
};

/* ---- the fixture ---- */

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->loop = loop_new();
	f->copies =
		mailerq_copies_new(&(struct mailerq_copies_options){.loop = f->loop,
								    .broker = &f->broker,
								    .made_max = 1,
								    .first_wait_ms = FIRST_WAIT_MS,
								    .give_up_ms = GIVE_UP_MS});
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	mailerq_copies_free(&f->copies);
	loop_free(&f->loop);
	free(f);
	return 0;
}

static void on_done(void *owner, enum err err)
{
	struct sent *sent = owner;
	assert_int_equal(sent->err, PENDING);
	sent->err = err;
}

static struct sent *send_to(struct fixture *f, size_t number, const char *queue,
			    const char *instead)
{
	struct sent *sent = &f->sent[number];
	*sent = (struct sent){.copy = {.queue = queue,
				       .instead = instead,
				       .id = "m-1",
				       .json = BYTES("{}"),
				       .done = on_done,
				       .owner = sent},
			      .err = PENDING};
	mailerq_copies_send(f->copies, &sent->copy);
	return sent;
}

static void assert_published(const struct fixture *f, size_t index, enum exchange exchange,
			     const char *key)
{
	assert_true(index < f->broker.count);
	assert_int_equal(f->broker.publications[index].exchange, exchange);
	assert_string_equal(f->broker.publications[index].key, key);
}

/* Until the broker has so many publications. */
static void run_until_published(struct fixture *f, size_t count)
{
	for (int i = 0; i < 1000 && f->broker.count < count; i++)
		run_for(f->loop, 5);
	assert_int_equal(f->broker.count, count);
}

/* Refuses all, until what a copy has asked for last is to be buried. */
static size_t refuse_until_buried(struct fixture *f, size_t index)
{
	for (;; index++) {
		run_until_published(f, index + 1);
		if (f->broker.publications[index].exchange == EXCHANGE_BURIED)
			return index;
		fake_broker_confirm(&f->broker, index, E_FULL);
	}
}

/* ---- the tests ---- */

static void test_one_that_is_refused_is_published_again_and_its_neighbour_is_not(void **state)
{
	struct fixture *f = *state;
	struct sent *full = send_to(f, 0, "full", NULL), *good = send_to(f, 1, "good", NULL);
	fake_broker_confirm(&f->broker, 0, E_FULL);
	fake_broker_confirm(&f->broker, 1, OK);
	assert_int_equal(good->err, OK);
	run_until_published(f, 3);
	assert_published(f, 2, EXCHANGE_FOREIGN, "full");
	fake_broker_confirm(&f->broker, 2, E_FULL);
	run_until_published(f, 4);
	assert_int_equal(full->err, PENDING);
	fake_broker_confirm(&f->broker, 3, OK);
	assert_int_equal(full->err, OK);
	run_for(f->loop, 4 * FIRST_WAIT_MS);
	assert_int_equal(f->broker.count, 4);
}

static void test_one_that_is_refused_for_long_is_buried(void **state)
{
	struct fixture *f = *state;
	struct sent *sent = send_to(f, 0, "full", NULL);
	size_t last = refuse_until_buried(f, 0);
	assert_true(last >= 2 &&
		    last <= 8); /* refused after 0, 5, 15, 35, 75 ms, if the machine is idle */
	assert_published(f, last, EXCHANGE_BURIED, "full");
	assert_int_equal(sent->err, PENDING);
	fake_broker_confirm(&f->broker, last, OK);
	assert_int_equal(sent->err, OK);
}

static void test_a_message_s_queue_that_was_given_up_gets_one_try(void **state)
{
	struct fixture *f = *state;
	(void)send_to(f, 0, "full", "results");
	size_t last = refuse_until_buried(f, 0);
	fake_broker_confirm(&f->broker, last, OK);
	(void)send_to(f, 0, "full", "results");
	fake_broker_confirm(&f->broker, last + 1, E_FULL);
	assert_published(f, last + 2, EXCHANGE_BURIED, "full");
	fake_broker_confirm(&f->broker, last + 2, OK);
	/* The queue of the settings is one that a reader will come back to. */
	(void)send_to(f, 0, "full", NULL);
	fake_broker_confirm(&f->broker, last + 3, E_FULL);
	assert_int_equal(f->broker.count, last + 4);
	run_until_published(f, last + 5);
	fake_broker_confirm(&f->broker, last + 4, OK);
	/* It takes results again. */
	struct sent *again = send_to(f, 0, "full", "results");
	fake_broker_confirm(&f->broker, last + 5, E_FULL);
	run_until_published(f, last + 7);
	fake_broker_confirm(&f->broker, last + 6, OK);
	assert_int_equal(again->err, OK);
}

static void test_a_broker_that_takes_nothing_is_not_the_fault_of_a_queue(void **state)
{
	struct fixture *f = *state;
	struct sent *sent = send_to(f, 0, "mine", "results");
	size_t index = 0;
	for (; sent->err == PENDING; index++) {
		run_until_published(f, index + 1);
		assert_published(f, index, EXCHANGE_FOREIGN, "mine");
		fake_broker_confirm(&f->broker, index, E_BLOCKED);
	}
	assert_int_equal(sent->err, E_BLOCKED);
	sent = send_to(f, 0, "mine", "results");
	fake_broker_confirm(&f->broker, index, E_CLOSED);
	assert_int_equal(sent->err, E_CLOSED); /* the lease is lost: it comes again */
}

static void test_queues_that_messages_name_are_made_within_bounds(void **state)
{
	struct fixture *f = *state;
	struct sent *first = send_to(f, 0, "one", "results"),
		    *second = send_to(f, 1, "two", "results"), *third = send_to(f, 2, "three", ""),
		    *ours = send_to(f, 3, "results", NULL);
	for (size_t i = 0; i < 4; i++)
		fake_broker_confirm(&f->broker, i, E_UNROUTABLE);
	assert_int_equal(f->broker.need_count, 2);
	assert_string_equal(f->broker.needs[0].key, "one");
	assert_string_equal(f->broker.needs[1].key, "results");
	assert_published(f, 4, EXCHANGE_FOREIGN, "results"); /* the second */
	assert_int_equal(third->err, OK);		     /* nobody is to have it */
	fake_broker_need(&f->broker, 0, OK);
	fake_broker_need(&f->broker, 1, OK);
	for (size_t i = 4; i < 7; i++)
		fake_broker_confirm(&f->broker, i, OK);
	assert_true(first->err == OK && second->err == OK && ours->err == OK);
	/* One that was made may be made again. */
	(void)send_to(f, 0, "one", "results");
	fake_broker_confirm(&f->broker, 7, E_UNROUTABLE);
	assert_int_equal(f->broker.need_count, 3);
	fake_broker_need(&f->broker, 2, E_REFUSED);
	assert_published(f, 8, EXCHANGE_BURIED, "one");
	/* One that could not be made makes room. */
	(void)send_to(f, 1, "two", "results");
	fake_broker_confirm(&f->broker, 9, E_UNROUTABLE);
	assert_int_equal(f->broker.need_count, 4);
	fake_broker_need(&f->broker, 3, OK);
	fake_broker_confirm(&f->broker, 10, E_UNROUTABLE);
	assert_published(f, 11, EXCHANGE_BURIED, "two"); /* and is gone again */
	fake_broker_confirm(&f->broker, 8, OK);
	fake_broker_confirm(&f->broker, 11, OK);
	assert_true(f->sent[0].err == OK && f->sent[1].err == OK);
}

static void test_the_end_tells_of_what_waits_and_later_of_what_is_under_way(void **state)
{
	struct fixture *f = *state;
	struct sent *waits = send_to(f, 0, "full", NULL), *under_way = send_to(f, 1, "mine", NULL);
	fake_broker_confirm(&f->broker, 0, E_FULL);
	mailerq_copies_free(&f->copies);
	assert_int_equal(waits->err, E_CANCELLED);
	assert_int_equal(under_way->err, PENDING);
	fake_broker_confirm(&f->broker, 1, E_UNROUTABLE);
	assert_int_equal(under_way->err, E_UNROUTABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_that_is_refused_is_published_again_and_its_neighbour_is_not),
		TEST(test_one_that_is_refused_for_long_is_buried),
		TEST(test_a_message_s_queue_that_was_given_up_gets_one_try),
		TEST(test_a_broker_that_takes_nothing_is_not_the_fault_of_a_queue),
		TEST(test_queues_that_messages_name_are_made_within_bounds),
		TEST(test_the_end_tells_of_what_waits_and_later_of_what_is_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
