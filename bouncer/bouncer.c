/* The bouncer's life: its parts, in the order they stand on each other, and its end. */
#include "bouncer/bouncer.h"

#include <stdio.h>

#include "bouncer/bouncer_inner.h"
#include "broker/learned_sites.h"
#include "broker/recalls.h"
#include "lib/base/memory.h"
#include "lib/routing/replies.h"

#define PREFETCH_BYTES	    ((size_t)32 << 20)
#define DIRECTIVES_PREFETCH 20
#define STOP_LIMIT_MS	    25000
enum { ON_EXCEED_HOLD, ON_EXCEED_ALERT }; /* order of on_exceed in safety.def */

static void consume(struct bouncer *bouncer)
{
	struct consumer_options results = {.queue = QUEUE_BOUNCER_RESULTS,
					   .prefetch = (unsigned)bouncer->settings->prefetch,
					   .prefetch_bytes = PREFETCH_BYTES};
	struct consumer_options directives = {.queue = QUEUE_BOUNCER_DIRECTIVES,
					      .prefetch = DIRECTIVES_PREFETCH,
					      .prefetch_bytes = PREFETCH_BYTES};
	bouncer->results = consumer_new(bouncer->broker, &results, bouncer_learn, bouncer);
	bouncer->directives = consumer_new(bouncer->broker, &directives, bouncer_obey, bouncer);
}

/* What is told before the queues of webhooks are there would reach none of them. */
static void tell_state(const struct bouncer *bouncer)
{
	enum broker_state state = broker_state(bouncer->broker);
	node_tell_state(&bouncer->node,
			state == BROKER_READY && !bouncer->are_readers_ready ? BROKER_AWAY : state);
}

static void on_readers_ready(void *owner)
{
	struct bouncer *bouncer = owner;
	if (bouncer->stopped)
		return;
	bouncer->are_readers_ready = true;
	tell_state(bouncer);
	alerts_take_up(bouncer->alerts);
	consume(bouncer);
}

static void on_state(void *owner, enum broker_state state)
{
	struct bouncer *bouncer = owner;
	if (bouncer->broker)
		tell_state(bouncer);
	if (state == BROKER_AWAY) {
		bouncer->was_away = true;
	} else if (bouncer->was_away && bouncer->audit) {
		bouncer->was_away = false;
		audit_start(bouncer->audit);
	}
}

const char *const bouncer_databases[] = {
	LEDGER_DATABASES,  SOFT_COUNTS_DATABASE, TALLIES_DATABASES,   READERS_DATABASES,
	INBOUND_DATABASES, ALERTS_DATABASE,	 TLS_REPORT_DATABASES};
const size_t bouncer_database_count = sizeof bouncer_databases / sizeof bouncer_databases[0];

static enum err open_store(struct bouncer *bouncer, struct why *why)
{
	char path[4096];
	int len = snprintf(path, sizeof path, "%s/bouncer", bouncer->node.data_dir);
	if (len < 0 || (size_t)len >= sizeof path)
		return fail(why, E_TOO_BIG, "node.data_dir is too long");
	return store_open(path, bouncer_databases, bouncer_database_count, &bouncer->store, why);
}

static void stop_now(void *owner)
{
	struct bouncer *bouncer = owner;
	timer_stop(bouncer->stop_limit);
	task_cancel(&bouncer->end, bouncer->node.loop);
	bouncer->stopped(bouncer->stopped_owner);
}

/* Behind the teller, whose events it hears. */
static void make_alerts(struct bouncer *bouncer, const struct conf_items *settings)
{
	bouncer->brakes = brakes_new(bouncer->broker, bouncer->node.loop);
	const struct alerts_options alerts = {
		.broker = bouncer->broker,
		.loop = bouncer->node.loop,
		.store = bouncer->store,
		.teller = bouncer->teller,
		.brakes = bouncer->brakes,
		.settings = settings,
		.shaping = bouncer->shaping,
	};
	bouncer->alerts = alerts_new(&alerts);
	teller_watch(bouncer->teller, alerts_note, bouncer->alerts);
}

/* The tables of which no other part has the memory. */
static void keep_tables(struct bouncer *bouncer)
{
	struct loop *loop = bouncer->node.loop;
	bouncer->kept_directives =
		kept_table_new(bouncer->broker, loop, bouncer->store, DIRECTIVES_TABLE,
			       kept_table_judge_directive, loop);
	if (!bouncer->node.store)
		return;
	bouncer->kept_sites = kept_table_new(bouncer->broker, loop, bouncer->node.store,
					     LEARNED_SITES_TABLE, kept_table_judge_directive, loop);
	bouncer->sites = kept_table_copy(bouncer->kept_sites);
	bouncer->lending = lending_new(bouncer->appender, bouncer->sites, bouncer->node.routing);
}

