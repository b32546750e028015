/* The promises of broker.h, against a real broker. Written against the interface only, so that
 * every engine meets the same tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/flow/broker/fixture_broker.h"

#include "tests/check.h"

#define NAMED "default.gmail"
#define TAIL  "default.example.org"

static const char *named_queue(void)
{
	static char name[QUEUE_NAME_MAX];
	queue_delivery_name("default", "gmail", name);
	return name;
}

static void publish_numbered(struct fixture *f, const char *key, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char body[32];
		(void)snprintf(body, sizeof body, "m%05zu", i);
		publish(f, EXCHANGE_DELIVER, key, body);
	}
}

/* ---- publishing ---- */

static void test_a_confirmed_message_reaches_the_queue_of_its_site(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_DELIVER, NAMED, "hello");
	assert_all_published(f);
	assert_int_equal(broker_unconfirmed_count(f->broker), 0);
	assert_int_equal(broker_unconfirmed_bytes(f->broker), 0);

	struct taker *taker = taker_new(f, named_queue(), 10, 0);
	assert_true(wait_taken(taker, 1));
	assert_body(taker->leases[0], "hello");
	assert_string_equal(lease_key(taker->leases[0]), NAMED);
	assert_string_equal(lease_message_id(taker->leases[0]), "hello");
	assert_string_equal(lease_content_type(taker->leases[0]), "application/x-protobuf");
	assert_string_equal(lease_content_encoding(taker->leases[0]), "");
	assert_false(lease_is_redelivered(taker->leases[0]));
	taker_ack(taker, 0);
	taker_free(&taker);
}

static void test_a_message_that_no_queue_takes_is_unroutable(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_INBOUND, "nonsense", "x");
	publish(f, EXCHANGE_INBOUND, "directive", "y");
	wait_published(f);
	assert_int_equal(f->published.by_err[E_UNROUTABLE], 1);
	assert_int_equal(f->published.by_err[OK], 1);
}

static void test_an_event_that_nobody_asked_for_is_done(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_RESULTS, "delivered.default.gmail", "r");
	assert_all_published(f);
}

static void test_mail_of_an_unknown_pool_is_kept_in_lost(void **state)
{
	struct fixture *f = *state;
	struct taker *lost = taker_new(f, QUEUE_LOST, 10, 0);
	publish(f, EXCHANGE_DELIVER, "nowhere.example.org", "stray");
	assert_all_published(f);
	assert_true(wait_taken(lost, 1));
	assert_body(lost->leases[0], "stray");
	assert_string_equal(lease_key(lost->leases[0]), "nowhere.example.org");
	taker_ack(lost, 0);
	taker_free(&lost);
}

