/* publishing -- kept, or can never be --> counted down; the last one is told
 *            -- away, blocked, full ----> waiting -- a second later --> publishing */
#include "bouncer/telling/teller.h"

#include <string.h>
#include <sys/queue.h>

#include "lib/base/buf.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define RETRY_MS  1000
#define BATCH_MAX 200
/* So that any number of queues may get it on every engine. */
#define BODY_MAX   ((size_t)512 << 10)
#define SINGLE_MAX ((size_t)900 << 10)

struct telling { /* one call */
	struct teller *teller;
	size_t unkept; /* one more until all were published */
	enum err err;  /* the first */
	void (*done)(void *owner, enum err err);
	void *owner;
};

struct batch {
	struct telling *telling;
	char key[EVENT_KEY_SIZE];
	struct buf body;
	STAILQ_ENTRY(batch) next; /* of those that wait */
};

struct teller {
	struct broker *broker;
	struct loop *loop;
	struct archive *archive; /* NULL: nothing is kept */
	struct timer *retry;
	STAILQ_HEAD(, batch) waiting;
	bool is_stopped;
	void (*heard)(void *owner, const struct bouncer_event *event);
	void *hearer;
};

static void count_down(struct telling *telling, enum err err)
{
	if (!telling->err)
		telling->err = err;
	if (--telling->unkept > 0)
		return;
	if (telling->done)
		telling->done(telling->owner, telling->err);
	free(telling);
}

static void end_batch(struct batch *batch, enum err err)
{
	struct telling *telling = batch->telling;
	buf_done(&batch->body);
	free(batch);
	count_down(telling, err);
}

static void on_published(void *owner, enum err err)
{
	struct batch *batch = owner;
	struct teller *teller = batch->telling->teller;
	if (err && err_then(err) != ERR_THEN_BURY && !teller->is_stopped) {
		STAILQ_INSERT_TAIL(&teller->waiting, batch, next);
		if (!timer_is_running(teller->retry))
			timer_start(teller->retry, RETRY_MS);
		return;
	}
	if (!err && teller->archive)
		archive_add(teller->archive, buf_bytes(&batch->body));
	bool is_later = err && err_then(err) != ERR_THEN_BURY;
	end_batch(batch, is_later ? E_CANCELLED : err);
}

static void publish(struct batch *batch)
{
	const struct publication publication = {
		.exchange = EXCHANGE_EVENTS, .key = batch->key, .head = buf_bytes(&batch->body)};
	broker_publish(batch->telling->teller->broker, &publication, on_published, batch);
}

static void on_retry(void *owner)
{
	struct teller *teller = owner;
	struct batch *batch;
	/* None comes back to the list from inside this loop: answers come from the loop of events. */
	while ((batch = STAILQ_FIRST(&teller->waiting))) {
		STAILQ_REMOVE_HEAD(&teller->waiting, next);
		publish(batch);
	}
}

/* ---- making batches ---- */

/* Others are not told what a door wrote for itself. */
static void complete(struct bouncer_event *event, struct arena *arena)
{
	event->result.labels.echo = BYTES_NONE;
	if (event->id.len > 0)
		return;
	char id[EVENT_ID_SIZE];
	event_id(event, id);
	event->id = arena_copy(arena, bytes_of(id));
}

static struct batch *encode(struct telling *telling, const struct bouncer_event_batch *events,
			    const char *key, size_t max)
{
	struct batch *batch = memory_new(sizeof *batch);
	batch->telling = telling;
	memcpy(batch->key, key, sizeof batch->key);
	buf_init(&batch->body, max);
	if (bouncer_event_batch_encode(events, &batch->body) == OK)
		return batch;
	buf_done(&batch->body);
	free(batch);
	return NULL;
}

/* Half and half where they are too large together. */
static void publish_some(struct telling *telling, struct bouncer_event *events, size_t count,
			 const char *key)
{
	const struct bouncer_event_batch all = {events, count};
	struct batch *batch = encode(telling, &all, key, count > 1 ? BODY_MAX : SINGLE_MAX);
	if (batch) {
		telling->unkept++;
		publish(batch);
	} else if (count > 1) {
		publish_some(telling, events, count / 2, key);
		publish_some(telling, events + count / 2, count - count / 2, key);
	} else if (!telling->err) {
		telling->err = E_TOO_BIG;
	}
}

void teller_tell(struct teller *teller, struct bouncer_event *events, size_t count,
		 void (*done)(void *owner, enum err err), void *owner)
{
	struct telling *telling = memory_new(sizeof *telling);
	struct arena *arena = arena_new();
	char key[EVENT_KEY_SIZE], next_key[EVENT_KEY_SIZE];
	*telling = (struct telling){.teller = teller, .unkept = 1, .done = done, .owner = owner};
	for (size_t i = 0, from = 0; i < count; i++) {
		complete(&events[i], arena);
		if (teller->heard)
			teller->heard(teller->hearer, &events[i]);
		if (i == from)
			event_key(&events[i], key);
		if (i + 1 < count)
			event_key(&events[i + 1], next_key);
		if (i + 1 < count && strcmp(key, next_key) == 0 && i + 1 - from < BATCH_MAX)
			continue;
		publish_some(telling, &events[from], i + 1 - from, key);
		from = i + 1;
	}
	arena_free(&arena);
	count_down(telling, OK);
}

/* ---- public ---- */

struct teller *teller_new(struct broker *broker, struct loop *loop)
{
	struct teller *teller = memory_new(sizeof *teller);
	teller->broker = broker;
	teller->loop = loop;
	teller->retry = timer_new(loop, on_retry, teller);
	STAILQ_INIT(&teller->waiting);
	return teller;
}

void teller_watch(struct teller *teller,
		  void (*heard)(void *owner, const struct bouncer_event *event), void *owner)
{
	teller->heard = heard;
	teller->hearer = owner;
}

void teller_keep(struct teller *teller, struct archive *archive)
{
	teller->archive = archive;
}

void teller_stop(struct teller *teller)
{
	struct batch *batch;
	teller->is_stopped = true;
	timer_stop(teller->retry);
	while ((batch = STAILQ_FIRST(&teller->waiting))) {
		STAILQ_REMOVE_HEAD(&teller->waiting, next);
		end_batch(batch, E_CANCELLED);
	}
}

void teller_free(struct teller **teller)
{
	struct teller *freeing = *teller;
	*teller = NULL;
	if (!freeing)
		return;
	teller_stop(freeing);
	timer_free(&freeing->retry);
	free(freeing);
}
