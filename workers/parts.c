/* What a worker stands on. */
#include <string.h>

#include "broker/learned_sites.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"
#include "workers/worker_inner.h"

#define TLS_KINDS_MAX 20000

/* ---- what may fail ---- */

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
			.store = worker->options.node.store,
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
	return OK;
}

enum err parts_open(struct worker *worker, struct why *why)
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
		err = signer_open(node->loop, worker->options.dkim, worker->resolver,
				  &worker->signer, why);
	if (!err)
		err = broker_open(node->loop, node->broker, node->routing, "worker",
				  worker_broker_changed, worker, &worker->broker, why);
	return err;
}

/* ---- what may not ---- */

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
	if (worker->options.tls_reports && worker->options.tls_reports->enabled)
		worker->tls_tallies = tls_tallies_new(TLS_KINDS_MAX);
	worker->exchanger = exchanger_new(&(struct exchanger_options){
		.loop = node->loop,
		.resolver = worker->resolver,
		.own_name = node->hostname,
		.settings = worker->options.settings,
		.tls_domains = worker->options.tls_domains,
		.sts = worker->sts,
		.tallies = worker->tls_tallies,
	});
	worker->lanes = lanes_new(&(struct lanes_options){
		.loop = node->loop,
		.broker = worker->broker,
		.client = worker->client,
		.exchanger = worker->exchanger,
		.routing = node->routing,
		.settings = worker->options.settings,
		.shaper = worker->shaper,
		.limits = worker->limits,
		.taps = worker->taps,
		.tallies = worker->tls_tallies,
		.parked = worker_site_parked,
		.hot = worker_site_hot,
		.lent_to = worker_lent_to,
		.owner = worker,
	});
}

static void make_intakes(struct worker *worker)
{
	const struct intakes_options options = {
		.loop = worker->options.node.loop,
		.broker = worker->broker,
		.settings = worker->options.settings,
		.suspensions = worker->suspensions,
		.sources = worker->sources,
		.taken = worker_taken,
		.owner = worker,
	};
	worker->intakes = intakes_new(&options, &worker->queues);
}

static void make_tls_telling(struct worker *worker)
{
	const struct tls_telling_options options = {
		.loop = worker->options.node.loop,
		.postings = worker->postings,
		.tallies = worker->tls_tallies,
		.every_ms = worker->options.tls_reports->tell_every,
		.idle = worker_told,
		.owner = worker,
	};
	worker->tls_telling = tls_telling_new(&options);
}

/* Where what becomes of mail is written and told. */
static void make_records(struct worker *worker)
{
	const struct node *node = &worker->options.node;
	worker->journal = journal_new(node->loop, node->store);
	worker->postings = postings_new(node->loop, worker->broker);
	if (worker->tls_tallies)
		make_tls_telling(worker);
	worker->results = results_new(node->loop, worker->postings, worker->options.settings);
}

static struct replica *follow(struct worker *worker, const char *table)
{
	const struct node *node = &worker->options.node;
	return replica_new(worker->broker, node->loop, node->store, table, worker_table_complete,
			   worker);
}

static void follow_tables(struct worker *worker)
{
	worker->suppressions = follow(worker, SUPPRESSIONS_TABLE);
	worker->directives = follow(worker, DIRECTIVES_TABLE);
	worker->sites = follow(worker, LEARNED_SITES_TABLE);
}

/* By which mail of the tail finds a queue of its own. */
static void make_placing(struct worker *worker)
{
	const struct node *node = &worker->options.node;
	const struct heat_options options = {
		.loop = node->loop,
		.routing = node->routing,
		.postings = worker->postings,
		.settings = worker->options.settings,
		.worker_name = worker->name,
		.handed = worker_site_handed,
		.owner = worker,
	};
	worker->heat = heat_new(&options);
	if (routing_has_mx(node->routing))
		worker->rollup = rollup_new(node->loop, worker->resolver, node->routing);
}