static void test_a_publication_that_is_too_big_fails_alone(void **state)
{
	struct fixture *f = *state;
	char id[5000]; /* RabbitMQ takes 255 bytes, the embedded engine 4096 */
	memset(id, 'x', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	f->published.asked++;
	broker_publish(
		f->broker,
		&(struct publication){.exchange = EXCHANGE_DELIVER, .key = NAMED, .message_id = id},
		note_outcome, &f->published);
	publish(f, EXCHANGE_DELIVER, NAMED, "good");
	wait_published(f);
	assert_int_equal(f->published.by_err[E_TOO_BIG], 1);
	assert_int_equal(f->published.by_err[OK], 1);
}

static void test_thousands_keep_their_order(void **state)
{
	struct fixture *f = *state;
	enum { COUNT = 5000 };
	struct taker *taker = taker_new(f, named_queue(), 500, 0);
	taker->acks_at_once = true;
	publish_numbered(f, NAMED, COUNT);
	assert_all_published(f);
	assert_true(wait_taken(taker, COUNT));
	assert_string_equal(taker->last_body, "m04999");
	assert_int_equal(taker->count, COUNT);
	taker_free(&taker);
}

/* ---- consuming ---- */

static void test_a_consumer_holds_no_more_than_its_prefetch(void **state)
{
	struct fixture *f = *state;
	publish_numbered(f, NAMED, 20);
	assert_all_published(f);
	struct taker *taker = taker_new(f, named_queue(), 3, 0);
	assert_true(wait_taken(taker, 3));
	run_for(f, 200);
	assert_int_equal(taker->count, 3);
	taker_ack(taker, 1);
	assert_true(wait_taken(taker, 4));
	run_for(f, 100);
	assert_int_equal(taker->count, 4);
	assert_int_equal(taker->held_max, 3);
	taker_free(&taker);
}

static void test_held_bytes_are_bounded_once_one_lease_is_held(void **state)
{
	struct fixture *f = *state;
	struct blob_writer *writer = blob_writer_new("/tmp", 0);
	struct why why;
	static uint8_t piece[1 << 20];
	assert_int_equal(blob_writer_append(writer, bytes_from(piece, sizeof piece), &why), OK);
	struct blob *blob = blob_writer_finish(&writer);
	for (int i = 0; i < 10; i++) {
		f->published.asked++;
		broker_publish(f->broker,
			       &(struct publication){
				       .exchange = EXCHANGE_DELIVER, .key = NAMED, .tail = blob},
			       note_outcome, &f->published);
	}
	blob_unref(&blob);
	assert_all_published(f);

	struct taker *taker = taker_new(f, named_queue(), 100, 3 << 20);
	assert_true(wait_taken(taker, 3));
	run_for(f, 300);
	assert_int_equal(taker->count, 3);
	for (size_t i = 0; i < 10; i++) {
		assert_true(wait_taken(taker, i + 1));
		taker_ack(taker, i);
		assert_true(taker->held_bytes <= 3u << 20);
	}
	taker_free(&taker);

	/* A budget smaller than one message lets one through all the same. */
	publish(f, EXCHANGE_DELIVER, NAMED, "larger than one byte");
	struct taker *small = taker_new(f, named_queue(), 100, 1);
	assert_true(wait_taken(small, 1));
	taker_ack(small, 0);
	taker_free(&small);
}

static void test_what_was_acked_never_comes_back(void **state)
{
	struct fixture *f = *state;
	publish_numbered(f, NAMED, 10);
	assert_all_published(f);
	struct taker *taker = taker_new(f, named_queue(), 10, 0);
	assert_true(wait_taken(taker, 10));
	/* Out of order, with a hole at 3: neither end of an ack of many may cover it. */
	const size_t order[] = {9, 0, 2, 1, 4, 8, 7, 5, 6};
	for (size_t i = 0; i < 9; i++)
		taker_ack(taker, order[i]);
	run_for(f, 50);
	broker_close(&f->broker);
	assert_true(lease_is_lost(taker->leases[3]));
	taker_free(&taker);

	fixture_open(f);
	wait_ready(f);
	taker = taker_new(f, named_queue(), 10, 0);
	assert_true(wait_taken(taker, 1));
	run_for(f, 300);
	assert_int_equal(taker->count, 1);
	assert_body(taker->leases[0], "m00003");
	assert_true(lease_is_redelivered(taker->leases[0]));
	taker_ack(taker, 0);
	taker_free(&taker);
}

static void test_a_released_message_comes_again_at_once(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_DELIVER, NAMED, "again");
	struct taker *taker = taker_new(f, named_queue(), 1, 0);
	assert_true(wait_taken(taker, 1));
	lease_release(&taker->leases[0]);
	assert_true(wait_taken(taker, 2));
	assert_true(lease_is_redelivered(taker->leases[1]));
	taker_ack(taker, 1);
	taker_free(&taker);
}

static void test_releasing_for_ever_buries_nothing(void **state)
{
	struct fixture *f = *state;
	struct taker *buried = taker_new(f, QUEUE_BURIED, 10, 0);
	publish(f, EXCHANGE_DELIVER, NAMED, "patient");
	struct taker *taker = taker_new(f, named_queue(), 1, 0);
	for (size_t i = 0; i < 120; i++) {
		assert_true(wait_taken(taker, i + 1));
		lease_release(&taker->leases[i]);
	}
	assert_true(wait_taken(taker, 121));
	assert_int_equal(buried->count, 0);
	taker_ack(taker, 120);
	taker_free(&taker);
	taker_free(&buried);
}

static void test_a_paused_consumer_leaves_messages_to_others(void **state)
{
	struct fixture *f = *state;
	publish_numbered(f, NAMED, 4);
	assert_all_published(f);
	struct taker *first = taker_new(f, named_queue(), 2, 0);
	assert_true(wait_taken(first, 2));
	consumer_pause(first->consumer, true);
	struct taker *second = taker_new(f, named_queue(), 10, 0);
	assert_true(wait_taken(second, 2));
	taker_ack(first, 0); /* leases of a paused consumer are still good */
	run_for(f, 100);
	assert_int_equal(first->count, 2);
	assert_false(lease_is_lost(first->leases[1]));

	taker_free(&second);
	consumer_pause(first->consumer, false);
	assert_true(wait_taken(first, 3));
	run_for(f, 200);
	assert_int_equal(first->count, 3); /* one is still held from before: prefetch counts it */
	assert_int_equal(first->held_max, 2);
	taker_free(&first);
}

