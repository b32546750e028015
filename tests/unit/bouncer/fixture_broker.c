/* See fixture_broker.h. Upcalls come from the loop, never from inside the call that asked for them, as broker.h says. */
#include "tests/unit/bouncer/fixture_broker.h"

#include "broker/replica.h"
#include "lib/base/arena.h"
#include "lib/base/memory.h"

#define ENTRIES_MAX   256
#define LEASES_MAX    64
#define CONSUMERS_MAX 10 /* one stays closed */
#define EVENTS_MAX    256

struct told {
	char key[200];
	struct bytes body;
};

struct append {
	struct table_entry entry;
	bool is_directive, is_event;
	char key[200]; /* of an event */
	published done;
	void *owner;
	struct append *next;
};

struct consumer {
	char queue[64];
	void (*taken)(void *owner, struct lease *lease);
	void *owner;
	bool is_open;
};

struct table_follower {
	const struct table_handler *handler;
	void *owner;
	size_t position;
	bool is_caught_up;
};

struct lease {
	struct bytes body;
	struct fake_lease seen;
};

#define DIRECTIVE_FOLLOWERS_MAX 2

struct broker {
	struct loop *loop;
	struct arena *arena;
	struct table_entry entries[ENTRIES_MAX];
	struct told told[EVENTS_MAX];
	size_t told_count;
	struct table_entry directive; /* the last */
	size_t directive_count;
	size_t entry_count;
	struct append *appends, **appends_end;
	enum err append_err;
	bool withholds;
	struct consumer consumers[CONSUMERS_MAX];
	struct table_follower *follower;
	/* They hear of appends, and of nothing before. */
	struct table_follower *of_directives[DIRECTIVE_FOLLOWERS_MAX];
	struct lease leases[LEASES_MAX];
	size_t lease_count;
	void (*state_changed)(void *owner, enum broker_state state);
	void *state_owner;
};

static struct broker fake;

/* ---- what the test does ---- */

void fake_broker_open(struct loop *loop)
{
	fake = (struct broker){.loop = loop, .arena = arena_new()};
	fake.appends_end = &fake.appends;
}

void fake_broker_done(void)
{
	arena_free(&fake.arena);
}

void fake_broker_forget_last(size_t count)
{
	assert_true(count <= fake.entry_count);
	fake.entry_count -= count;
}

void fake_broker_appends(enum err err)
{
	fake.append_err = err;
}

size_t fake_table_count(void)
{
	return fake.entry_count;
}

bool fake_table_last(struct bytes key, struct bytes *ret)
{
	for (size_t i = fake.entry_count; i-- > 0;) {
		if (bytes_equal(fake.entries[i].key, key)) {
			*ret = fake.entries[i].value;
			return true;
		}
	}
	return false;
}

bool fake_directive(struct table_entry *ret)
{
	*ret = fake.directive;
	return fake.directive_count == 1;
}

static void tell_directive(void)
{
	for (size_t i = 0; i < DIRECTIVE_FOLLOWERS_MAX; i++) {
		struct table_follower *follower = fake.of_directives[i];
		if (follower)
			follower->handler->entry(follower->owner, &fake.directive, 0);
	}
}

void fake_directives_again(void)
{
	assert_non_null(fake.of_directives[0]);
	tell_directive();
}

/* ---- the table ---- */

static void feed(void *owner)
{
	struct table_follower *follower = fake.follower;
	if (!follower || owner != follower)
		return;
	while (follower->position < fake.entry_count) {
		follower->handler->entry(follower->owner, &fake.entries[follower->position],
					 follower->position);
		follower->position++;
	}
	if (!follower->is_caught_up) {
		follower->is_caught_up = true;
		follower->handler->caught_up(follower->owner);
	}
}

static void tell_of_directives(void *owner)
{
	for (size_t i = 0; i < DIRECTIVE_FOLLOWERS_MAX; i++)
		if (fake.of_directives[i] && fake.of_directives[i] == owner)
			fake.of_directives[i]->handler->caught_up(fake.of_directives[i]->owner);
}

static struct table_follower **place_of_directives(const struct table_follower *follower)
{
	for (size_t i = 0; i < DIRECTIVE_FOLLOWERS_MAX; i++)
		if (fake.of_directives[i] == follower)
			return &fake.of_directives[i];
	return NULL;
}

static struct table_follower *follow_directives(const struct table_handler *handler, void *owner)
{
	struct table_follower **place = place_of_directives(NULL);
	assert_non_null(place);
	*place = memory_new(sizeof **place);
	**place = (struct table_follower){handler, owner, 0, true};
	loop_post(fake.loop, tell_of_directives, *place);
	return *place;
}

