#include "tests/check.h"

#include <stdio.h>

#include "broker/learned_sites.h"
#include "tests/unit/ingest/fixture_broker.h"

enum broker_state broker_state(const struct broker *broker)
{
	return broker->state;
}

uint64_t broker_unconfirmed_bytes(const struct broker *broker)
{
	return broker->unconfirmed_bytes;
}

void broker_publish(struct broker *broker, const struct publication *publication, published done,
		    void *owner)
{
	assert_true(broker->count < FAKE_PUBLICATIONS_MAX);
	struct fake_publication *kept = &broker->publications[broker->count++];
	*kept = (struct fake_publication){
		.exchange = publication->exchange,
		.bytes = publication->head.len + blob_size(publication->tail),
		.not_before_wall_ms = publication->not_before_wall_ms,
		.done = done,
		.owner = owner,
	};
	(void)snprintf(kept->key, sizeof kept->key, "%s", publication->key);
	broker->unconfirmed_bytes += kept->bytes;
}

void fake_broker_confirm(struct broker *broker, size_t index, enum err err)
{
	assert_true(index < broker->count);
	struct fake_publication *kept = &broker->publications[index];
	assert_false(kept->is_confirmed);
	kept->is_confirmed = true;
	broker->unconfirmed_bytes -= kept->bytes;
	kept->done(kept->owner, err);
}

void broker_need_queue(struct broker *broker, const char *queue, published done, void *owner)
{
	assert_true(broker->need_count < FAKE_NEEDS_MAX);
	struct fake_need *need = &broker->needs[broker->need_count++];
	*need = (struct fake_need){.done = done, .owner = owner};
	(void)snprintf(need->key, sizeof need->key, "%s", queue);
}

void fake_broker_need(struct broker *broker, size_t index, enum err err)
{
	assert_true(index < broker->need_count);
	broker->needs[index].done(broker->needs[index].owner, err);
}

/* ---- what was learned of sites: nothing ---- */

const char *learned_site_find(struct replica *replica, const struct routing *routing,
			      const char *domain, int64_t wall_ms)
{
	(void)replica, (void)routing, (void)domain, (void)wall_ms;
	return NULL;
}
