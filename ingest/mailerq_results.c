/* See mailerq_results.h.
 *
 *   subscribe (again until it is done) -> consume
 *   lease -> decode -> publish each of ours -> all kept -> ack
 *     no such queue -> make it -> publish again -> still none -> into `buried`, with the reason
 *     not kept      -> the lease comes again: readers may see a result twice */
#include "ingest/mailerq_results.h"

#include <assert.h>

#include "ingest/mailerq/report.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define PREFETCH       50
#define PREFETCH_BYTES ((size_t)32 << 20)
#define AGAIN_MS       2000
#define ALL_RESULTS    "#"

/* The request for our queue of results. Its answer may come when we are gone. */
struct subscribing {
	struct mailerq_results *results; /* NULL: nobody waits */
};

struct mailerq_results {
	struct node node;
	struct broker *broker;
	const struct mailerq_settings *settings;
	struct subscribing *subscribing;
	struct consumer *consumer;
	struct timer *again; /* to subscribe */
	struct batch *batches;
	bool is_stopped;
};

/* A lease under way. Its end waits for all that was asked of the broker for it, even when we are gone. */
struct batch {
	struct mailerq_results *results; /* NULL: gone */
	struct lease *lease;
	struct arena *arena;
	size_t pending_count;
	enum err err;
	struct batch *next, **link;
};

/* A result on its way to one queue. In its batch's arena. */
struct copy {
	struct batch *batch;
	const char *queue, *id;
	struct bytes json;
	bool was_made; /* the queue was missing, and asked for */
};

/* ---- batches ---- */

static struct batch *batch_new(struct mailerq_results *results, struct lease *lease)
{
	struct batch *batch = memory_new(sizeof *batch);
	batch->results = results;
	batch->lease = lease;
	batch->arena = arena_new();
	batch->next = results->batches;
	batch->link = &results->batches;
	if (batch->next)
		batch->next->link = &batch->next;
	results->batches = batch;
	return batch;
}

static void batch_free(struct batch *batch)
{
	if (batch->results) {
		*batch->link = batch->next;
		if (batch->next)
			batch->next->link = batch->link;
	}
	arena_free(&batch->arena);
	free(batch);
}

static void end_if_done(struct batch *batch)
{
	if (batch->pending_count > 0)
		return;
	if (batch->results && batch->err == OK)
		lease_ack(&batch->lease);
	else if (batch->results)
		lease_retry(&batch->lease, AGAIN_MS);
	batch_free(batch);
}

static void note(struct batch *batch, enum err err)
{
	assert(batch->pending_count > 0);
	batch->pending_count--;
	if (err != OK)
		batch->err = err;
	end_if_done(batch);
}

/* ---- copies ---- */

static void send_copy(struct copy *copy);

static void on_buried(void *owner, enum err err)
{
	note(owner, err);
}

static void bury(struct copy *copy, const char *why)
{
	struct batch *batch = copy->batch;
	const char *reason = arena_printf(batch->arena, "mailerq: queue %s: %s", copy->queue, why);
	log_event(EV_lease_buried, F_TEXT("message", copy->id), F_TEXT("reason", reason));
	broker_publish(batch->results->broker,
		       &(struct publication){.exchange = EXCHANGE_BURIED,
					     .key = copy->queue,
					     .message_id = copy->id,
					     .content_type = "application/json",
					     .reason = reason,
					     .head = copy->json},
		       on_buried, batch);
}

static void on_made(void *owner, enum err err)
{
	struct copy *copy = owner;
	if (!copy->batch->results)
		note(copy->batch, err);
	else if (err == OK)
		send_copy(copy);
	else if (err == E_REFUSED)
		bury(copy, "it is missing and cannot be made");
	else
		note(copy->batch, err);
}

