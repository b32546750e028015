/* subscribe (again until it is done) -> consume
 *
 * Heads that were noted and leases that were taken fill a batch; a moment later, or when it is large, it becomes one job: heads, then
 * results -- written --> leases acked, next batch
 *         -- no space -> the same job again, a while later
 *         -- failed for good -> nothing is remembered any more until the next start */
#include "ingest/traces.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define PREFETCH       1000
#define PREFETCH_BYTES ((size_t)32 << 20)
#define GATHER_MS      200
#define FULL_COUNT     500
#define NOTED_MAX      ((size_t)64 << 20) /* that wait for a disk that is full: more is not remembered */
#define AGAIN_MS       2000
#define SWEEP_MS       (60 * 1000)
#define SWEEP_MORE_MS  50
#define QUEUE_NAME     QUEUE_HOST_PREFIX "results.%s"

struct noted {
	struct trace_id id;
	int64_t accepted_wall_ms;
	struct bytes head;
	struct noted *next;
};
struct taken {
	struct lease *lease;
	struct taken *next;
};
struct batch { /* all of it in the arena */
	struct arena *arena;
	struct noted *noted, **noted_end;
	struct taken *taken, **taken_end;
	size_t count, noted_bytes;
};

/* The request for our queue of results. Its answer may come when we are gone. */
struct subscribing {
	struct traces *traces; /* NULL: nobody waits */
};

struct traces {
	struct node node;
	struct broker *broker;
	const struct ingest_settings *settings;
	struct store *store;
	struct trace_rows rows;
	char queue[QUEUE_NAME_MAX];
	struct subscribing *subscribing;
	struct consumer *consumer;
	struct timer *again; /* to subscribe */

	struct batch filling, running;
	struct arena *scratch; /* of the job under way */
	bool is_running, is_stopped, is_broken;
	struct timer *gather, *retry;

	struct timer *sweep;
	int64_t sweep_before_wall_ms;
	uint64_t sweep_rows_max;
	bool is_sweeping, is_swept;
};

/* ---- batches ---- */

static void batch_init(struct batch *batch)
{
	*batch = (struct batch){.arena = arena_new()};
	batch->noted_end = &batch->noted;
	batch->taken_end = &batch->taken;
}

static void batch_settle(struct batch *batch, bool is_done)
{
	for (struct taken *taken = batch->taken; taken; taken = taken->next) {
		if (is_done)
			lease_ack(&taken->lease);
		else
			lease_release(&taken->lease);
	}
	batch->taken = NULL;
}

static enum err put_results(const struct traces *traces, struct store_txn *txn,
			    const struct taken *taken)
{
	struct result_batch results;
	enum err err = OK;
	arena_reset(traces->scratch);
	if (result_batch_decode(traces->scratch, lease_body(taken->lease), &results, NULL) != OK)
		return OK; /* the bouncer buries its copy */
	for (size_t i = 0; i < results.count && !err; i++)
		err = trace_put_result(txn, &traces->rows, &results.results[i]);
	return err;
}

static enum err write_batch(void *owner, struct store_txn *txn)
{
	const struct traces *traces = owner;
	enum err err = OK;
	for (const struct noted *n = traces->running.noted; n && !err; n = n->next)
		err = trace_put_head(txn, &traces->rows, &n->id, n->accepted_wall_ms, n->head);
	for (const struct taken *t = traces->running.taken; t && !err; t = t->next)
		err = put_results(traces, txn, t);
	return err;
}

static void write_on(struct traces *traces);

static void give_up(struct traces *traces)
{
	traces->is_broken = true;
	consumer_free(&traces->consumer);
	batch_settle(&traces->running, false);
	batch_settle(&traces->filling, false);
}

static void on_written(void *owner, enum err err)
{
	struct traces *traces = owner;
	if (err != OK)
		log_event(EV_store_failed, F_TEXT("what", "traces"),
			  F_TEXT("reason", err_text(err)));
	if (err == E_FULL && !traces->is_stopped) {
		timer_start(traces->retry, AGAIN_MS);
		return;
	}
	if (err != OK)
		give_up(traces);
	batch_settle(&traces->running, true);
	arena_free(&traces->running.arena);
	traces->is_running = false;
	write_on(traces);
}

static void write_running(void *owner)
{
	struct traces *traces = owner;
	store_write(traces->store, write_batch, traces->node.loop, on_written, traces);
}