static void test_two_consumers_share_a_queue(void **state)
{
	struct fixture *f = *state;
	struct taker *first = taker_new(f, named_queue(), 5, 0),
		     *second = taker_new(f, named_queue(), 5, 0);
	run_for(f, 200);
	publish_numbered(f, NAMED, 10);
	assert_true(wait_taken(first, 5));
	assert_true(wait_taken(second, 5));
	taker_free(&first);
	taker_free(&second);
}

static bool are_all_taken(void *arg)
{
	struct taker **takers = arg;
	size_t count = 0;
	for (unsigned i = 0; i < ROUTING_TAIL_SHARDS; i++)
		count += takers[i]->count;
	return count >= 60;
}

static void test_a_domain_of_the_tail_always_meets_the_same_shard(void **state)
{
	struct fixture *f = *state;
	struct taker *takers[ROUTING_TAIL_SHARDS];
	for (unsigned i = 0; i < ROUTING_TAIL_SHARDS; i++) {
		char queue[QUEUE_NAME_MAX];
		queue_tail_name("default", i, queue);
		takers[i] = taker_new(f, queue, 100, 0);
	}
	for (int i = 0; i < 60; i++) {
		char key[64];
		(void)snprintf(key, sizeof key, "default.d%d.example", i % 20);
		publish(f, EXCHANGE_DELIVER, key, "x");
	}
	assert_true(run_until(f, are_all_taken, takers, WAIT_MS));
	unsigned shards_used = 0;
	for (unsigned i = 0; i < ROUTING_TAIL_SHARDS; i++) {
		assert_int_equal(takers[i]->count % 3,
				 0); /* each domain three times, all in one shard */
		shards_used += takers[i]->count > 0;
		taker_free(&takers[i]);
	}
	assert_true(shards_used >= 4);
}

static void test_a_very_long_domain_keeps_its_pool(void **state)
{
	struct fixture *f = *state;
	char key[300] = "default.";
	memset(key + 8, 'x', 260);
	publish(f, EXCHANGE_DELIVER, key, "long");
	assert_all_published(f);
	struct taker *lost = taker_new(f, QUEUE_LOST, 10, 0);
	run_for(f, 200);
	assert_int_equal(lost->count, 0);
	taker_free(&lost);
}

/* ---- again, later ---- */

static void test_a_retried_message_comes_back_when_it_is_due(void **state)
{
	static const int64_t delays_ms[] = {300, 1500, 3000};
	struct fixture *f = *state;
	struct taker *taker = taker_new(f, named_queue(), 10, 0);
	publish(f, EXCHANGE_DELIVER, NAMED, "later");
	for (size_t i = 0; i < 3; i++) {
		assert_true(wait_taken(taker, i + 1));
		int64_t from_ms = clock_wall_ms(clock_system());
		assert_string_equal(lease_key(taker->leases[i]), NAMED);
		lease_retry(&taker->leases[i], delays_ms[i]);
		assert_true(wait_taken(taker, i + 2));
		int64_t waited_ms = taker->taken_wall_ms[i + 1] - from_ms;
		if (waited_ms < delays_ms[i] - 50 || waited_ms > delays_ms[i] + 1000)
			give_up("came after %lld ms, not %lld", (long long)waited_ms,
				(long long)delays_ms[i]);
		assert_body(taker->leases[i + 1], "later");
	}
	taker_ack(taker, 3);
	taker_free(&taker);
}

static void test_a_scheduled_message_is_not_early(void **state)
{
	struct fixture *f = *state;
	int64_t due_ms = clock_wall_ms(clock_system()) + 2300;
	publish_at(f, NAMED, "scheduled", due_ms);
	publish_at(f, NAMED, "overdue", 1);
	assert_all_published(f);
	struct taker *taker = taker_new(f, named_queue(), 10, 0);
	assert_true(wait_taken(taker, 2));
	assert_body(taker->leases[0], "overdue");
	assert_body(taker->leases[1], "scheduled");
	assert_in_range(taker->taken_wall_ms[1], due_ms - 50, due_ms + 1000);
	taker_free(&taker);
}