struct table_follower *table_follow(struct broker *broker, const char *table, uint64_t position,
				    const struct table_handler *handler, void *owner)
{
	assert_ptr_equal(broker, &fake);
	if (strcmp(table, "directives") == 0)
		return follow_directives(handler, owner);
	assert_string_equal(table, "suppressions");
	assert_null(fake.follower);
	fake.follower = memory_new(sizeof *fake.follower);
	*fake.follower = (struct table_follower){handler, owner, position, false};
	loop_post(fake.loop, feed, fake.follower);
	return fake.follower;
}

void table_follower_free(struct table_follower **follower)
{
	struct table_follower **place = *follower ? place_of_directives(*follower) : NULL;
	if (place)
		*place = NULL;
	else if (*follower)
		fake.follower = NULL;
	free(*follower);
	*follower = NULL;
}

static void end_append(struct append *append, enum err err)
{
	if (!err && append->is_event) {
		assert_true(fake.told_count < EVENTS_MAX);
		struct told *told = &fake.told[fake.told_count++];
		snprintf(told->key, sizeof told->key, "%s", append->key);
		told->body = append->entry.value;
	} else if (!err && append->is_directive) {
		fake.directive = append->entry;
		fake.directive_count++;
		tell_directive();
	} else if (!err) {
		assert_true(fake.entry_count < ENTRIES_MAX);
		fake.entries[fake.entry_count++] = append->entry;
		if (fake.follower)
			loop_post(fake.loop, feed, fake.follower);
	}
	append->done(append->owner, err);
	free(append);
}

static void end_appends(enum err err)
{
	while (fake.appends) {
		struct append *append = fake.appends;
		fake.appends = append->next;
		if (!fake.appends)
			fake.appends_end = &fake.appends;
		end_append(append, err);
	}
}

static void confirm(void *owner)
{
	(void)owner;
	if (!fake.withholds)
		end_appends(fake.append_err);
}

void table_append(struct broker *broker, const char *table, const struct table_entry *entry,
		  published done, void *owner)
{
	assert_ptr_equal(broker, &fake);
	bool is_directive = strcmp(table, "directives") == 0;
	assert_true(is_directive || strcmp(table, "suppressions") == 0);
	struct append *append = memory_new(sizeof *append);
	*append = (struct append){
		.entry = {.key = arena_copy(fake.arena, entry->key),
			  .value = arena_copy(fake.arena, entry->value),
			  .version = entry->version},
		.is_directive = is_directive,
		.done = done,
		.owner = owner,
	};
	*fake.appends_end = append;
	fake.appends_end = &append->next;
	loop_post(fake.loop, confirm, NULL);
}

bool table_forget(struct broker *broker, const char *table, struct bytes key, uint64_t version,
		  published done, void *owner)
{
	(void)broker, (void)table, (void)key, (void)version, (void)done, (void)owner;
	return false;
}

int64_t table_kept_ms(const struct broker *broker, const char *table)
{
	(void)broker, (void)table;
	return 0;
}

/* Events only. */
void broker_publish(struct broker *broker, const struct publication *publication, published done,
		    void *owner)
{
	assert_ptr_equal(broker, &fake);
	assert_int_equal(publication->exchange, EXCHANGE_EVENTS);
	struct append *append = memory_new(sizeof *append);
	*append = (struct append){
		.entry = {.value = arena_copy(fake.arena, publication->head)},
		.is_event = true,
		.done = done,
		.owner = owner,
	};
	snprintf(append->key, sizeof append->key, "%s", publication->key);
	*fake.appends_end = append;
	fake.appends_end = &append->next;
	loop_post(fake.loop, confirm, NULL);
}

size_t fake_told_count(const char *key)
{
	size_t count = 0;
	for (size_t i = 0; i < fake.told_count; i++)
		count += strcmp(fake.told[i].key, key) == 0;
	return count;
}

struct bytes fake_told_last(const char *key)
{
	for (size_t i = fake.told_count; i-- > 0;)
		if (strcmp(fake.told[i].key, key) == 0)
			return fake.told[i].body;
	return BYTES_NONE;
}

void fake_broker_withholds_confirms(bool withheld)
{
	fake.withholds = withheld;
	loop_post(fake.loop, confirm, NULL);
}

/* ---- the connection ---- */

enum err broker_open(struct loop *loop, const struct broker_settings *settings,
		     const struct routing *routing, const char *role,
		     void (*state_changed)(void *owner, enum broker_state state), void *owner,
		     struct broker **ret, struct why *why)
{
	(void)settings, (void)routing, (void)role, (void)why;
	assert_ptr_equal(loop, fake.loop);
	fake.state_changed = state_changed;
	fake.state_owner = owner;
	*ret = &fake;
	return OK;
}

void broker_close(struct broker **broker)
{
	if (*broker)
		end_appends(E_CANCELLED);
	*broker = NULL;
}

enum broker_state broker_state(const struct broker *broker)
{
	assert_ptr_equal(broker, &fake);
	return BROKER_READY;
}