static void make_parts(struct bouncer *bouncer)
{
	const struct bouncer_settings *settings = bouncer->settings;
	struct loop *loop = bouncer->node.loop;
	policies_init(&bouncer->policies, &settings->policies);
	bouncer->teller = teller_new(bouncer->broker, loop);
	bouncer->tallies = tallies_new(loop, bouncer->store, bouncer->node.routing);
	const struct ledger_options ledger = {
		.broker = bouncer->broker,
		.loop = loop,
		.store = bouncer->store,
		.teller = bouncer->teller,
		.hourly_max = (uint64_t)((settings->safety.max_suppressions + 23) / 24),
		.holds = settings->safety.on_exceed == ON_EXCEED_HOLD,
	};
	bouncer->ledger = ledger_new(&ledger);
	const struct suppressor_options suppressor = {
		.loop = loop,
		.store = bouncer->store,
		.ledger = bouncer->ledger,
		.policies = &bouncer->policies,
		.covers_tags = settings->plus_tags == PLUS_TAGS_STRIP,
	};
	bouncer->suppressor = suppressor_new(&suppressor);
	bouncer->appender = appender_new(bouncer->broker, loop);
	keep_tables(bouncer);
	bouncer->audit = audit_new(bouncer->broker, loop, bouncer->store);
	bouncer->purge = purge_new(bouncer->broker, loop, bouncer->store);
	const struct inbound_options inbound = {
		.broker = bouncer->broker,
		.loop = loop,
		.store = bouncer->store,
		.returns = bouncer->returns,
		.verdicts = bouncer->verdicts,
		.policies = &bouncer->policies,
		.suppressor = bouncer->suppressor,
		.teller = bouncer->teller,
		.unverified = (enum unverified_policy)settings->act_on_unverified,
		.store_failed = bouncer_fail,
		.idle = held_end_if_idle,
		.owner = bouncer,
	};
	bouncer->inbound = inbound_new(&inbound);
}

static enum err open_unsubscribe(struct bouncer *bouncer, const struct conf_items *certificates,
				 struct why *why)
{
	const struct bouncer_settings *settings = bouncer->settings;
	const struct unsubscribe_options options = {
		.loop = bouncer->node.loop,
		.address = settings->unsubscribe_listen,
		.certificate = settings->unsubscribe_certificate,
		.certificates = certificates,
		.returns = bouncer->returns,
		.suppressor = bouncer->suppressor,
		.teller = bouncer->teller,
		.store_failed = bouncer_fail,
	};
	if (!settings->unsubscribe_listen || !settings->unsubscribe_listen[0])
		return OK;
	if (!bouncer->returns)
		return fail(why, E_MALFORMED, "bouncer.unsubscribe_listen needs returns.keys");
	return unsubscribe_open(&options, &bouncer->unsubscribe, why);
}

static enum err open_readers(struct bouncer *bouncer, const struct bouncer_options *options,
			     struct why *why)
{
	const struct readers_settings readers = {
		.webhooks = options->webhooks,
		.accounting = options->accounting,
		.resolver = options->resolver,
		.place = {&bouncer->settings->webhook_networks, bouncer->settings->webhook_ca_file},
		.keep_ms = bouncer->settings->keep_events,
		.keep_bytes = (uint64_t)bouncer->settings->keep_events_size,
		.ready = on_readers_ready,
		.owner = bouncer};
	return readers_new(&bouncer->node, &readers, bouncer->store, bouncer->teller,
			   &bouncer->readers, why);
}

static enum err open_tls_reports(struct bouncer *bouncer, const struct bouncer_options *options,
				 struct why *why)
{
	if (!options->tls_reports)
		return OK;
	const struct tls_reports_options reports = {
		.node = &bouncer->node,
		.broker = bouncer->broker,
		.store = bouncer->store,
		.settings = options->tls_reports,
		.resolver = options->resolver,
		.store_failed = bouncer_fail,
	};
	return tls_reports_new(&reports, &bouncer->tls_reports, why);
}

static void on_api_drained(void *owner)
{
	struct bouncer *bouncer = owner;
	bouncer->is_api_drained = true;
	held_end_if_idle(bouncer);
}

static enum err open_api(struct bouncer *bouncer, const struct bouncer_options *options,
			 struct why *why)
{
	const struct bouncer_api_options api = {
		.node = bouncer->node,
		.listeners = &bouncer->settings->listeners,
		.certificates = options->certificates,
		.api_keys = options->api_keys,
		.store = bouncer->store,
		.ledger = bouncer->ledger,
		.alerts = bouncer->alerts,
		.broker = bouncer->broker,
		.webhooks = readers_webhooks(bouncer->readers),
		.replays = readers_replays(bouncer->readers),
		.covers_tags = bouncer->settings->plus_tags == PLUS_TAGS_STRIP,
		.drained = on_api_drained,
		.owner = bouncer,
	};
	return bouncer_api_open(&api, &bouncer->api, why);
}