static void test_retry_returns_to_the_queue_it_came_from(void **state)
{
	static const char *const queues[] = {QUEUE_SUBMIT_BULK,	    QUEUE_BOUNCER_DIRECTIVES,
					     QUEUE_BOUNCER_RESULTS, QUEUE_BOUNCER_DSN,
					     QUEUE_BOUNCER_FBL,	    QUEUE_BOUNCER_UNSUB,
					     QUEUE_BOUNCER_MAIL,    QUEUE_BOUNCER_UNKNOWN,
					     QUEUE_BOUNCER_REPORTS, QUEUE_BOUNCER_TLS};
	static const char *const inbound[] = {"directive", "dsn",     "fbl",	"unsub",
					      "mail",	   "unknown", "report", "tls"};
	struct fixture *f = *state;
	publish(f, EXCHANGE_SUBMIT, "bulk", "b");
	for (size_t i = 0; i < sizeof inbound / sizeof inbound[0]; i++)
		publish(f, EXCHANGE_INBOUND, inbound[i], "b");
	publish(f, EXCHANGE_RESULTS, "bounced.default.gmail", "b");
	assert_all_published(f);
	for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
		struct taker *taker = taker_new(f, queues[i], 10, 0);
		assert_true(wait_taken(taker, 1));
		char key[64];
		(void)snprintf(key, sizeof key, "%s", lease_key(taker->leases[0]));
		lease_retry(&taker->leases[0], i == 0 ? 1100 : 0);
		assert_true(wait_taken(taker, 2));
		assert_string_equal(lease_key(taker->leases[1]), key);
		taker_ack(taker, 1);
		taker_free(&taker);
	}
}

static void test_a_buried_message_keeps_body_key_and_reason(void **state)
{
	struct fixture *f = *state;
	struct taker *buried = taker_new(f, QUEUE_BURIED, 10, 0),
		     *taker = taker_new(f, named_queue(), 10, 0);
	publish(f, EXCHANGE_DELIVER, NAMED, "\xff\xfe poison");
	assert_true(wait_taken(taker, 1));
	lease_bury(&taker->leases[0], "malformed: no recipients");
	assert_true(wait_taken(buried, 1));
	assert_body(buried->leases[0], "\xff\xfe poison");
	assert_string_equal(lease_key(buried->leases[0]), NAMED);
	assert_string_equal(lease_reason(buried->leases[0]), "malformed: no recipients");
	run_for(f, 100);
	assert_int_equal(taker->count, 1);
	taker_ack(buried, 0);
	taker_free(&taker);
	taker_free(&buried);
}

static void test_a_refused_message_keeps_body_key_and_reason(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_SUBMIT, "tx", "nonsense");
	struct taker *taker = taker_new(f, QUEUE_SUBMIT_TX, 10, 0);
	assert_true(wait_taken(taker, 1));
	lease_refuse(&taker->leases[0], "no recipients");
	struct taker *refused = taker_new(f, QUEUE_REFUSED, 10, 0),
		     *buried = taker_new(f, QUEUE_BURIED, 10, 0);
	assert_true(wait_taken(refused, 1));
	assert_body(refused->leases[0], "nonsense");
	assert_string_equal(lease_reason(refused->leases[0]), "no recipients");
	assert_string_equal(lease_key(refused->leases[0]), "tx");
	assert_string_equal(lease_message_id(refused->leases[0]), "nonsense");
	assert_string_equal(lease_content_type(refused->leases[0]), "application/x-protobuf");
	run_for(f, 200);
	assert_int_equal(taker->count, 1); /* it is gone from where it was */
	assert_int_equal(buried->count, 0);
	taker_ack(refused, 0);
	taker_free(&buried);
	taker_free(&refused);
	taker_free(&taker);
}

static void test_what_is_published_as_refused_is_kept(void **state)
{
	struct fixture *f = *state;
	publish(f, EXCHANGE_REFUSED, "outbox", "x");
	assert_all_published(f);
	struct taker *refused = taker_new(f, QUEUE_REFUSED, 10, 0);
	assert_true(wait_taken(refused, 1));
	assert_body(refused->leases[0], "x");
	taker_ack(refused, 0);
	taker_free(&refused);
}