void fake_broker_reconnects(void)
{
	fake.state_changed(fake.state_owner, BROKER_AWAY);
	fake.state_changed(fake.state_owner, BROKER_READY);
}

/* ---- leases ---- */

struct consumer *consumer_new(struct broker *broker, const struct consumer_options *options,
			      void (*taken)(void *owner, struct lease *lease), void *owner)
{
	assert_ptr_equal(broker, &fake);
	struct consumer *consumer = fake.consumers;
	while (consumer->is_open)
		consumer++;
	assert_true(consumer < fake.consumers + CONSUMERS_MAX);
	snprintf(consumer->queue, sizeof consumer->queue, "%s", options->queue);
	consumer->taken = taken;
	consumer->owner = owner;
	consumer->is_open = true;
	return consumer;
}

void consumer_free(struct consumer **consumer)
{
	if (*consumer)
		(*consumer)->is_open = false;
	*consumer = NULL;
}

/* For readers of events, which these tests have none of. */
void consumer_pause(struct consumer *consumer, bool paused)
{
	(void)consumer;
	(void)paused;
}

void broker_subscribe(struct broker *broker, const char *queue, const char *pattern, published done,
		      void *owner)
{
	(void)broker;
	(void)queue;
	(void)pattern;
	done(owner, E_AWAY);
}

void lease_retry(struct lease **lease, int64_t delay_ms)
{
	(void)delay_ms;
	lease_release(lease);
}

struct fake_lease *fake_give(const char *queue, struct bytes body)
{
	assert_true(fake.lease_count < LEASES_MAX);
	struct lease *lease = &fake.leases[fake.lease_count++];
	*lease = (struct lease){.body = arena_copy(fake.arena, body)};
	for (size_t i = 0; i < CONSUMERS_MAX; i++) {
		struct consumer *consumer = &fake.consumers[i];
		if (consumer->is_open && strcmp(consumer->queue, queue) == 0)
			consumer->taken(consumer->owner, lease);
	}
	return &lease->seen;
}

struct bytes lease_body(const struct lease *lease)
{
	assert_int_equal(lease->seen.settled, LEASE_HELD);
	return lease->body;
}

static void settle(struct lease **lease, enum settled settled)
{
	assert_int_equal((*lease)->seen.settled, LEASE_HELD);
	(*lease)->seen.settled = settled;
	*lease = NULL;
}

void lease_ack(struct lease **lease)
{
	settle(lease, LEASE_ACKED);
}

void lease_release(struct lease **lease)
{
	settle(lease, LEASE_RELEASED);
}

void lease_bury(struct lease **lease, const char *reason)
{
	snprintf((*lease)->seen.reason, sizeof(*lease)->seen.reason, "%s", reason);
	settle(lease, LEASE_BURIED);
}

/* ---- turning the loop ---- */

struct condition {
	struct loop *loop;
	bool (*holds)(void *owner);
	void *owner;
};

static void check(void *owner)
{
	struct condition *condition = owner;
	if (condition->holds(condition->owner))
		loop_stop(condition->loop);
	else
		loop_post(condition->loop, check, condition);
}

void run_until_it_holds(struct loop *loop, bool (*holds)(void *owner), void *owner)
{
	struct condition condition = {loop, holds, owner};
	loop_post(loop, check, &condition);
	loop_run(loop);
}

static bool counted_down(void *owner)
{
	unsigned *turns = owner;
	return (*turns)-- == 0;
}

/* Each round lets what a finished write or an append sets off be set off. */
void run_until_quiet(struct loop *loop)
{
	for (int round = 0; round < 8; round++) {
		unsigned turns = 3;
		store_drain(loop);
		run_until_it_holds(loop, counted_down, &turns);
	}
}

void broker_unsubscribe(struct broker *broker, const char *queue, bool drops_messages,
			published done, void *owner)
{
	(void)broker, (void)queue, (void)drops_messages, (void)done, (void)owner;
}

const char *lease_message_id(const struct lease *lease)
{
	(void)lease;
	return "";
}

/* Nobody listens. */
struct asking *broker_ask(struct broker *broker, struct bytes question,
			  void (*answered)(void *owner, struct bytes answer), void *owner)
{
	(void)broker, (void)question, (void)answered, (void)owner;
	return NULL;
}

void asking_free(struct asking **asking)
{
	*asking = NULL;
}

/* Nobody asks here. */
void broker_listen(struct broker *broker,
		   void (*heard)(void *owner, struct bytes question, struct reply_address *address),
		   void *owner)
{
	(void)broker, (void)heard, (void)owner;
}

bool broker_answer(struct broker *broker, const struct reply_address *address, struct bytes answer)
{
	(void)broker, (void)address, (void)answer;
	return false;
}

void reply_address_free(struct reply_address **address)
{
	*address = NULL;
}
