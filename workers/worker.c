/* The life of the worker role; parts.c has what it stands on.
 *
 *   start --> suppressions and directives caught up --> consumers, one after the other --> running
 *   stop  --> consumers paused, what is not under way given back --> no request left (or 25 s) --> stopped
 *
 * Nothing is sent before these copies are complete, nor while results could not be published. */
#include "workers/worker.h"

#include <stdio.h>
#include <unistd.h>

#include "broker/learned_sites.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "workers/worker_inner.h"

#define STOP_LIMIT_MS 25000
#define REVIEW_MS     1000

/* ---- taking ---- */

void worker_taken(void *owner, const char *pool, struct lease *lease)
{
	struct worker *worker = owner;
	requests_take(worker->requests, pool, lease);
}

void worker_site_parked(void *owner, const char *site, bool is_parked)
{
	struct worker *worker = owner;
	log_event(is_parked ? EV_site_parked : EV_site_resumed, F_TEXT("site", site));
	bool has_queue = intakes_park(worker->intakes, site, is_parked);
	if (is_parked && has_queue) /* from a shard of the tail it would come back at once */
		requests_return(worker->requests, site);
}

void worker_site_hot(void *owner, const char *site)
{
	const struct worker *worker = owner;
	const struct node *node = &worker->options.node;
	bool is_tail = lent_index(site) < 0;
	const char *lent = is_tail ? learned_site_find(worker->sites, node->routing, site,
						       loop_wall_ms(node->loop))
				   : NULL;
	heat_note(worker->heat, site, loop_now_ms(node->loop));
	if (lent && lent_index(lent) >= 0)
		requests_relocate(worker->requests, site, lent);
}

void worker_site_handed(void *owner, const char *site, const char *domain, const char *before)
{
	const struct worker *worker = owner;
	if (before[0])
		shaper_forget(worker->shaper, site);
	shaper_hand_over(worker->shaper, domain, site);
}

const char *worker_lent_to(void *owner, const char *site)
{
	const struct worker *worker = owner;
	return worker->heat ? heat_domain(worker->heat, site) : "";
}

bool worker_source_is_out(void *owner, const struct source *source, const char *pool,
			  const char *site)
{
	const struct worker *worker = owner;
	int64_t now = loop_wall_ms(worker->options.node.loop);
	return intakes_source_is_suspended(worker->suspensions, source, pool, site, now) ||
	       shaper_source_closed_ms(worker->shaper, source->name, site) > 0;
}

static void look_at_suspensions(struct worker *worker)
{
	suspensions_read(worker->suspensions, worker->directives);
	site_limits_read(worker->limits, worker->directives);
	lanes_relimit(worker->lanes);
	intakes_heed(worker->intakes);
	requests_heed(worker->requests);
}

void worker_table_complete(void *owner)
{
	struct worker *worker = owner;
	bool is_complete = replica_is_complete(worker->suppressions) &&
			   replica_is_complete(worker->directives) &&
			   replica_is_complete(worker->sites);
	if (!is_complete)
		return;
	look_at_suspensions(worker);
	intakes_start(worker->intakes);
}

/* ---- the broker comes and goes ---- */

static void review(void *owner)
{
	struct worker *worker = owner;
	requests_review(worker->requests);
}

static void on_review_timer(void *owner)
{
	struct worker *worker = owner;
	review(worker);
	if (replica_is_complete(worker->directives))
		look_at_suspensions(worker);
	timer_start(worker->review_timer, REVIEW_MS);
}

void worker_broker_changed(void *owner, enum broker_state state)
{
	struct worker *worker = owner;
	node_tell_state(&worker->options.node, state);
	if (!worker->requests)
		return; /* still starting, or ending */
	lanes_hold(worker->lanes, state != BROKER_READY);
	if (state == BROKER_AWAY)
		journal_broker_lost(worker->journal);
	loop_defer(worker->options.node.loop, &worker->review_task);
}

/* ---- stopping ---- */

static void report_stopped(void *owner)
{
	struct worker *worker = owner;
	void (*stopped)(void *stopped_owner) = worker->stopped;
	worker->stopped = NULL;
	timer_stop(worker->stop_limit);
	if (stopped)
		stopped(worker->stopped_owner);
}

/* Reported at the end of the turn: whoever tells us may still be at work on what will be freed. */
void worker_idle(void *owner)
{
	struct worker *worker = owner;
	if (!worker->is_stopping)
		return;
	worker->is_idle = true;
	if (worker->tls_telling)
		tls_telling_flush(worker->tls_telling);
	shaping_events_flush(worker->shaping_events);
	worker_told(worker);
}

void worker_told(void *owner)
{
	struct worker *worker = owner;
	if (worker->is_stopping && worker->is_idle &&
	    shaping_events_is_idle(worker->shaping_events) &&
	    (!worker->tls_telling || tls_telling_is_idle(worker->tls_telling)))
		loop_defer(worker->options.node.loop, &worker->stopped_task);
}

void worker_stop(struct worker *worker, void (*stopped)(void *owner), void *owner)
{
	worker->stopped = stopped;
	worker->stopped_owner = owner;
	worker->is_stopping = true;
	timer_start(worker->stop_limit, STOP_LIMIT_MS);
	intakes_stop(worker->intakes);
	requests_stop(worker->requests);
	results_flush(worker->results);
}

/* ---- starting ---- */

enum err worker_start(const struct worker_options *options, struct worker **ret, struct why *why)
{
	struct loop *loop = options->node.loop;
	struct worker *worker = memory_new(sizeof *worker);
	worker->options = *options;
	(void)snprintf(worker->name, sizeof worker->name, "%s/%ld", options->node.hostname,
		       (long)getpid());
	worker->review_task = (struct task){.run = review, .owner = worker};
	worker->stopped_task = (struct task){.run = report_stopped, .owner = worker};
	worker->review_timer = timer_new(loop, on_review_timer, worker);
	worker->stop_limit = timer_new(loop, report_stopped, worker);
	enum err err = parts_open(worker, why);
	if (err) {
		worker_free(&worker);
		return err;
	}
	parts_make(worker);
	timer_start(worker->review_timer, REVIEW_MS);
	*ret = worker;
	return OK;
}

/* ---- the end ---- */

void worker_free(struct worker **worker)
{
	struct worker *w = *worker;
	if (!w)
		return;
	*worker = NULL;
	parts_free(w);
	task_cancel(&w->review_task, w->options.node.loop);
	task_cancel(&w->stopped_task, w->options.node.loop);
	timer_free(&w->review_timer);
	timer_free(&w->stop_limit);
	free(w);
}