static void test_a_message_that_kills_its_holders_is_buried(void **state)
{
	struct fixture *f = *state;
	char prefix[64];
	(void)snprintf(prefix, sizeof prefix, "%s", f->settings->prefix);
	/* Limits are fixed when a queue is made: another prefix, a limit of 3. */
	struct fixture *g = fixture_new(strcat(prefix, "limit."), "  delivery_limit: 3");
	fixture_open(g);
	wait_ready(g);
	publish(g, EXCHANGE_DELIVER, NAMED, "killer");
	assert_all_published(g);
	for (int i = 0; i < 6; i++) {
		struct taker *taker = taker_new(g, named_queue(), 10, 0);
		struct taker *buried = taker_new(g, QUEUE_BURIED, 10, 0);
		while (taker->count == 0 && buried->count == 0)
			run_for(g, 10);
		if (buried->count == 1) {
			assert_body(buried->leases[0], "killer");
			assert_string_equal(lease_reason(buried->leases[0]), "delivery_limit");
			assert_in_range(i, 3, 5);
			taker_ack(buried, 0);
			taker_free(&taker);
			taker_free(&buried);
			run_for(g, 50);
			fixture_free(&g);
			return;
		}
		broker_close(&g->broker); /* its holder dies */
		taker_free(&taker);
		taker_free(&buried);
		fixture_open(g);
		wait_ready(g);
	}
	give_up("it was never buried");
}

/* ---- events ---- */

static void test_every_subscriber_gets_its_events(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};
	broker_subscribe(f->broker, "analytics", "delivered.#", note_outcome, &outcome);
	broker_subscribe(f->broker, "gmail-watch", "*.*.gmail", note_outcome, &outcome);
	while (outcome.count < 2)
		run_for(f, 10);
	assert_int_equal(outcome.by_err[OK], 2);
	publish(f, EXCHANGE_RESULTS, "delivered.default.gmail", "one");
	publish(f, EXCHANGE_RESULTS, "bounced.default.gmail", "two");
	publish(f, EXCHANGE_RESULTS, "delivered.default.example.org", "three");
	assert_all_published(f);
	struct taker *analytics = taker_new(f, "analytics", 10, 0),
		     *watch = taker_new(f, "gmail-watch", 10, 0);
	struct taker *bouncer = taker_new(f, QUEUE_BOUNCER_RESULTS, 10, 0);
	assert_true(wait_taken(analytics, 2));
	assert_true(wait_taken(watch, 2));
	assert_true(wait_taken(bouncer, 3));
	assert_body(analytics->leases[1], "three");
	assert_body(watch->leases[1], "two");
	assert_body(bouncer->leases[1], "two");
	taker_free(&analytics);
	taker_free(&watch);
	taker_free(&bouncer);
}

static void test_patterns_for_events_and_for_results_do_not_meet(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};
	publish(f, EXCHANGE_EVENTS, "event.alert", "nobody wants it, which is no failure");
	broker_subscribe(f->broker, "webhook", "event.complained.#", note_outcome, &outcome);
	broker_subscribe(f->broker, "all-results", "#", note_outcome, &outcome);
	broker_subscribe(f->broker, "all-events", "event.#", note_outcome, &outcome);
	while (outcome.count < 3)
		run_for(f, 10);
	assert_int_equal(outcome.by_err[OK], 3);
	publish(f, EXCHANGE_EVENTS, "event.complained.default.gmail", "one");
	publish(f, EXCHANGE_RESULTS, "delivered.default.gmail", "two");
	publish(f, EXCHANGE_EVENTS, "event.suppression_added", "three");
	assert_all_published(f);
	struct taker *webhook = taker_new(f, "webhook", 10, 0),
		     *results = taker_new(f, "all-results", 10, 0),
		     *events = taker_new(f, "all-events", 10, 0);
	assert_true(wait_taken(events, 2) && wait_taken(results, 1) && wait_taken(webhook, 1));
	assert_body(webhook->leases[0], "one");
	assert_body(results->leases[0], "two");
	assert_body(events->leases[1], "three");
	taker_free(&webhook);
	taker_free(&results);
	taker_free(&events);
}

/* ---- tables ---- */

struct reader {
	struct table_follower *follower;
	size_t count, caught_up, count_at_caught_up;
	uint64_t position;
	char last_key[64], last_value[64];
	uint64_t last_version, version_at_caught_up;
};

static void on_entry(void *owner, const struct table_entry *entry, uint64_t position)
{
	struct reader *reader = owner;
	assert_true(position > reader->position);
	reader->count++;
	reader->position = position;
	reader->last_version = entry->version;
	assert_true(bytes_to_cstr(entry->key, reader->last_key, sizeof reader->last_key));
	assert_true(bytes_to_cstr(entry->value, reader->last_value, sizeof reader->last_value));
}