static void on_sent(void *owner, enum err err)
{
	struct copy *copy = owner;
	struct batch *batch = copy->batch;
	if (err != OK)
		log_event(EV_publication_failed, F_TEXT("reason", err_text(err)),
			  F_TEXT("queue", copy->queue));
	if (err == OK || !batch->results) {
		note(batch, err);
	} else if (err == E_UNROUTABLE && !copy->was_made) {
		copy->was_made = true;
		broker_need_queue(batch->results->broker, copy->queue, on_made, copy);
	} else if (err == E_UNROUTABLE || err_then(err) != ERR_THEN_RETRY) {
		bury(copy, err_text(err));
	} else {
		note(batch, err);
	}
}

static void send_copy(struct copy *copy)
{
	broker_publish(copy->batch->results->broker,
		       &(struct publication){.exchange = EXCHANGE_FOREIGN,
					     .key = copy->queue,
					     .message_id = copy->id,
					     .content_type = "application/json",
					     .head = copy->json},
		       on_sent, copy);
}

static void publish(struct batch *batch, const struct result *result)
{
	struct mailerq_results *results = batch->results;
	struct mailerq_report report;
	if (!mailerq_report(batch->arena, result, results->settings, results->node.routing,
			    &report))
		return;
	for (size_t i = 0; i < report.queue_count; i++) {
		struct copy *copy = arena_zalloc(batch->arena, 1, sizeof *copy);
		*copy = (struct copy){.batch = batch,
				      .queue = report.queues[i],
				      .id = arena_cstr(batch->arena, result->id),
				      .json = report.json};
		batch->pending_count++;
		send_copy(copy);
	}
}

static void on_taken(void *owner, struct lease *lease)
{
	struct batch *batch = batch_new(owner, lease);
	struct result_batch decoded;
	struct why why = {""};
	enum err err = result_batch_decode(batch->arena, lease_body(lease), &decoded, &why);
	if (err != OK) {
		lease_bury(&batch->lease, why.text);
		batch_free(batch);
		return;
	}
	for (size_t i = 0; i < decoded.count; i++)
		publish(batch, &decoded.results[i]);
	end_if_done(batch);
}

/* ---- subscribing ---- */

static void on_subscribed(void *owner, enum err err)
{
	static const struct consumer_options options = {.queue = QUEUE_MAILERQ_RESULTS,
							.prefetch = PREFETCH,
							.prefetch_bytes = PREFETCH_BYTES};
	struct subscribing *subscribing = owner;
	struct mailerq_results *results = subscribing->results;
	free(subscribing);
	if (!results)
		return;
	results->subscribing = NULL;
	if (results->is_stopped)
		return;
	if (err == OK)
		results->consumer = consumer_new(results->broker, &options, on_taken, results);
	else
		timer_start(results->again, AGAIN_MS);
}

static void subscribe(void *owner)
{
	struct mailerq_results *results = owner;
	results->subscribing = memory_new(sizeof *results->subscribing);
	results->subscribing->results = results;
	broker_subscribe(results->broker, QUEUE_MAILERQ_RESULTS, ALL_RESULTS, on_subscribed,
			 results->subscribing);
}

/* ---- life ---- */

struct mailerq_results *mailerq_results_new(const struct node *node, struct broker *broker,
					    const struct mailerq_settings *settings)
{
	struct mailerq_results *results = memory_new(sizeof *results);
	results->node = *node;
	results->broker = broker;
	results->settings = settings;
	results->again = timer_new(node->loop, subscribe, results);
	subscribe(results);
	return results;
}

void mailerq_results_stop(struct mailerq_results *results)
{
	results->is_stopped = true;
	timer_stop(results->again);
	consumer_free(&results->consumer);
}

void mailerq_results_free(struct mailerq_results **results)
{
	struct mailerq_results *old = *results;
	if (!old)
		return;
	*results = NULL;
	mailerq_results_stop(old);
	for (struct batch *batch = old->batches, *next; batch; batch = next) {
		next = batch->next;
		lease_release(&batch->lease);
		batch->results = NULL;
	}
	if (old->subscribing)
		old->subscribing->results = NULL;
	timer_free(&old->again);
	free(old);
}
