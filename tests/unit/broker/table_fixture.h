/* For tests of what is asked of a replica: the table that it follows is the test's own, and each row is in its store at once. The two
 * table calls of broker.h are defined here. */
#ifndef LEVERET_TESTS_UNIT_BROKER_TABLE_FIXTURE_H
#define LEVERET_TESTS_UNIT_BROKER_TABLE_FIXTURE_H

#include "tests/store_fixture.h"

#include "broker/replica.h"

struct table_fixture {
	struct store_base base;
	struct replica *replica;
};

static struct {
	const char *name;
	const struct table_handler *handler;
	void *owner;
} followed;

struct table_follower *table_follow(struct broker *broker, const char *table, uint64_t position,
				    const struct table_handler *handler, void *owner)
{
	(void)broker, (void)position;
	assert_string_equal(table, followed.name);
	followed.handler = handler;
	followed.owner = owner;
	return (struct table_follower *)owner;
}

void table_follower_free(struct table_follower **follower)
{
	*follower = NULL;
}

static inline void table_open(struct table_fixture *table, const char *name)
{
	static const char *const databases[] = {REPLICA_DATABASES};
	store_base_open(&table->base, databases, sizeof databases / sizeof databases[0]);
	followed.name = name;
	table->replica = replica_new(NULL, table->base.loop, table->base.store, name, end_run,
				     table->base.loop);
}

static inline void table_close(struct table_fixture *table)
{
	replica_free(&table->replica);
	store_base_close(&table->base);
}

static inline void table_gives(struct table_fixture *table, struct bytes key, struct bytes value,
			       uint64_t version)
{
	struct table_entry entry = {.key = key, .value = value, .version = version};
	followed.handler->entry(followed.owner, &entry, version);
	followed.handler->caught_up(followed.owner);
	loop_run(table->base.loop);
}

#endif
