/* What an engine gives behind broker.h: a table of functions. broker.c finds the engine by the
 * scheme of broker.url and passes every call on; the handles that callers hold (broker, lease,
 * consumer, follower) are the first member of the engine's own structs. The contracts are those of
 * broker.h. */
#ifndef LEVERET_BROKER_ENGINE_H
#define LEVERET_BROKER_ENGINE_H

#include <string.h>

#include "broker/broker.h"

struct engine;

struct broker {
	const struct engine *engine;
};

struct consumer {
	const struct engine *engine;
};

struct table_follower {
	const struct engine *engine;
};

struct permit {
	const struct engine *engine;
};

struct asking {
	const struct engine *engine;
};

struct reply_address {
	uint64_t number; /* the core's, of the question */
	char queue[256]; /* or where answers go, */
	char id[24];	 /* with what mark */
};

typedef void (*heard_upcall)(void *owner, struct bytes question, struct reply_address *address);
typedef void (*answered_upcall)(void *owner, struct bytes answer);

/* The engine fills all of it before the lease is given out. */
struct lease {
	const struct engine *engine;
	struct bytes body;
	const char *key, *message_id, *content_type, *content_encoding, *reason; /* "" when none */
	bool is_redelivered;
	int64_t not_before_wall_ms; /* of a lease from a queue that queue_is_waiting(); else 0 */
	enum exchange exchange;	    /* of a lease from such a queue, or from QUEUE_LOST */
};

enum settlement { SETTLE_ACK, SETTLE_RETRY, SETTLE_RELEASE, SETTLE_BURY, SETTLE_REFUSE };

struct engine_start {
	struct loop *loop;
	const struct broker_settings *settings;
	const struct routing *routing;
	const char *role;
	void (*state_changed)(void *owner, enum broker_state state); /* NULL allowed */
	void *owner;
};

struct engine {
	enum err (*open)(const struct engine_start *start, struct broker **ret, struct why *why);
	void (*close)(struct broker *broker);
	enum broker_state (*state)(const struct broker *broker);
	bool (*is_refused)(const struct broker *broker, struct why *ret_why);

	void (*publish)(struct broker *broker, const struct publication *publication,
			published done, void *owner);
	uint64_t (*unconfirmed_bytes)(const struct broker *broker);
	size_t (*unconfirmed_count)(const struct broker *broker);

	struct consumer *(*consumer_new)(struct broker *broker,
					 const struct consumer_options *options,
					 void (*taken)(void *owner, struct lease *lease),
					 void *owner);
	void (*consumer_free)(struct consumer *consumer);
	void (*consumer_pause)(struct consumer *consumer, bool paused);
	bool (*lease_is_lost)(const struct lease *lease);
	/* delay_ms for SETTLE_RETRY, reason for SETTLE_BURY and SETTLE_REFUSE. The lease is the engine's from here
	 * on. */
	void (*lease_settle)(struct lease *lease, enum settlement how, int64_t delay_ms,
			     const char *reason);

	void (*subscribe)(struct broker *broker, const char *queue, const char *pattern,
			  published done, void *owner);
	void (*unsubscribe)(struct broker *broker, const char *queue, bool drops_messages,
			    published done, void *owner);

	void (*need_queue)(struct broker *broker, const char *queue, published done, void *owner);

	struct table_follower *(*table_follow)(struct broker *broker, const char *table,
					       uint64_t position,
					       const struct table_handler *handler, void *owner);
	void (*table_follower_free)(struct table_follower *follower);
	void (*table_append)(struct broker *broker, const char *table,
			     const struct table_entry *entry, published done, void *owner);
	/* NULL: all entries are kept */
	void (*table_forget)(struct broker *broker, const char *table, struct bytes key,
			     uint64_t version, published done, void *owner);
	/* NULL: never cut */
	int64_t (*table_kept_ms)(const struct broker *broker, const char *table);

	struct permit *(*permit_ask)(struct broker *broker, const char *name, unsigned limit,
				     const struct permit_handler *handler, void *owner);
	void (*permit_limit)(struct permit *permit, unsigned limit);
	void (*permit_free)(struct permit *permit);

	void (*listen)(struct broker *broker, heard_upcall heard, void *owner);
	bool (*answer)(struct broker *broker, const struct reply_address *address,
		       struct bytes answer); /* of a size that is allowed */
	struct asking *(*ask)(struct broker *broker, struct bytes question,
			      answered_upcall answered, void *owner);
	void (*asking_free)(struct asking *asking);

	void (*inspect)(struct broker *broker, bool looks_at_heads,
			void (*each)(void *owner, const struct queue_status *status),
			published done, void *owner);
};

/* Names of delivery queues, in every engine: pool and site, pool and shard. */
#define ENGINE_DELIVERY_QUEUE "deliver.%s.%s"
#define ENGINE_TAIL_QUEUE     "deliver.%s.tail-%u"
/* Of queues that hold only what waits. */
#define ENGINE_DELAY_QUEUES "leveret.delay."

/* Of broker_subscribe(): a pattern for EXCHANGE_EVENTS. Keys of results never begin so. */
static inline bool engine_is_event_pattern(const char *pattern)
{
	return strncmp(pattern, "event", 5) == 0 && (pattern[5] == '.' || pattern[5] == '\0');
}

/* What a listener may still hear. */
struct question_budget {
	int64_t second; /* of the loop's time */
	unsigned heard_count;
};
static inline bool question_budget_take(struct question_budget *budget, int64_t now_ms)
{
	if (budget->second != now_ms / 1000)
		*budget = (struct question_budget){.second = now_ms / 1000};
	return ++budget->heard_count <= CONTROL_QUESTIONS_PER_S;
}

#endif