static void start_batch(void *owner)
{
	struct traces *traces = owner;
	if (traces->is_running || traces->is_broken || traces->filling.count == 0)
		return;
	timer_stop(traces->gather);
	traces->running = traces->filling; /* its ends are not used any more */
	batch_init(&traces->filling);
	traces->is_running = true;
	write_running(traces);
}

static void write_on(struct traces *traces)
{
	if (traces->filling.count >= FULL_COUNT || traces->is_stopped)
		start_batch(traces);
	else if (traces->filling.count > 0 && !timer_is_running(traces->gather))
		timer_start(traces->gather, GATHER_MS);
}

/* ---- what comes ---- */

void traces_note(struct traces *traces, const struct mail *mail)
{
	if (traces->is_broken || traces->filling.noted_bytes > NOTED_MAX)
		return;
	struct arena *arena = traces->filling.arena;
	size_t count = mail->destination_count;
	size_t listed_count = count < TRACE_LISTED_MAX ? count : TRACE_LISTED_MAX;
	struct trace_head head = {
		.accepted_wall_ms = mail->accepted_wall_ms,
		.user = bytes_of(mail->user),
		.campaign = mail->labels.campaign,
		.recipient_count = count,
		.listed = arena_zalloc(arena, listed_count + 1, sizeof *head.listed),
		.listed_count = listed_count,
	};
	for (size_t i = 0; i < listed_count; i++)
		head.listed[i] = mail->destinations[i].address;
	struct noted *noted = arena_zalloc(arena, 1, sizeof *noted);
	noted->id = trace_id_of(mail->labels.tenant, bytes_of(mail->id));
	noted->accepted_wall_ms = mail->accepted_wall_ms;
	noted->head = trace_head_encode(arena, &head);
	*traces->filling.noted_end = noted;
	traces->filling.noted_end = &noted->next;
	traces->filling.noted_bytes += noted->head.len + sizeof *noted;
	traces->filling.count++;
	write_on(traces);
}

static void on_taken(void *owner, struct lease *lease)
{
	struct traces *traces = owner;
	struct batch *batch = &traces->filling;
	struct taken *taken = arena_zalloc(batch->arena, 1, sizeof *taken);
	taken->lease = lease;
	*batch->taken_end = taken;
	batch->taken_end = &taken->next;
	batch->count++;
	write_on(traces);
}

/* ---- the sweep ---- */

static enum err sweep_some(void *owner, struct store_txn *txn)
{
	struct traces *traces = owner;
	return trace_sweep(txn, &traces->rows, traces->sweep_before_wall_ms, traces->sweep_rows_max,
			   &traces->is_swept);
}

static void on_swept(void *owner, enum err err)
{
	struct traces *traces = owner;
	traces->is_sweeping = false;
	timer_start(traces->sweep, err == OK && !traces->is_swept ? SWEEP_MORE_MS : SWEEP_MS);
}

static void on_sweep(void *owner)
{
	struct traces *traces = owner;
	if (traces->is_sweeping || traces->is_stopped || traces->is_broken)
		return;
	traces->is_sweeping = true;
	traces->sweep_before_wall_ms =
		loop_wall_ms(traces->node.loop) - traces->settings->remember_for;
	traces->sweep_rows_max = (uint64_t)traces->settings->remember_max;
	store_write(traces->store, sweep_some, traces->node.loop, on_swept, traces);
}

/* ---- subscribing ---- */

static void queue_name(const struct node *node, char out[QUEUE_NAME_MAX])
{
	(void)snprintf(out, QUEUE_NAME_MAX, QUEUE_NAME, node->hostname);
}

static void on_subscribed(void *owner, enum err err)
{
	struct subscribing *subscribing = owner;
	struct traces *traces = subscribing->traces;
	free(subscribing);
	if (!traces)
		return;
	traces->subscribing = NULL;
	if (traces->is_stopped)
		return;
	const struct consumer_options options = {
		.queue = traces->queue, .prefetch = PREFETCH, .prefetch_bytes = PREFETCH_BYTES};
	if (err == OK)
		traces->consumer = consumer_new(traces->broker, &options, on_taken, traces);
	else
		timer_start(traces->again, AGAIN_MS);
}

static void subscribe(void *owner)
{
	struct traces *traces = owner;
	timer_stop(traces->again);
	traces->subscribing = memory_new(sizeof *traces->subscribing);
	traces->subscribing->traces = traces;
	broker_subscribe(traces->broker, traces->queue, "#", on_subscribed, traces->subscribing);
}

