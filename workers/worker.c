/* The worker role: everything it stands on, the queues it takes from, and its end.
 *
 *   start --> suppressions and directives caught up --> consumers, one after the other --> running
 *   stop  --> consumers paused, what is not under way given back --> no request left (or 25 s) --> stopped
 *
 * Nothing is sent before these copies are complete, nor while results could not be published. */
#include "workers/worker.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/net/resolver.h"
#include "lib/obs/log.h"
#include "workers/delivery/request.h"
#include "workers/questions.h"
#include "workers/queues.h"
#include "workers/shaping_talk.h"
#include "workers/site_view.h"

#define STOP_LIMIT_MS 25000
#define REVIEW_MS     1000
#define STAGGER_MS    40 /* between shards, so that workers starting together share them */

struct intake { /* one queue */
	struct worker *worker;
	const struct worker_queue *queue;
	struct consumer *consumer;
	bool is_parked;	   /* its site is: its mail stays for others */
	bool is_suspended; /* its mail stays in its queue */
};

struct worker {
	struct worker_options options;
	char name[300];
	struct broker *broker;
	struct questions *questions;
	struct replica *suppressions, *directives;
	struct suspensions *suspensions;
	struct last_replies *replies;
	struct site_view site_view;
	struct resolver *resolver;
	struct smtp_client *client;
	struct sts *sts;
	struct exchanger *exchanger;
	struct sources *sources;
	struct shaper *shaper;
	struct shaping_talk *talk;
	struct journal *journal;
	struct windows *windows;
	struct postings *postings;
	struct signer *signer;
	struct returns *returns; /* NULL: mail goes as it is */
	struct results *results;
	struct lanes *lanes;
	struct requests *requests;

	struct worker_queues queues;
	struct intake *intakes; /* one for each queue */
	size_t intake_count;	/* that have a consumer */
	struct timer *intake_timer;

	struct timer *review_timer;
	struct task review_task, stopped_task;
	bool is_stopping;
	struct timer *stop_limit;
	void (*stopped)(void *owner);
	void *stopped_owner;
};

/* ---- taking ---- */

static void on_lease(void *owner, struct lease *lease)
{
	struct intake *intake = owner;
	if (intake->is_suspended)
		lease_release(&lease); /* it was on its way */
	else
		requests_take(intake->worker->requests, intake->queue->pool, lease);
}

static void set_pause(struct intake *intake)
{
	consumer_pause(intake->consumer,
		       intake->is_parked || intake->is_suspended || intake->worker->is_stopping);
}

static void add_consumer(struct worker *worker)
{
	const struct worker_settings *settings = worker->options.settings;
	struct intake *intake = &worker->intakes[worker->intake_count];
	intake->worker = worker;
	intake->queue = &worker->queues.items[worker->intake_count++];
	intake->consumer = consumer_new(worker->broker,
					&(struct consumer_options){
						.queue = intake->queue->name,
						.prefetch = (unsigned)settings->prefetch,
						.prefetch_bytes = (size_t)settings->prefetch_memory,
						.keeps_place = intake->queue->is_tail,
					},
					on_lease, intake);
	set_pause(intake);
}

static void on_parked(void *owner, const char *site, bool is_parked)
{
	struct worker *worker = owner;
	log_event(is_parked ? EV_site_parked : EV_site_resumed, F_TEXT("site", site));
	for (size_t i = 0; i < worker->queues.count; i++) {
		struct intake *intake = &worker->intakes[i];
		const char *of = worker->queues.items[i].site;
		if (!of || strcmp(of, site) != 0)
			continue;
		intake->is_parked = is_parked;
		if (intake->consumer)
			set_pause(intake);
	}
	if (is_parked)
		requests_return(worker->requests, site);
}

static void add_consumers(void *owner)
{
	struct worker *worker = owner;
	bool is_tail = false;
	while (!is_tail && worker->intake_count < worker->queues.count) {
		is_tail = worker->queues.items[worker->intake_count].is_tail;
		add_consumer(worker);
	}
	if (worker->intake_count < worker->queues.count)
		timer_start(worker->intake_timer, STAGGER_MS);
}

/* ---- what is suspended ---- */

