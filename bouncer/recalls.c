/* appending -- kept, or can never be --> done
 *           -- away, blocked, full ----> waiting -- a second later --> appending */
#include "bouncer/recalls.h"

#include <sys/queue.h>

#include "broker/recalls.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define RETRY_MS 1000

struct recall {
	struct recalls *recalls;
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t key_len;
	struct buf value; /* the directive */
	uint64_t version;
	void (*done)(void *owner, enum err err);
	void *owner;
	STAILQ_ENTRY(recall) next; /* of those that wait */
};

struct recalls {
	struct broker *broker;
	struct loop *loop;
	struct timer *retry;
	STAILQ_HEAD(, recall) waiting;
	bool is_stopped;
};

static void finish(struct recall *recall, enum err err)
{
	recall->done(recall->owner, err);
	buf_done(&recall->value);
	free(recall);
}

static void on_appended(void *owner, enum err err)
{
	struct recall *recall = owner;
	struct recalls *recalls = recall->recalls;
	if (!err || err_then(err) == ERR_THEN_BURY) {
		finish(recall, err);
	} else if (recalls->is_stopped) {
		finish(recall, E_CANCELLED);
	} else {
		STAILQ_INSERT_TAIL(&recalls->waiting, recall, next);
		if (!timer_is_running(recalls->retry))
			timer_start(recalls->retry, RETRY_MS);
	}
}

static void append(struct recall *recall)
{
	struct table_entry entry = {
		.key = bytes_from(recall->key, recall->key_len),
		.value = buf_bytes(&recall->value),
		.version = recall->version,
	};
	table_append(recall->recalls->broker, DIRECTIVES_TABLE, &entry, on_appended, recall);
}

static void on_retry(void *owner)
{
	struct recalls *recalls = owner;
	struct recall *recall;
	/* None comes back to the list from inside this loop: answers come from the loop of events. */
	while ((recall = STAILQ_FIRST(&recalls->waiting))) {
		STAILQ_REMOVE_HEAD(&recalls->waiting, next);
		append(recall);
	}
}

void recalls_record(struct recalls *recalls, const struct directive *wish,
		    void (*done)(void *owner, enum err err), void *owner)
{
	struct recall *recall = memory_new(sizeof *recall);
	recall->recalls = recalls;
	recall->key_len = directive_key(wish, recall->key);
	recall->version = (uint64_t)wish->until_wall_ms;
	recall->done = done;
	recall->owner = owner;
	buf_init(&recall->value, REPLICA_VALUE_MAX);
	if (directive_encode(wish, &recall->value) != OK) {
		finish(recall, E_TOO_BIG);
		return;
	}
	log_event(EV_campaign_recalled, F_BYTES("tenant", wish->tenant),
		  F_BYTES("campaign", wish->campaign), F_BYTES("by", wish->by));
	append(recall);
}

struct recalls *recalls_new(struct broker *broker, struct loop *loop)
{
	struct recalls *recalls = memory_new(sizeof *recalls);
	recalls->broker = broker;
	recalls->loop = loop;
	recalls->retry = timer_new(loop, on_retry, recalls);
	STAILQ_INIT(&recalls->waiting);
	return recalls;
}

void recalls_stop(struct recalls *recalls)
{
	struct recall *recall;
	recalls->is_stopped = true;
	timer_stop(recalls->retry);
	while ((recall = STAILQ_FIRST(&recalls->waiting))) {
		STAILQ_REMOVE_HEAD(&recalls->waiting, next);
		finish(recall, E_CANCELLED);
	}
}

void recalls_free(struct recalls **recalls)
{
	struct recalls *freeing = *recalls;
	*recalls = NULL;
	if (!freeing)
		return;
	recalls_stop(freeing);
	timer_free(&freeing->retry);
	free(freeing);
}