static void on_caught_up(void *owner)
{
	struct reader *reader = owner;
	reader->caught_up++;
	reader->count_at_caught_up = reader->count;
	reader->version_at_caught_up = reader->last_version;
}

static const struct table_handler reader_handler = {.entry = on_entry, .caught_up = on_caught_up};

static void append(struct fixture *f, const char *key, const char *value, uint64_t version)
{
	const struct table_entry entry = {bytes_of(key), bytes_of(value), version};
	f->published.asked++;
	table_append(f->broker, "suppressions", &entry, note_outcome, &f->published);
}

static bool is_caught_up(void *arg)
{
	return ((struct reader *)arg)->caught_up > 0;
}

static bool has_third_version(void *arg)
{
	return ((struct reader *)arg)->last_version == 3;
}

static void test_a_follower_gets_the_table_then_its_changes(void **state)
{
	struct fixture *f = *state;
	struct reader early = {0};
	early.follower = table_follow(f->broker, "suppressions", 0, &reader_handler, &early);
	assert_true(run_until(f, is_caught_up, &early, WAIT_MS));
	assert_int_equal(early.count, 0);

	append(f, "a@x.test", "reason", 1);
	append(f, "a@x.test", "", 2);
	assert_all_published(f);
	struct reader late = {0};
	late.follower = table_follow(f->broker, "suppressions", 0, &reader_handler, &late);
	assert_true(run_until(f, is_caught_up, &late, WAIT_MS));
	assert_in_range(late.count_at_caught_up, 1, 2); /* the first was replaced by the second */
	assert_int_equal(late.version_at_caught_up, 2);
	append(f, "b@x.test", "other", 3);
	assert_true(run_until(f, has_third_version, &late, WAIT_MS));
	assert_true(run_until(f, has_third_version, &early, WAIT_MS));
	assert_string_equal(early.last_key, "b@x.test");
	assert_string_equal(late.last_value, "other");
	assert_int_equal(late.last_version, 3);
	assert_int_equal(late.caught_up, 1);
	table_follower_free(&late.follower);
	table_follower_free(&early.follower);
}

/* An append that was tried again comes behind a newer one. Who reads the table later ends with the newer one. */
static void test_an_older_version_that_comes_late_hides_no_newer_one(void **state)
{
	struct fixture *f = *state;
	append(f, "a@x.test", "newer", 5);
	append(f, "a@x.test", "older", 4);
	assert_all_published(f);
	struct reader reader = {0};
	reader.follower = table_follow(f->broker, "suppressions", 0, &reader_handler, &reader);
	assert_true(run_until(f, is_caught_up, &reader, WAIT_MS));
	table_follower_free(&reader.follower);
	if (reader.count_at_caught_up == 1)
		assert_string_equal(reader.last_value, "newer");
	else
		assert_int_equal(reader.count_at_caught_up, 2);
}

static void forget(struct fixture *f, const char *key, uint64_t version, bool *is_asked)
{
	*is_asked = table_forget(f->broker, "suppressions", bytes_of(key), version, note_outcome,
				 &f->published);
	f->published.asked += *is_asked;
}

static int count_of(struct fixture *f)
{
	struct reader reader = {0};
	reader.follower = table_follow(f->broker, "suppressions", 0, &reader_handler, &reader);
	assert_true(run_until(f, is_caught_up, &reader, WAIT_MS));
	table_follower_free(&reader.follower);
	return (int)reader.count_at_caught_up;
}

/* An engine that keeps all entries says so. The last entry of a table stays in any case. */
static void test_a_key_that_is_forgotten_is_not_told_any_more(void **state)
{
	struct fixture *f = *state;
	bool is_asked;
	append(f, "a@x.test", "", 2);
	append(f, "b@x.test", "reason", 3);
	append(f, "c@x.test", "", 4);
	assert_all_published(f);
	forget(f, "a@x.test", 2, &is_asked);
	forget(f, "b@x.test", 2, &is_asked); /* it has a later version */
	forget(f, "c@x.test", 4, &is_asked); /* the last */
	forget(f, "never@x.test", 4, &is_asked);
	assert_all_published(f);
	assert_int_equal(count_of(f), is_asked ? 2 : 3);
	append(f, "a@x.test", "reason", 5);
	assert_all_published(f);
	assert_int_equal(count_of(f), is_asked ? 3 : 4);
}

enum { ENTRY_COUNT = 6000 };

static bool has_one_more(void *arg)
{
	return ((struct reader *)arg)->last_version == ENTRY_COUNT + 1;
}