enum err bouncer_start(const struct bouncer_options *options, struct bouncer **ret, struct why *why)
{
	struct bouncer *bouncer = memory_new(sizeof *bouncer);
	bouncer->node = options->node;
	bouncer->settings = options->settings;
	bouncer->returns_settings = options->returns;
	bouncer->was_away = true;
	bouncer->end = (struct task){.run = stop_now, .owner = bouncer};
	bouncer->stop_limit = timer_new(bouncer->node.loop, stop_now, bouncer);
	enum err err = open_store(bouncer, why);
	if (!err)
		err = returns_open(bouncer->returns_settings, &bouncer->returns, why);
	if (!err)
		err = verdicts_new(bouncer->node.loop, bouncer->settings->rules, &bouncer->verdicts,
				   why);
	if (!err && options->sites)
		err = replies_rules_new(options->shaping, options->sites, &bouncer->shaping, stderr,
					why);
	if (!err)
		err = broker_open(bouncer->node.loop, bouncer->node.broker, bouncer->node.routing,
				  "bouncer", on_state, bouncer, &bouncer->broker, why);
	if (err) {
		bouncer_free(&bouncer);
		return err;
	}
	make_parts(bouncer);
	make_alerts(bouncer, options->alerts);
	err = open_readers(bouncer, options, why);
	if (!err)
		err = open_tls_reports(bouncer, options, why);
	if (!err)
		err = open_unsubscribe(bouncer, options->certificates, why);
	if (!err)
		err = open_api(bouncer, options, why);
	if (err) {
		bouncer_free(&bouncer);
		return err;
	}
	on_state(bouncer, broker_state(bouncer->broker));
	bouncer->asked = asked_new(bouncer);
	if (!readers_webhooks(bouncer->readers))
		on_readers_ready(bouncer);
	*ret = bouncer;
	return OK;
}

void bouncer_stop(struct bouncer *bouncer, void (*stopped)(void *owner), void *owner)
{
	bouncer->stopped = stopped;
	bouncer->stopped_owner = owner;
	consumer_free(&bouncer->results);
	consumer_free(&bouncer->directives);
	inbound_stop(bouncer->inbound);
	if (bouncer->tls_reports)
		tls_reports_stop(bouncer->tls_reports);
	if (bouncer->unsubscribe)
		unsubscribe_stop(bouncer->unsubscribe);
	timer_start(bouncer->stop_limit, STOP_LIMIT_MS);
	bouncer_api_stop(bouncer->api);
	held_end_if_idle(bouncer);
}

static void stop_parts(struct bouncer *bouncer)
{
	if (!bouncer->ledger)
		return;
	inbound_give_back(bouncer->inbound);
	if (bouncer->tls_reports)
		tls_reports_stop(bouncer->tls_reports);
	if (bouncer->unsubscribe)
		unsubscribe_close(bouncer->unsubscribe);
	ledger_stop(bouncer->ledger);
	audit_stop(bouncer->audit);
	appender_stop(bouncer->appender);
	purge_stop(bouncer->purge);
	if (bouncer->readers)
		readers_stop(bouncer->readers);
	alerts_stop(bouncer->alerts);
	brakes_stop(bouncer->brakes);
	teller_stop(bouncer->teller);
	held_end_sweeps(bouncer);
	if (bouncer->api)
		bouncer_api_close(bouncer->api);
}

/* The parts wait for what the broker confirms, so they end around it; leases must not outlive it. */
void bouncer_free(struct bouncer **bouncer)
{
	struct bouncer *freeing = *bouncer;
	*bouncer = NULL;
	if (!freeing)
		return;
	freeing->stopped = NULL;
	consumer_free(&freeing->results);
	consumer_free(&freeing->directives);
	held_give_back(freeing);
	stop_parts(freeing);
	broker_close(&freeing->broker);
	kept_table_free(&freeing->kept_sites);
	kept_table_free(&freeing->kept_directives);
	readers_free(&freeing->readers);
	asked_free(&freeing->asked);
	suppressor_free(&freeing->suppressor);
	ledger_free(&freeing->ledger);
	inbound_free(&freeing->inbound);
	tls_reports_free(&freeing->tls_reports);
	unsubscribe_free(&freeing->unsubscribe);
	bouncer_api_free(&freeing->api);
	audit_free(&freeing->audit);
	lending_free(&freeing->lending);
	appender_free(&freeing->appender);
	purge_free(&freeing->purge);
	alerts_free(&freeing->alerts);
	shaping_rules_free(&freeing->shaping);
	brakes_free(&freeing->brakes);
	teller_free(&freeing->teller);
	tallies_free(&freeing->tallies);
	verdicts_free(&freeing->verdicts);
	returns_close(&freeing->returns);
	store_close(&freeing->store);
	timer_free(&freeing->stop_limit);
	task_cancel(&freeing->end, freeing->node.loop);
	free(freeing);
}

void bouncer_reload(struct bouncer *bouncer)
{
	verdicts_reload(bouncer->verdicts);
	if (bouncer->unsubscribe)
		unsubscribe_reload(bouncer->unsubscribe);
	bouncer_api_reload(bouncer->api);
	readers_reload(bouncer->readers);
}
