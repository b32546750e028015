/* See intakes.h. */
#include "workers/intakes.h"

#include <string.h>

#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define STAGGER_MS 40 /* between shards, so that workers starting together share them */

struct intake { /* one queue */
	struct intakes *set;
	const struct worker_queue *queue;
	struct consumer *consumer; /* NULL: not yet, or no more */
	bool is_parked;		   /* its site is: its mail stays for others */
	bool is_suspended;	   /* its mail stays in its queue */
};

struct intakes {
	struct intakes_options options;
	struct worker_queues queues;
	struct intake *items;	 /* one for each queue */
	size_t started_count;	 /* that have a consumer */
	struct timer *add_timer; /* adds the others */
	bool is_stopped;
};

/* ---- taking ---- */

static void on_lease(void *owner, struct lease *lease)
{
	struct intake *intake = owner;
	const struct intakes_options *options = &intake->set->options;
	if (intake->is_suspended)
		lease_release(&lease); /* it was on its way */
	else
		options->taken(options->owner, intake->queue->pool, lease);
}

static void set_pause(struct intake *intake)
{
	if (intake->consumer)
		consumer_pause(intake->consumer, intake->is_parked || intake->is_suspended ||
							 intake->set->is_stopped);
}

static void add_consumer(struct intakes *intakes)
{
	const struct worker_settings *settings = intakes->options.settings;
	struct intake *intake = &intakes->items[intakes->started_count++];
	intake->consumer = consumer_new(intakes->options.broker,
					&(struct consumer_options){
						.queue = intake->queue->name,
						.prefetch = (unsigned)settings->prefetch,
						.prefetch_bytes = (size_t)settings->prefetch_memory,
						.keeps_place = intake->queue->is_tail,
					},
					on_lease, intake);
	set_pause(intake);
}

static void add_consumers(void *owner)
{
	struct intakes *intakes = owner;
	bool is_tail = false;
	while (!is_tail && intakes->started_count < intakes->queues.count) {
		is_tail = intakes->queues.items[intakes->started_count].is_tail;
		add_consumer(intakes);
	}
	if (intakes->started_count < intakes->queues.count)
		timer_start(intakes->add_timer, STAGGER_MS);
}

void intakes_start(struct intakes *intakes)
{
	if (!intakes->is_stopped && intakes->started_count == 0)
		timer_start(intakes->add_timer, 0);
}

bool intakes_park(struct intakes *intakes, const char *site, bool is_parked)
{
	bool has_queue = false;
	for (size_t i = 0; i < intakes->queues.count; i++) {
		struct intake *intake = &intakes->items[i];
		if (!intake->queue->site || strcmp(intake->queue->site, site) != 0)
			continue;
		has_queue = true;
		intake->is_parked = is_parked;
		set_pause(intake);
	}
	return has_queue;
}

/* ---- what is suspended ---- */

bool intakes_source_is_suspended(const struct suspensions *suspensions, const struct source *source,
				 const char *pool, const char *site, int64_t now_wall_ms)
{
	const struct suspension_subject subject = {
		.pool = bytes_of(pool), .site = bytes_of(site), .source = bytes_of(source->name)};
	return suspensions_find(suspensions, &subject, now_wall_ms);
}

/* The suspension that stops a queue; NULL: there is none, so something of it may be sent. */
static const struct suspension *suspension_of(const struct intakes *intakes,
					      const struct worker_queue *queue)
{
	const struct suspensions *suspensions = intakes->options.suspensions;
	const struct sources *sources = intakes->options.sources;
	const char *site = queue->site ? queue->site : SUSPENSION_TAIL;
	struct suspension_subject subject = {.pool = bytes_of(queue->pool), .site = bytes_of(site)};
	int64_t now = loop_wall_ms(intakes->options.loop);
	const struct suspension *found = suspensions_find(suspensions, &subject, now);
	const struct source *source;
	for (size_t i = 0; !found && (source = sources_of_pool(sources, queue->pool, i)); i++)
		if (!intakes_source_is_suspended(suspensions, source, queue->pool, site, now))
			return NULL;
	if (found)
		return found;
	subject.source = bytes_of(sources_of_pool(sources, queue->pool, 0)->name);
	return suspensions_find(suspensions, &subject, now);
}

static void tell_pause(const struct intake *intake, const struct suspension *suspension)
{
	if (suspension)
		log_event(EV_queue_paused, F_TEXT("queue", intake->queue->name),
			  F_BYTES("by", suspension->directive.by),
			  F_BYTES("reason", suspension->directive.reason),
			  F_INT("until_wall_ms", suspension->directive.until_wall_ms));
	else
		log_event(EV_queue_resumed, F_TEXT("queue", intake->queue->name));
}

void intakes_heed(struct intakes *intakes)
{
	for (size_t i = 0; i < intakes->queues.count; i++) {
		struct intake *intake = &intakes->items[i];
		const struct suspension *suspension = suspension_of(intakes, intake->queue);
		if (intake->is_suspended == (suspension != NULL))
			continue;
		intake->is_suspended = suspension != NULL;
		tell_pause(intake, suspension);
		set_pause(intake);
	}
}

/* ---- birth and end ---- */

struct intakes *intakes_new(const struct intakes_options *options, struct worker_queues *queues)
{
	struct intakes *intakes = memory_new(sizeof *intakes);
	intakes->options = *options;
	intakes->queues = *queues;
	*queues = (struct worker_queues){0};
	intakes->items = memory_array(intakes->queues.count, sizeof *intakes->items);
	for (size_t i = 0; i < intakes->queues.count; i++) {
		intakes->items[i].set = intakes;
		intakes->items[i].queue = &intakes->queues.items[i];
	}
	intakes->add_timer = timer_new(options->loop, add_consumers, intakes);
	return intakes;
}

void intakes_stop(struct intakes *intakes)
{
	intakes->is_stopped = true;
	timer_stop(intakes->add_timer);
	for (size_t i = 0; i < intakes->started_count; i++)
		set_pause(&intakes->items[i]);
}

void intakes_end(struct intakes *intakes)
{
	timer_stop(intakes->add_timer);
	for (size_t i = 0; i < intakes->started_count; i++)
		consumer_free(&intakes->items[i].consumer);
}

void intakes_free(struct intakes **intakes)
{
	struct intakes *freeing = *intakes;
	*intakes = NULL;
	if (!freeing)
		return;
	intakes_end(freeing);
	timer_free(&freeing->add_timer);
	worker_queues_done(&freeing->queues);
	free(freeing->items);
	free(freeing);
}
