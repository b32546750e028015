/* The original and each copy -- kept, or can never be --> counted down; the last one tells the owner */
#include "broker/rabbitmq/json_copies.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "schemas/schemas.h"

#define COPY_BYTES ((size_t)256 << 10) /* a copy that has so many is whole */
#define ITEM_MAX   ((size_t)8 << 20)

struct waiting { /* for the original and its copies */
	size_t unkept;
	enum err err; /* the first; but the end of all, E_CANCELLED, hides it */
	published done;
	void *owner;
};

bool json_copies_are_wanted(const struct broker_settings *settings, enum exchange exchange)
{
	unsigned wanted = (unsigned)settings->json_copies; /* 1: results, 2: events, 3: both */
	return (exchange == EXCHANGE_RESULTS && (wanted & 1)) ||
	       (exchange == EXCHANGE_EVENTS && (wanted & 2));
}

static void on_kept(void *owner, enum err err)
{
	struct waiting *waiting = owner;
	if (!waiting->err || err == E_CANCELLED)
		waiting->err = err;
	if (--waiting->unkept > 0)
		return;
	waiting->done(waiting->owner, waiting->err);
	free(waiting);
}

/* Mail does not wait for what the broker will never take. */
static void on_copy_kept(void *owner, enum err err)
{
	bool is_hopeless = err && err_then(err) == ERR_THEN_BURY;
	if (is_hopeless)
		log_event(EV_json_copy_left_out, F_TEXT("reason", err_text(err)));
	on_kept(owner, is_hopeless ? OK : err);
}

/* ---- writing ---- */

struct writing {
	struct publisher *publisher;
	struct outgoing copy;
	struct waiting *waiting;
	struct buf body;
};

static void log_left_out(const struct writing *writing, const char *reason)
{
	log_event(EV_json_copy_left_out, F_TEXT("exchange", writing->copy.exchange),
		  F_TEXT("key", writing->copy.key), F_TEXT("reason", reason));
}

static void publish(struct writing *writing)
{
	enum err err = buf_append(&writing->body, BYTES("]"));
	assert(!err); /* add() leaves room */
	writing->copy.head = buf_bytes(&writing->body);
	writing->waiting->unkept++;
	publisher_publish(writing->publisher, &writing->copy, on_copy_kept, writing->waiting);
	buf_clear(&writing->body);
}

static void add(struct writing *writing, enum err (*to_json)(const void *item, struct buf *out),
		const void *item)
{
	struct buf *body = &writing->body;
	size_t before = body->len;
	enum err err = buf_append(body, before == 0 ? BYTES("[") : BYTES(","));
	if (!err)
		err = to_json(item, body);
	if (!err && buf_room(body) == 0)
		err = E_FULL;
	if (err) {
		body->len = before;
		log_left_out(writing, err_text(err));
	} else if (body->len >= COPY_BYTES) {
		publish(writing);
	}
}

static enum err result_item(const void *item, struct buf *out)
{
	return result_to_json(item, out);
}

static enum err event_item(const void *item, struct buf *out)
{
	return bouncer_event_to_json(item, out);
}

static enum err add_results(struct writing *writing, struct arena *arena, struct bytes body,
			    struct why *why)
{
	struct result_batch batch;
	enum err err = result_batch_decode(arena, body, &batch, why);
	for (size_t i = 0; !err && i < batch.count; i++)
		add(writing, result_item, &batch.results[i]);
	return err;
}

static enum err add_events(struct writing *writing, struct arena *arena, struct bytes body,
			   struct why *why)
{
	struct bouncer_event_batch batch;
	enum err err = bouncer_event_batch_decode(arena, body, &batch, why);
	for (size_t i = 0; !err && i < batch.count; i++)
		add(writing, event_item, &batch.events[i]);
	return err;
}

static void publish_copies(struct writing *writing, enum exchange exchange, struct bytes body)
{
	struct arena *arena = arena_new();
	struct why why;
	enum err err = exchange == EXCHANGE_RESULTS ? add_results(writing, arena, body, &why)
						    : add_events(writing, arena, body, &why);
	if (err)
		log_left_out(writing, why.text);
	if (writing->body.len > 0)
		publish(writing);
	arena_free(&arena);
}

void json_copies_publish(struct publisher *publisher, enum exchange exchange, const char *to,
			 const struct outgoing *original, published done, void *owner)
{
	struct waiting *waiting = memory_new(sizeof *waiting);
	*waiting = (struct waiting){.unkept = 1, .done = done, .owner = owner};
	struct writing writing = {.publisher = publisher, .copy = *original, .waiting = waiting};
	publisher_publish(publisher, original, on_kept, waiting);
	writing.copy.exchange = to;
	writing.copy.content_type = "application/json";
	writing.copy.tail = NULL;
	buf_init(&writing.body, ITEM_MAX + COPY_BYTES);
	publish_copies(&writing, exchange, original->head);
	buf_done(&writing.body);
}
