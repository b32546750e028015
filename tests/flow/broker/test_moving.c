/* What operators' verbs stand on, for every engine: subscribers' queues are deleted only when nobody needs them, and what waits for
 * its time can be taken elsewhere and back without losing its time. */
#include "tests/check.h"

#include <stdio.h>

#include "tests/flow/broker/fixture_broker.h"

#define WAIT_LONG_MS 600000

/* ---- subscribers' queues ---- */

static enum err ended(struct fixture *f, struct outcome *outcome)
{
	while (outcome->count == 0)
		run_for(f, 10);
	for (int err = OK; err < ERR_COUNT; err++)
		if (outcome->by_err[err] > 0)
			return (enum err)err;
	return OK;
}

static enum err unsubscribe(struct fixture *f, const char *queue, bool drops_messages)
{
	struct outcome outcome = {0};
	broker_unsubscribe(f->broker, queue, drops_messages, note_outcome, &outcome);
	return ended(f, &outcome);
}

static void subscribe(struct fixture *f, const char *queue)
{
	struct outcome outcome = {0};
	broker_subscribe(f->broker, queue, "#", note_outcome, &outcome);
	assert_int_equal(ended(f, &outcome), OK);
}

static void test_a_queue_is_deleted_only_when_nobody_needs_it(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(unsubscribe(f, "crm", true), E_NOT_FOUND);
	subscribe(f, "crm");
	publish(f, EXCHANGE_RESULTS, "delivered.default.gmail", "one");
	assert_all_published(f);
	assert_int_equal(unsubscribe(f, "crm", false), E_FULL);

	struct taker *crm = taker_new(f, "crm", 10, 0);
	assert_true(wait_taken(crm, 1));
	assert_int_equal(unsubscribe(f, "crm", true), E_BLOCKED);
	taker_ack(crm, 0);
	taker_free(&crm);
	run_for(f, 300);
	assert_int_equal(unsubscribe(f, "crm", false), OK);
	assert_int_equal(unsubscribe(f, "crm", false), E_NOT_FOUND);
}

static void test_a_deleted_queue_begins_anew(void **state)
{
	struct fixture *f = *state;
	subscribe(f, "crm");
	publish(f, EXCHANGE_RESULTS, "delivered.default.gmail", "dropped");
	assert_all_published(f);
	assert_int_equal(unsubscribe(f, "crm", true), OK);
	publish(f, EXCHANGE_RESULTS, "delivered.default.gmail", "to nobody");
	assert_all_published(f);
	subscribe(f, "crm");
	publish(f, EXCHANGE_RESULTS, "delivered.default.gmail", "new");
	assert_all_published(f);
	struct taker *crm = taker_new(f, "crm", 10, 0);
	assert_true(wait_taken(crm, 1));
	assert_body(crm->leases[0], "new");
	taker_free(&crm);
}

/* ---- what waits ---- */

struct search {
	char name[QUEUE_NAME_MAX];
	int64_t ready;
};

static void find_waiting(void *owner, const struct queue_status *status)
{
	struct search *search = owner;
	if (!queue_is_waiting(status->name) || status->ready <= 0)
		return;
	(void)snprintf(search->name, sizeof search->name, "%s", status->name);
	search->ready += status->ready;
}

struct look {
	struct search search;
	struct outcome outcome;
};

static void on_queue(void *owner, const struct queue_status *status)
{
	find_waiting(&((struct look *)owner)->search, status);
}

static void on_looked(void *owner, enum err err)
{
	note_outcome(&((struct look *)owner)->outcome, err);
}

/* Which queue holds what waits, and how many there are. */
static struct search look(struct fixture *f)
{
	struct look look = {.search = {.name = ""}};
	broker_inspect(f->broker, false, on_queue, on_looked, &look);
	assert_int_equal(ended(f, &look.outcome), OK);
	return look.search;
}

static struct search wait_waiting(struct fixture *f, int64_t count)
{
	struct search search = look(f);
	for (int i = 0; i < 200 && search.ready != count; i++) {
		run_for(f, 50);
		search = look(f);
	}
	assert_int_equal(search.ready, count);
	return search;
}

static void test_what_waits_can_be_taken_with_its_time(void **state)
{
	struct fixture *f = *state;
	int64_t due_wall_ms = loop_wall_ms(f->loop) + WAIT_LONG_MS;
	publish_at(f, "default.gmail", "later", due_wall_ms);
	assert_all_published(f);
	struct search search = wait_waiting(f, 1);

	/* Released, it waits on. */
	struct taker *taker = taker_new(f, search.name, 10, 0);
	assert_true(wait_taken(taker, 1));
	assert_body(taker->leases[0], "later");
	assert_string_equal(lease_key(taker->leases[0]), "default.gmail");
	assert_int_equal(lease_exchange(taker->leases[0]), EXCHANGE_DELIVER);
	assert_int_equal(lease_not_before_wall_ms(taker->leases[0]), due_wall_ms);
	consumer_pause(taker->consumer, true);
	lease_release(&taker->leases[0]);
	taker_free(&taker);
	search = wait_waiting(f, 1);

	/* Acked, it is gone. */
	taker = taker_new(f, search.name, 10, 0);
	assert_true(wait_taken(taker, 1));
	assert_int_equal(lease_not_before_wall_ms(taker->leases[0]), due_wall_ms);
	taker_ack(taker, 0);
	taker_free(&taker);
	(void)wait_waiting(f, 0);
}

static void test_a_lease_that_was_retried_tells_where_it_belongs(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_RESULTS, "bounced.default.gmail", "result");
	assert_all_published(f);
	struct taker *bouncer = taker_new(f, QUEUE_BOUNCER_RESULTS, 10, 0);
	assert_true(wait_taken(bouncer, 1));
	lease_retry(&bouncer->leases[0], WAIT_LONG_MS);
	struct search search = wait_waiting(f, 1);
	taker_free(&bouncer);
	struct taker *taker = taker_new(f, search.name, 10, 0);
	assert_true(wait_taken(taker, 1));
	assert_int_equal(lease_exchange(taker->leases[0]), EXCHANGE_RESULTS);
	assert_true(lease_not_before_wall_ms(taker->leases[0]) > loop_wall_ms(f->loop));
	taker_free(&taker);
}

static void test_a_ready_message_has_no_time_and_keeps_its_encoding(void **state)
{
	struct fixture *f = *state;
	const struct publication publication = {.exchange = EXCHANGE_SUBMIT,
						.key = "tx",
						.head = BYTES("packed"),
						.content_type = "application/json",
						.content_encoding = "gzip"};
	f->published.asked++;
	broker_publish(f->broker, &publication, note_outcome, &f->published);
	assert_all_published(f);
	struct taker *taker = taker_new(f, QUEUE_SUBMIT_TX, 10, 0);
	assert_true(wait_taken(taker, 1));
	assert_string_equal(lease_content_encoding(taker->leases[0]), "gzip");
	assert_string_equal(lease_content_type(taker->leases[0]), "application/json");
	assert_int_equal(lease_not_before_wall_ms(taker->leases[0]), 0);
	taker_free(&taker);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_queue_is_deleted_only_when_nobody_needs_it),
		TEST(test_a_deleted_queue_begins_anew),
		TEST(test_what_waits_can_be_taken_with_its_time),
		TEST(test_a_lease_that_was_retried_tells_where_it_belongs),
		TEST(test_a_ready_message_has_no_time_and_keeps_its_encoding),
	};
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