static bool is_out(const struct worker *worker, const struct source *source, const char *pool,
		   const char *site)
{
	const struct suspension_subject subject = {
		.pool = bytes_of(pool), .site = bytes_of(site), .source = bytes_of(source->name)};
	return suspensions_find(worker->suspensions, &subject,
				loop_wall_ms(worker->options.node.loop));
}

static bool is_source_out(void *owner, const struct source *source, const char *pool,
			  const char *site)
{
	const struct worker *worker = owner;
	return is_out(worker, source, pool, site) ||
	       shaper_source_closed_ms(worker->shaper, source->name, site) > 0;
}

/* The suspension that stops a queue; NULL: there is none, so something of it may be sent. */
static const struct suspension *suspension_of(const struct worker *worker,
					      const struct worker_queue *queue)
{
	const char *site = queue->site ? queue->site : SUSPENSION_TAIL;
	struct suspension_subject subject = {.pool = bytes_of(queue->pool), .site = bytes_of(site)};
	int64_t now = loop_wall_ms(worker->options.node.loop);
	const struct suspension *found = suspensions_find(worker->suspensions, &subject, now);
	const struct source *source;
	for (size_t i = 0; !found && (source = sources_of_pool(worker->sources, queue->pool, i));
	     i++)
		if (!is_out(worker, source, queue->pool, site))
			return NULL;
	if (found)
		return found;
	subject.source = bytes_of(sources_of_pool(worker->sources, queue->pool, 0)->name);
	return suspensions_find(worker->suspensions, &subject, now);
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

static void look_at_suspensions(struct worker *worker)
{
	suspensions_read(worker->suspensions, worker->directives);
	for (size_t i = 0; i < worker->queues.count; i++) {
		struct intake *intake = &worker->intakes[i];
		intake->worker = worker;
		intake->queue = &worker->queues.items[i];
		const struct suspension *suspension = suspension_of(worker, intake->queue);
		if (intake->is_suspended == (suspension != NULL))
			continue;
		intake->is_suspended = suspension != NULL;
		tell_pause(intake, suspension);
		if (intake->consumer)
			set_pause(intake);
	}
	requests_heed(worker->requests);
}

static void on_table_complete(void *owner)
{
	struct worker *worker = owner;
	bool is_complete = replica_is_complete(worker->suppressions) &&
			   replica_is_complete(worker->directives);
	if (is_complete)
		look_at_suspensions(worker);
	if (is_complete && !worker->is_stopping && worker->intake_count == 0)
		timer_start(worker->intake_timer, 0);
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

static void on_broker_changed(void *owner, enum broker_state state)
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
static void on_idle(void *owner)
{
	struct worker *worker = owner;
	if (worker->is_stopping)
		loop_defer(worker->options.node.loop, &worker->stopped_task);
}

void worker_stop(struct worker *worker, void (*stopped)(void *owner), void *owner)
{
	worker->stopped = stopped;
	worker->stopped_owner = owner;
	worker->is_stopping = true;
	timer_start(worker->stop_limit, STOP_LIMIT_MS);
	timer_stop(worker->intake_timer);
	for (size_t i = 0; i < worker->intake_count; i++)
		consumer_pause(worker->intakes[i].consumer, true);
	requests_stop(worker->requests);
	results_flush(worker->results);
}

/* ---- starting ---- */

static void on_validation_known(void *owner, bool is_validating, const char *why)
{
	(void)owner;
	log_event(EV_dnssec_known, F_BOOL("validating", is_validating), F_TEXT("reason", why));
}

static enum err open_resolver(struct worker *worker, struct why *why)
{
	const struct resolver_settings *settings = worker->options.resolver;
	struct resolver_options options = {
		.servers = settings->servers.items,
		.server_count = settings->servers.count,
		.timeout_ms = settings->timeout,
		.validation = (enum dns_validation)settings->dnssec,
		.trust_anchor = settings->trust_anchor,
		.validation_known = on_validation_known,
	};
	return resolver_new(worker->options.node.loop, &options, &worker->resolver, why);
}

static enum err open_client(struct worker *worker, struct why *why)
{
	struct smtp_client_options options = {
		.timeouts = worker->options.timeouts,
		.tls_ca_file = worker->options.settings->tls_ca,
		.sites = &routing_settings(worker->options.node.routing)->sites,
	};
	return smtp_client_new(worker->options.node.loop, &options, &worker->client, why);
}

static enum err open_shaper(struct worker *worker, struct why *why)
{
	return shaper_new(
		&(struct shaper_options){
			.loop = worker->options.node.loop,
			.settings = worker->options.shaping,
			.sites = &routing_settings(worker->options.node.routing)->sites,
		},
		&worker->shaper, why);
}

static bool is_served(void *owner, const char *pool)
{
	const struct worker *worker = owner;
	return sources_serve(worker->sources, pool);
}

static void tell_of_pools_elsewhere(struct worker *worker)
{
	const struct conf_items *pools = &routing_settings(worker->options.node.routing)->pools;
	for (size_t i = 0; i < pools->count; i++) {
		const char *pool = CONF_ITEM(pools, struct pool_settings, i)->name;
		if (!is_served(worker, pool))
			log_event(EV_pool_elsewhere, F_TEXT("pool", pool));
	}
}

static enum err select_queues(struct worker *worker, struct why *why)
{
	const struct worker_options *options = &worker->options;
	struct queues_wanted wanted = {options->pools, options->pool_count, options->sites,
				       options->site_count};
	enum err err = worker_queues_select(routing_settings(options->node.routing), &wanted,
					    random_u64(), &worker->queues, why);
	if (err)
		return err;
	worker_queues_keep(&worker->queues, is_served, worker);
	tell_of_pools_elsewhere(worker);
	worker->intakes = memory_array(worker->queues.count, sizeof *worker->intakes);
	return OK;
}

static void make_lanes(struct worker *worker)
{
	const struct node *node = &worker->options.node;
	worker->sts = sts_new(&(struct sts_options){
		.loop = node->loop,
		.resolver = worker->resolver,
		.store = node->store,
		.settings = worker->options.mta_sts,
		.allowed = &worker->options.settings->allow_special_addresses,
	});
	worker->exchanger = exchanger_new(&(struct exchanger_options){
		.loop = node->loop,
		.resolver = worker->resolver,
		.own_name = node->hostname,
		.settings = worker->options.settings,
		.tls_domains = worker->options.tls_domains,
		.sts = worker->sts,
	});
	worker->lanes = lanes_new(&(struct lanes_options){
		.loop = node->loop,
		.broker = worker->broker,
		.client = worker->client,
		.exchanger = worker->exchanger,
		.routing = node->routing,
		.settings = worker->options.settings,
		.shaper = worker->shaper,
		.parked = on_parked,
		.owner = worker,
	});
}

static void make_requests(struct worker *worker)
{
	const struct node *node = &worker->options.node;
	worker->journal = journal_new(node->loop, node->store);
	worker->postings = postings_new(node->loop, worker->broker);
	worker->results = results_new(node->loop, worker->postings, worker->options.settings);
	worker->suppressions = replica_new(worker->broker, node->loop, node->store,
					   SUPPRESSIONS_TABLE, on_table_complete, worker);
	worker->directives = replica_new(worker->broker, node->loop, node->store, DIRECTIVES_TABLE,
					 on_table_complete, worker);
	worker->suspensions = suspensions_new();
	worker->replies = last_replies_new();
	sources_pass_over(worker->sources, is_source_out, worker);
	worker->requests = requests_new(&(struct requests_options){
		.loop = node->loop,
		.routing = node->routing,
		.retry = worker->options.retry,
		.dsn = worker->options.dsn,
		.windows = worker->windows,
		.hostname = node->hostname,
		.suppressions = worker->suppressions,
		.directives = worker->directives,
		.suspensions = worker->suspensions,
		.replies = worker->replies,
		.suspended_wait = &worker->options.settings->suspended_wait,
		.sources = worker->sources,
		.shaper = worker->shaper,
		.lanes = worker->lanes,
		.journal = worker->journal,
		.results = worker->results,
		.postings = worker->postings,
		.signer = worker->signer,
		.returns = worker->returns,
		.eightbit = (enum eightbit_policy)worker->options.settings->eightbit,
		.worker_name = worker->name,
		.idle = on_idle,
		.owner = worker,
	});
	lanes_hold(worker->lanes, broker_state(worker->broker) != BROKER_READY);
	timer_start(worker->review_timer, REVIEW_MS);
}

static enum err open_all(struct worker *worker, struct why *why)
{
	const struct node *node = &worker->options.node;
	enum err err = sources_new(node->routing, node->hostname, &worker->sources, why);
	if (!err)
		err = select_queues(worker, why);
	if (!err)
		err = open_shaper(worker, why);
	if (!err)
		err = windows_new(worker->options.windows, &worker->windows, why);
	if (!err)
		err = open_resolver(worker, why);
	if (!err)
		err = open_client(worker, why);
	if (!err)
		err = returns_open(worker->options.returns, &worker->returns, why);
	if (!err)
		err = signer_open(node->loop, worker->options.dkim, &worker->signer, why);
	if (!err)
		err = broker_open(node->loop, node->broker, node->routing, "worker",
				  on_broker_changed, worker, &worker->broker, why);
	return err;
}

static void listen_to_operators(struct worker *worker)
{
	worker->site_view = (struct site_view){
		.loop = worker->options.node.loop,
		.worker_name = worker->name,
		.lanes = worker->lanes,
		.shaper = worker->shaper,
		.replies = worker->replies,
	};
	site_view_listen(&worker->site_view, worker->questions);
}

enum err worker_start(const struct worker_options *options, struct worker **ret, struct why *why)
{
	struct loop *loop = options->node.loop;
	struct worker *worker = memory_new(sizeof *worker);
	worker->options = *options;
	(void)snprintf(worker->name, sizeof worker->name, "%s/%ld", options->node.hostname,
		       (long)getpid());
	worker->review_task = (struct task){.run = review, .owner = worker};
	worker->stopped_task = (struct task){.run = report_stopped, .owner = worker};
	worker->intake_timer = timer_new(loop, add_consumers, worker);
	worker->review_timer = timer_new(loop, on_review_timer, worker);
	worker->stop_limit = timer_new(loop, report_stopped, worker);
	enum err err = open_all(worker, why);
	if (err) {
		worker_free(&worker);
		return err;
	}
	worker->questions = questions_new(worker->broker);
	worker->talk = shaping_talk_new(&(struct shaping_talk_options){
		.loop = worker->options.node.loop,
		.broker = worker->broker,
		.questions = worker->questions,
		.shaper = worker->shaper,
		.worker = worker->name,
	});
	make_lanes(worker);
	make_requests(worker);
	listen_to_operators(worker);
	*ret = worker;
	return OK;
}

/* ---- the end ---- */

/* From the outside in: nothing new comes, what is on the wire is cut, then the broker cancels what it was asked, and what waited for
 * either is forgotten. The leases return to their queues. */
void worker_free(struct worker **worker)
{
	struct worker *w = *worker;
	if (!w)
		return;
	*worker = NULL;
	for (size_t i = 0; i < w->intake_count; i++)
		consumer_free(&w->intakes[i].consumer);
	signer_close(&w->signer);
	smtp_client_free(&w->client);
	lanes_free(&w->lanes);
	replica_free(&w->suppressions);
	replica_free(&w->directives);
	struct requests *requests = w->requests;
	w->requests = NULL; /* the broker's last change of state concerns nobody */
	broker_close(&w->broker);
	questions_free(&w->questions);
	postings_free(&w->postings);
	results_free(&w->results);
	requests_free(&requests);
	returns_close(&w->returns);
	journal_free(&w->journal);
	windows_free(&w->windows);
	exchanger_free(&w->exchanger);
	sts_free(&w->sts);
	resolver_free(&w->resolver);
	sources_free(&w->sources);
	suspensions_free(&w->suspensions);
	shaping_talk_free(&w->talk);
	last_replies_free(&w->replies);
	shaper_free(&w->shaper);
	task_cancel(&w->review_task, w->options.node.loop);
	task_cancel(&w->stopped_task, w->options.node.loop);
	timer_free(&w->intake_timer);
	timer_free(&w->review_timer);
	timer_free(&w->stop_limit);
	worker_queues_done(&w->queues);
	free(w->intakes);
	free(w);
}