static void test_following_goes_on_from_a_position(void **state)
{
	struct fixture *f = *state;
	for (uint64_t i = 0; i < ENTRY_COUNT; i++) {
		char key[32];
		(void)snprintf(key, sizeof key, "key%zu", (size_t)i);
		append(f, key, "value", i + 1);
	}
	assert_all_published(f);
	struct reader all = {0};
	all.follower = table_follow(f->broker, "suppressions", 0, &reader_handler, &all);
	assert_true(run_until(f, is_caught_up, &all, WAIT_MS));
	assert_int_equal(all.count_at_caught_up, ENTRY_COUNT);
	table_follower_free(&all.follower);

	struct reader rest = {0};
	rest.follower =
		table_follow(f->broker, "suppressions", all.position, &reader_handler, &rest);
	assert_true(run_until(f, is_caught_up, &rest, WAIT_MS));
	assert_in_range(rest.count_at_caught_up, 0,
			ENTRY_COUNT - 1); /* a part again, or none, not all */
	append(f, "one more", "value", ENTRY_COUNT + 1);
	assert_true(run_until(f, has_one_more, &rest, WAIT_MS));
	table_follower_free(&rest.follower);
}

static void test_following_a_table_that_was_made_anew_begins_at_its_beginning(void **state)
{
	struct fixture *f = *state;
	append(f, "key", "value", 7);
	assert_all_published(f);
	struct reader reader = {0};
	reader.follower =
		table_follow(f->broker, "suppressions", 1000000, &reader_handler, &reader);
	assert_true(run_until(f, is_caught_up, &reader, WAIT_MS));
	assert_int_equal(reader.last_version, 7);
	table_follower_free(&reader.follower);
}

/* ---- queues of others ---- */

static bool is_answered(void *arg)
{
	return ((struct outcome *)arg)->count > 0;
}

static struct outcome need(struct fixture *f, const char *queue)
{
	struct outcome outcome = {.asked = 1};
	broker_need_queue(f->broker, queue, note_outcome, &outcome);
	assert_int_equal(outcome.count, 0);
	assert_true(run_until(f, is_answered, &outcome, WAIT_MS));
	return outcome;
}

static void test_a_queue_of_others_is_used_by_its_whole_name(void **state)
{
	struct fixture *f = *state;
	char name[QUEUE_NAME_MAX];
	(void)snprintf(name, sizeof name, "%soutbox", f->settings->prefix);
	publish(f, EXCHANGE_FOREIGN, name, "nobody's");
	wait_published(f);
	assert_int_equal(f->published.by_err[E_UNROUTABLE], 1);
	if (node_is_embedded()) {
		assert_int_equal(need(f, name).by_err[E_REFUSED], 1);
		return;
	}
	struct taker *taker = taker_new_foreign(f, name, 4);
	run_for(f, 300); /* it is waited for, and not made */
	publish(f, EXCHANGE_FOREIGN, name, "nobody's");
	wait_published(f);
	assert_int_equal(f->published.by_err[E_UNROUTABLE], 2);
	assert_int_equal(need(f, name).by_err[OK], 1);
	assert_int_equal(need(f, name).by_err[OK], 1); /* there is one now */
	publish(f, EXCHANGE_FOREIGN, name, "one");
	assert_true(wait_taken(taker, 1));
	lease_retry(&taker->leases[0], 100);
	assert_true(wait_taken(taker, 2));
	assert_true(lease_is_redelivered(taker->leases[1]));
	assert_body(taker->leases[1], "one");
	lease_release(&taker->leases[1]);
	assert_true(wait_taken(taker, 3));
	struct taker *refused = taker_new(f, QUEUE_REFUSED, 1, 0);
	lease_refuse(&taker->leases[2], "not wanted");
	assert_true(wait_taken(refused, 1));
	assert_string_equal(lease_key(refused->leases[0]), name);
	taker_ack(refused, 0);
	taker_free(&refused);
	taker_free(&taker);
	struct outcome outcome = {.asked = 1};
	broker_unsubscribe(f->broker, "outbox", true, note_outcome, &outcome);
	assert_true(run_until(f, is_answered, &outcome, WAIT_MS));
}

/* ---- operators ---- */

struct report {
	struct fixture *f;
	struct outcome outcome;
	size_t count;
	struct queue_status named;
};

static void on_status(void *owner, const struct queue_status *status)
{
	struct report *report = owner;
	report->count++;
	if (strcmp(status->name, named_queue()) == 0)
		report->named = *status;
}

