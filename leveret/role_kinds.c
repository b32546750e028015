/* See role_kinds.h. */
#include "leveret/role_kinds.h"

#include "bouncer/bouncer.h"
#include "ingest/ingest.h"
#include "workers/worker.h"

static enum err start_ingest(union running_role *role, const struct roles_options *given,
			     const struct node *node, struct why *why)
{
	const struct settings *settings = given->settings;
	struct ingest_options options = {
		.node = *node,
		.settings = &settings->ingest,
		.mailerq = &settings->mailerq,
		.listeners = &settings->listeners,
		.certificates = &settings->certificates,
		.api_keys = &settings->api_keys,
		.rules = &settings->rules,
	};
	return ingest_start(&options, &role->ingest, why);
}

static void stop_ingest(union running_role *role, void (*stopped)(void *owner), void *owner)
{
	ingest_stop(role->ingest, stopped, owner);
}

static void free_ingest(union running_role *role)
{
	ingest_free(&role->ingest);
}

static void reload_ingest(union running_role *role)
{
	ingest_reload(role->ingest);
}

static enum err start_worker(union running_role *role, const struct roles_options *given,
			     const struct node *node, struct why *why)
{
	struct worker_options options = {
		.node = *node,
		.settings = &given->settings->workers,
		.timeouts = &given->settings->smtp_timeouts,
		.resolver = &given->settings->resolver,
		.shaping = &given->settings->shaping,
		.tls_domains = &given->settings->tls_domains,
		.mta_sts = &given->settings->mta_sts,
		.returns = &given->settings->returns,
		.tls_reports = &given->settings->tls_reports,
		.retry = &given->settings->retry,
		.dsn = &given->settings->dsn,
		.windows = &given->settings->windows,
		.dkim = &given->settings->dkim,
		.pools = given->pools,
		.pool_count = given->pool_count,
		.sites = given->sites,
		.site_count = given->site_count,
	};
	return worker_start(&options, &role->worker, why);
}

static void stop_worker(union running_role *role, void (*stopped)(void *owner), void *owner)
{
	worker_stop(role->worker, stopped, owner);
}

static void free_worker(union running_role *role)
{
	worker_free(&role->worker);
}

static enum err start_bouncer(union running_role *role, const struct roles_options *given,
			      const struct node *node, struct why *why)
{
	const struct settings *settings = given->settings;
	const struct resolver_options resolver = {
		.servers = settings->resolver.servers.items,
		.server_count = settings->resolver.servers.count,
		.timeout_ms = settings->resolver.timeout,
		.validation = (enum dns_validation)settings->resolver.dnssec,
		.trust_anchor = settings->resolver.trust_anchor,
	};
	struct bouncer_options options = {
		.node = *node,
		.settings = &settings->bouncer,
		.returns = &settings->returns,
		.tls_reports = &settings->tls_reports,
		.certificates = &settings->certificates,
		.alerts = &settings->alerts,
		.shaping = &settings->shaping,
		.sites = &settings->routing.sites,
		.webhooks = &settings->webhooks,
		.accounting = &settings->accounting,
		.resolver = &resolver,
		.api_keys = &settings->api_keys,
	};
	return bouncer_start(&options, &role->bouncer, why);
}

static void stop_bouncer(union running_role *role, void (*stopped)(void *owner), void *owner)
{
	bouncer_stop(role->bouncer, stopped, owner);
}

static void free_bouncer(union running_role *role)
{
	bouncer_free(&role->bouncer);
}

static void reload_bouncer(union running_role *role)
{
	bouncer_reload(role->bouncer);
}

const struct role_kind role_ingest = {"ingest",	   start_ingest, stop_ingest,
				      free_ingest, 2000,	 reload_ingest};
const struct role_kind role_worker = {"worker",	   start_worker, stop_worker,
				      free_worker, 25000,	 NULL};
const struct role_kind role_bouncer = {"bouncer", start_bouncer, stop_bouncer, free_bouncer,
				       0,	  reload_bouncer};
