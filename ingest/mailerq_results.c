/* See mailerq_results.h.
 *
 *   subscribe (again until it is done) -> consume
 *   lease -> decode -> a copy of each of ours for each of its queues -> all done -> ack
 *     not so -> the broker is away or keeps nothing: the lease comes again, and readers may see a result twice */
#include "ingest/mailerq_results.h"

#include <assert.h>

#include "ingest/mailerq/report.h"
#include "ingest/mailerq_copies.h"
#include "lib/base/memory.h"

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
	struct mailerq_copies *copies;
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

static void on_copied(void *owner, enum err err)
{
	note(owner, err);
}

static void publish(struct batch *batch, const struct result *result)
{
	struct mailerq_results *results = batch->results;
	struct mailerq_report report;
	if (!mailerq_report(batch->arena, result, results->settings, results->node.routing,
			    &report))
		return;
	for (size_t i = 0; i < report.place_count; i++) {
		struct mailerq_copy *copy = arena_zalloc(batch->arena, 1, sizeof *copy);
		*copy = (struct mailerq_copy){.queue = report.places[i].queue,
					      .instead = report.places[i].instead,
					      .id = arena_cstr(batch->arena, result->id),
					      .json = report.json,
					      .done = on_copied,
					      .owner = batch};
		batch->pending_count++;
		mailerq_copies_send(results->copies, copy);
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
	results->copies = mailerq_copies_new(
		&(struct mailerq_copies_options){.loop = node->loop,
						 .broker = broker,
						 .made_max = (size_t)settings->made_queues_max});
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
	mailerq_copies_free(&old->copies);
	if (old->subscribing)
		old->subscribing->results = NULL;
	timer_free(&old->again);
	free(old);
}