static bool is_reported(void *arg)
{
	return ((struct report *)arg)->outcome.count > 0;
}

static void on_inspected(void *owner, enum err err)
{
	note_outcome(&((struct report *)owner)->outcome, err);
}

static void test_inspection_tells_of_every_queue(void **state)
{
	struct fixture *f = *state;
	publish_numbered(f, NAMED, 5);
	assert_all_published(f);
	struct taker *taker = taker_new(f, named_queue(), 2, 0);
	assert_true(wait_taken(taker, 2));
	struct report report = {.f = f};
	int tries = 0;
	do { /* counts of quorum queues are a tick behind */
		report = (struct report){.f = f};
		broker_inspect(f->broker, false, on_status, on_inspected, &report);
		assert_true(run_until(f, is_reported, &report, WAIT_MS));
		assert_int_equal(report.outcome.by_err[OK], 1);
		run_for(f, 500);
	} while ((report.named.ready != 3 ||
		  (*node_management_url() && report.named.unacked != 2)) &&
		 tries++ < 30);
	assert_int_equal(report.named.ready, 3);
	assert_int_equal(report.named.consumers, 1);
	if (*node_management_url() || node_is_embedded())
		assert_int_equal(report.named.unacked, 2);
	assert_true(report.count > ROUTING_TAIL_SHARDS + 6); /* the topology's, on any engine */
	taker_free(&taker);
}

/* ---- closing ---- */

static void test_closing_cancels_what_is_pending(void **state)
{
	struct fixture *f = *state;
	publish_numbered(f, NAMED, 10);
	broker_close(&f->broker);
	assert_int_equal(f->published.count, 10);
	assert_int_equal(f->published.by_err[E_CANCELLED], 10);
}

static void
test_a_publication_without_a_connection_fails_at_once_but_not_inside_the_call(void **state)
{
	struct fixture *f = *state;
	broker_close(&f->broker);
	fixture_open(f);
	publish(f, EXCHANGE_DELIVER, NAMED, "x");
	assert_int_equal(f->published.count, 0);
	wait_published(f);
	assert_int_equal(f->published.by_err[E_AWAY], 1);
	wait_ready(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_confirmed_message_reaches_the_queue_of_its_site),
		TEST(test_a_message_that_no_queue_takes_is_unroutable),
		TEST(test_an_event_that_nobody_asked_for_is_done),
		TEST(test_mail_of_an_unknown_pool_is_kept_in_lost),
		TEST(test_a_publication_that_is_too_big_fails_alone),
		TEST(test_thousands_keep_their_order),
		TEST(test_a_consumer_holds_no_more_than_its_prefetch),
		TEST(test_held_bytes_are_bounded_once_one_lease_is_held),
		TEST(test_what_was_acked_never_comes_back),
		TEST(test_a_released_message_comes_again_at_once),
		TEST(test_releasing_for_ever_buries_nothing),
		TEST(test_a_paused_consumer_leaves_messages_to_others),
		TEST(test_two_consumers_share_a_queue),
		TEST(test_a_domain_of_the_tail_always_meets_the_same_shard),
		TEST(test_a_very_long_domain_keeps_its_pool),
		TEST(test_a_retried_message_comes_back_when_it_is_due),
		TEST(test_a_scheduled_message_is_not_early),
		TEST(test_retry_returns_to_the_queue_it_came_from),
		TEST(test_a_buried_message_keeps_body_key_and_reason),
		TEST(test_a_refused_message_keeps_body_key_and_reason),
		TEST(test_what_is_published_as_refused_is_kept),
		TEST(test_a_message_that_kills_its_holders_is_buried),
		TEST(test_every_subscriber_gets_its_events),
		TEST(test_patterns_for_events_and_for_results_do_not_meet),
		TEST(test_a_follower_gets_the_table_then_its_changes),
		TEST(test_a_key_that_is_forgotten_is_not_told_any_more),
		TEST(test_an_older_version_that_comes_late_hides_no_newer_one),
		TEST(test_following_goes_on_from_a_position),
		TEST(test_following_a_table_that_was_made_anew_begins_at_its_beginning),
		TEST(test_a_queue_of_others_is_used_by_its_whole_name),
		TEST(test_inspection_tells_of_every_queue),
		TEST(test_closing_cancels_what_is_pending),
		TEST(test_a_publication_without_a_connection_fails_at_once_but_not_inside_the_call),
	};
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
