/* appending -- kept, or can never be --> done
 *           -- away, blocked, full ----> waiting -- a second later --> appending */
#include "bouncer/appender.h"

#include <string.h>
#include <sys/queue.h>

#include "broker/replica.h"
#include "lib/base/buf.h"
#include "lib/base/memory.h"

#define RETRY_MS 1000

struct appending {
	struct appender *appender;
	const char *table;
	uint8_t key[STORE_KEY_MAX];
	size_t key_len;
	struct buf value;
	uint64_t version;
	void (*done)(void *owner, enum err err);
	void *owner;
	STAILQ_ENTRY(appending) next; /* of those that wait */
};

struct appender {
	struct broker *broker;
	struct timer *retry;
	STAILQ_HEAD(, appending) waiting;
	bool is_stopped;
};

static void finish(struct appending *appending, enum err err)
{
	appending->done(appending->owner, err);
	buf_done(&appending->value);
	free(appending);
}

static void on_appended(void *owner, enum err err)
{
	struct appending *appending = owner;
	struct appender *appender = appending->appender;
	if (!err || err_then(err) == ERR_THEN_BURY) {
		finish(appending, err);
	} else if (appender->is_stopped) {
		finish(appending, E_CANCELLED);
	} else {
		STAILQ_INSERT_TAIL(&appender->waiting, appending, next);
		if (!timer_is_running(appender->retry))
			timer_start(appender->retry, RETRY_MS);
	}
}

static void append(struct appending *appending)
{
	struct table_entry entry = {
		.key = bytes_from(appending->key, appending->key_len),
		.value = buf_bytes(&appending->value),
		.version = appending->version,
	};
	table_append(appending->appender->broker, appending->table, &entry, on_appended, appending);
}

static void on_retry(void *owner)
{
	struct appender *appender = owner;
	struct appending *appending;
	/* None comes back to the list from inside this loop: answers come from the loop of events. */
	while ((appending = STAILQ_FIRST(&appender->waiting))) {
		STAILQ_REMOVE_HEAD(&appender->waiting, next);
		append(appending);
	}
}

void appender_append(struct appender *appender, const char *table, const struct table_entry *entry,
		     void (*done)(void *owner, enum err err), void *owner)
{
	struct appending *appending = memory_new(sizeof *appending);
	appending->appender = appender;
	appending->table = table;
	appending->version = entry->version;
	appending->done = done;
	appending->owner = owner;
	buf_init(&appending->value, REPLICA_VALUE_MAX);
	if (entry->key.len > sizeof appending->key ||
	    buf_append(&appending->value, entry->value) != OK) {
		finish(appending, E_TOO_BIG);
		return;
	}
	appending->key_len = entry->key.len;
	memcpy(appending->key, entry->key.data, entry->key.len);
	append(appending);
}

struct appender *appender_new(struct broker *broker, struct loop *loop)
{
	struct appender *appender = memory_new(sizeof *appender);
	appender->broker = broker;
	appender->retry = timer_new(loop, on_retry, appender);
	STAILQ_INIT(&appender->waiting);
	return appender;
}

void appender_stop(struct appender *appender)
{
	struct appending *appending;
	appender->is_stopped = true;
	timer_stop(appender->retry);
	while ((appending = STAILQ_FIRST(&appender->waiting))) {
		STAILQ_REMOVE_HEAD(&appender->waiting, next);
		finish(appending, E_CANCELLED);
	}
}

void appender_free(struct appender **appender)
{
	struct appender *freeing = *appender;
	*appender = NULL;
	if (!freeing)
		return;
	appender_stop(freeing);
	timer_free(&freeing->retry);
	free(freeing);
}