void traces_broker_ready(struct traces *traces)
{
	if (!traces->subscribing && !traces->consumer && !traces->is_stopped && !traces->is_broken)
		subscribe(traces);
}

void traces_forget_queue(const struct node *node, struct broker *broker, published done,
			 void *owner)
{
	char queue[QUEUE_NAME_MAX];
	queue_name(node, queue);
	broker_unsubscribe(broker, queue, true, done, owner);
}

/* ---- looking up ---- */

/* The first of that id counts. Who asks right after the answer to sending is not told that there is no such message. */
static const struct noted *find_noted(const struct batch *batch, const struct trace_id *id)
{
	for (const struct noted *noted = batch->noted; noted; noted = noted->next)
		if (memcmp(&noted->id, id, sizeof *id) == 0)
			return noted;
	return NULL;
}

static enum err find_unwritten(const struct traces *traces, const struct trace_id *id,
			       struct arena *arena, struct trace *ret)
{
	const struct noted *noted = traces->is_running ? find_noted(&traces->running, id) : NULL;
	if (!noted)
		noted = find_noted(&traces->filling, id);
	if (!noted)
		return E_NOT_FOUND;
	*ret = (struct trace){.latest = NULL};
	enum err err = trace_head_decode(arena, arena_copy(arena, noted->head), &ret->head);
	ret->latest = arena_zalloc(arena, ret->head.listed_count + 1, sizeof *ret->latest);
	return err;
}

enum err traces_find(struct traces *traces, struct bytes tenant, struct bytes message,
		     struct arena *arena, struct trace *ret)
{
	struct trace_id id = trace_id_of(tenant, message);
	struct store_txn *txn = store_read_begin(traces->store);
	enum err err = trace_read(txn, &traces->rows, &id, arena, ret);
	store_read_end(&txn);
	return err == E_NOT_FOUND ? find_unwritten(traces, &id, arena, ret) : err;
}

/* ---- birth and end ---- */

enum err traces_open(const struct node *node, struct broker *broker,
		     const struct ingest_settings *settings, struct traces **ret, struct why *why)
{
	static const char *const databases[] = {TRACE_ROWS_DATABASE, TRACE_ORDER_DATABASE};
	char path[4096];
	struct store *store;
	int len = snprintf(path, sizeof path, "%s/ingest", node->data_dir);
	if (len < 0 || (size_t)len >= sizeof path)
		return fail(why, E_TOO_BIG, "node.data_dir is too long");
	enum err err =
		store_open(path, databases, sizeof databases / sizeof databases[0], &store, why);
	if (err)
		return err;
	struct traces *traces = memory_new(sizeof *traces);
	traces->node = *node;
	traces->broker = broker;
	traces->settings = settings;
	traces->store = store;
	traces->rows = trace_rows_of(store);
	traces->scratch = arena_new();
	batch_init(&traces->filling);
	queue_name(node, traces->queue);
	traces->again = timer_new(node->loop, subscribe, traces);
	traces->gather = timer_new(node->loop, start_batch, traces);
	traces->retry = timer_new(node->loop, write_running, traces);
	traces->sweep = timer_new(node->loop, on_sweep, traces);
	timer_start(traces->sweep, SWEEP_MS);
	if (broker_state(broker) == BROKER_READY)
		subscribe(traces);
	*ret = traces;
	return OK;
}

void traces_stop(struct traces *traces)
{
	bool waits_for_space = timer_is_running(traces->retry);
	traces->is_stopped = true;
	timer_stop(traces->again);
	timer_stop(traces->retry);
	consumer_free(&traces->consumer);
	if (waits_for_space)
		write_running(traces); /* for the last time */
	write_on(traces);
}

void traces_free(struct traces **traces)
{
	struct traces *t = *traces;
	if (!t)
		return;
	*traces = NULL;
	traces_stop(t);
	do
		store_drain(t->node.loop);
	while (t->is_running);
	batch_settle(&t->running, false);
	batch_settle(&t->filling, false);
	arena_free(&t->running.arena);
	arena_free(&t->filling.arena);
	if (t->subscribing)
		t->subscribing->traces = NULL;
	timer_free(&t->again);
	timer_free(&t->gather);
	timer_free(&t->retry);
	timer_free(&t->sweep);
	arena_free(&t->scratch);
	store_close(&t->store);
	free(t);
}
