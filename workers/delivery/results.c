/* One batch per routing key is filling; a full one, or one that waited long enough, is encoded and posted. Since all wait equally
 * long, the batches in order of birth are in order of their time. */
#include "workers/delivery/results.h"

#include <assert.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/memory.h"

#define BATCH_ENCODED_MAX (16u << 20)
#define BATCH_SOFT_MAX	  (256u << 10) /* posted early: a batch is one message to the broker */

struct waiter {
	void (*kept)(void *owner);
	void *owner;
};

struct batch {
	char key[RESULT_KEY_SIZE];
	struct results *set;
	int64_t due_ms;
	struct result_batch results;
	struct waiter *waiters;
	size_t bytes; /* about, when encoded */
	bool is_filling;
	TAILQ_ENTRY(batch) next;
};
TAILQ_HEAD(batch_list, batch);

struct results {
	struct loop *loop;
	struct postings *postings;
	const struct worker_settings *settings;
	void *by_key; /* tsearch tree of filling batches */
	struct batch_list filling, flying;
	struct timer *timer;
};

static int by_key(const void *left, const void *right)
{
	return strcmp(((const struct batch *)left)->key, ((const struct batch *)right)->key);
}

void result_key(const struct result *result, char out[RESULT_KEY_SIZE])
{
	(void)snprintf(out, RESULT_KEY_SIZE, "%s.%.*s.%.*s", result_event_name(result->event),
		       BYTES_ARGS(result->pool), BYTES_ARGS(result->site));
}

static size_t size_of(const struct result *result)
{
	size_t size = 400 + result->labels.echo.len + result->text.len + result->sender.len +
		      result->recipient.len + result->original.len + result->esmtp.len;
	for (size_t i = 0; i < result->header_count; i++)
		size += result->headers[i].name.len + result->headers[i].value.len;
	for (size_t i = 0; i < result->labels.metadata_count; i++)
		size += result->labels.metadata[i].name.len + result->labels.metadata[i].value.len;
	for (size_t i = 0; i < result->labels.tag_count; i++)
		size += result->labels.tags[i].len;
	return size;
}

static void batch_free(struct batch *batch)
{
	struct results *results = batch->set;
	if (batch->is_filling) {
		(void)tdelete(batch, &results->by_key, by_key);
		TAILQ_REMOVE(&results->filling, batch, next);
	} else {
		TAILQ_REMOVE(&results->flying, batch, next);
	}
	free(batch->results.results);
	free(batch->waiters);
	free(batch);
}

/* ---- posting ---- */

static void on_posted(void *owner, bool is_kept)
{
	struct batch *batch = owner;
	assert(is_kept); /* results are always wanted */
	for (size_t i = 0; i < batch->results.count; i++)
		batch->waiters[i].kept(batch->waiters[i].owner);
	batch_free(batch);
}

static const struct posting_handler posting_handler = {.done = on_posted};

static void post(struct batch *batch)
{
	struct results *results = batch->set;
	struct buf encoded;
	(void)tdelete(batch, &results->by_key, by_key);
	TAILQ_REMOVE(&results->filling, batch, next);
	TAILQ_INSERT_TAIL(&results->flying, batch, next);
	batch->is_filling = false;

	buf_init(&encoded, BATCH_ENCODED_MAX);
	enum err err = result_batch_encode(&batch->results, &encoded);
	assert(!err); /* results_batch times the limits of schemas.h is far below the maximum */
	postings_add(results->postings,
		     &(struct publication){.exchange = EXCHANGE_RESULTS,
					   .key = batch->key,
					   .head = buf_bytes(&encoded)},
		     &posting_handler, batch);
	buf_done(&encoded);
}

/* ---- filling ---- */

static void start_timer(struct results *results)
{
	const struct batch *first = TAILQ_FIRST(&results->filling);
	int64_t left_ms = first ? first->due_ms - loop_now_ms(results->loop) : 0;
	if (!first)
		timer_stop(results->timer);
	else if (!timer_is_running(results->timer))
		timer_start(results->timer, left_ms > 0 ? left_ms : 0);
}

static void on_due(void *owner)
{
	struct results *results = owner;
	struct batch *batch;
	while ((batch = TAILQ_FIRST(&results->filling)) &&
	       batch->due_ms <= loop_now_ms(results->loop))
		post(batch);
	start_timer(results);
}

static struct batch *batch_for(struct results *results, const char *key)
{
	struct batch *batch = memory_new(sizeof *batch);
	(void)snprintf(batch->key, sizeof batch->key, "%s", key);
	struct batch **found = tsearch(batch, &results->by_key, by_key);
	if (!found)
		abort();
	if (*found != batch) {
		free(batch);
		return *found;
	}
	batch->set = results;
	batch->is_filling = true;
	batch->due_ms = loop_now_ms(results->loop) + results->settings->results_wait;
	batch->results.results =
		memory_array((size_t)results->settings->results_batch, sizeof(struct result));
	batch->waiters =
		memory_array((size_t)results->settings->results_batch, sizeof(struct waiter));
	TAILQ_INSERT_TAIL(&results->filling, batch, next);
	start_timer(results);
	return batch;
}

void results_add(struct results *results, const struct result *result, void (*kept)(void *owner),
		 void *owner)
{
	char key[RESULT_KEY_SIZE];
	result_key(result, key);
	struct batch *batch = batch_for(results, key);
	batch->waiters[batch->results.count] = (struct waiter){kept, owner};
	batch->results.results[batch->results.count++] = *result;
	batch->bytes += size_of(result);
	if (batch->results.count >= (size_t)results->settings->results_batch ||
	    batch->bytes >= BATCH_SOFT_MAX)
		post(batch);
}

void results_flush(struct results *results)
{
	while (!TAILQ_EMPTY(&results->filling))
		post(TAILQ_FIRST(&results->filling));
	start_timer(results);
}

/* ---- birth and end ---- */

struct results *results_new(struct loop *loop, struct postings *postings,
			    const struct worker_settings *settings)
{
	struct results *results = memory_new(sizeof *results);
	*results = (struct results){.loop = loop, .postings = postings, .settings = settings};
	TAILQ_INIT(&results->filling);
	TAILQ_INIT(&results->flying);
	results->timer = timer_new(loop, on_due, results);
	return results;
}

void results_free(struct results **results)
{
	struct results *r = *results;
	if (!r)
		return;
	*results = NULL;
	while (!TAILQ_EMPTY(&r->filling))
		batch_free(TAILQ_FIRST(&r->filling));
	while (!TAILQ_EMPTY(&r->flying))
		batch_free(TAILQ_FIRST(&r->flying));
	timer_free(&r->timer);
	free(r);
}