static void make_suspensions(struct worker *worker)
{
	worker->suspensions = suspensions_new();
	sources_pass_over(worker->sources, worker_source_is_out, worker);
}

static void make_requests(struct worker *worker)
{
	const struct node *node = &worker->options.node;
	worker->requests = requests_new(&(struct requests_options){
		.loop = node->loop,
		.routing = node->routing,
		.retry = worker->options.retry,
		.dsn = worker->options.dsn,
		.windows = worker->windows,
		.hostname = node->hostname,
		.suppressions = worker->suppressions,
		.directives = worker->directives,
		.sites = worker->sites,
		.rollup = worker->rollup,
		.heat = worker->heat,
		.suspensions = worker->suspensions,
		.limits = worker->limits,
		.replies = worker->replies,
		.taps = worker->taps,
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
		.result_headers = &worker->options.settings->result_headers,
		.binary = (enum binary_policy)worker->options.settings->binary,
		.worker_name = worker->name,
		.idle = worker_idle,
		.owner = worker,
	});
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

void parts_make(struct worker *worker)
{
	worker->questions = questions_new(worker->broker);
	worker->talk = shaping_talk_new(&(struct shaping_talk_options){
		.loop = worker->options.node.loop,
		.broker = worker->broker,
		.questions = worker->questions,
		.shaper = worker->shaper,
		.worker = worker->name,
	});
	worker->shaping_events = shaping_events_new(&(const struct shaping_events_options){
		.loop = worker->options.node.loop,
		.broker = worker->broker,
		.shaper = worker->shaper,
		.worker = worker->name,
		.idle = worker_told,
		.owner = worker,
	});
	worker->limits = site_limits_new();
	worker->taps = tap_talk_listen(&(const struct tap_talk_options){
		.loop = worker->options.node.loop,
		.broker = worker->broker,
		.questions = worker->questions,
		.worker = worker->name,
		.host = worker->options.node.hostname,
	});
	worker->replies = last_replies_new();
	make_lanes(worker);
	make_records(worker);
	follow_tables(worker);
	make_placing(worker);
	make_suspensions(worker);
	make_intakes(worker);
	make_requests(worker);
	lanes_hold(worker->lanes, broker_state(worker->broker) != BROKER_READY);
	listen_to_operators(worker);
}

/* ---- the end ---- */

/* From the outside in: nothing new comes, what is on the wire is cut, then the broker cancels what it was asked, and what waited for
 * either is forgotten. The leases return to their queues. */
void parts_free(struct worker *w)
{
	taps_stop(w->taps);
	if (w->intakes)
		intakes_end(w->intakes);
	signer_close(&w->signer);
	smtp_client_free(&w->client);
	lanes_free(&w->lanes);
	replica_free(&w->suppressions);
	replica_free(&w->directives);
	replica_free(&w->sites);
	struct requests *requests = w->requests;
	w->requests = NULL; /* the broker's last change of state concerns nobody */
	broker_close(&w->broker);
	questions_free(&w->questions);
	postings_free(&w->postings);
	tls_telling_free(&w->tls_telling);
	results_free(&w->results);
	requests_free(&requests);
	rollup_free(&w->rollup);
	heat_free(&w->heat);
	returns_close(&w->returns);
	journal_free(&w->journal);
	windows_free(&w->windows);
	exchanger_free(&w->exchanger);
	sts_free(&w->sts);
	tls_tallies_free(&w->tls_tallies);
	resolver_free(&w->resolver);
	intakes_free(&w->intakes);
	sources_free(&w->sources);
	suspensions_free(&w->suspensions);
	site_limits_free(&w->limits);
	shaping_talk_free(&w->talk);
	shaping_events_free(&w->shaping_events);
	taps_free(&w->taps);
	last_replies_free(&w->replies);
	shaper_free(&w->shaper);
	worker_queues_done(&w->queues);
}
