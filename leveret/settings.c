/* The root of the tables, and the checks between sections of different roles. */
#include "leveret/settings.h"

#include <string.h>

#include "leveret/alerted_check.h"
#include "lib/base/zone.h"
#include "lib/net/address.h"
#include "lib/report/class.h"
#include "lib/routing/lent.h"
#include "lib/routing/shipped.h"

static const struct conf_field log_fields[] = {
#define X(...) CONF_ROW(struct log_settings, __VA_ARGS__)
#include "leveret/log.def"
#undef X
};
static const struct conf_field node_fields[] = {
#define X(...) CONF_ROW(struct node_settings, __VA_ARGS__)
#include "leveret/node.def"
#undef X
};
static const struct conf_field root_fields[] = {
#define X(...) CONF_ROW(struct settings, __VA_ARGS__)
#include "leveret/root.def"
#undef X
};

static void check_node(struct conf *conf, const void *section, const char *path)
{
	const struct node_settings *node = section;
	struct net_address address;
	(void)path;
	if (node->metrics[0] && !net_address_parse(node->metrics, 0, &address))
		conf_fault(conf, "node.metrics",
			   "expected an IP address and port, not a name: \"%s\"", node->metrics);
}

static const struct conf_section log_section = {
	.name = "log",
	.help = "What is logged, on standard error.",
	.shape = CONF_ONE,
	.size = sizeof(struct log_settings),
	.fields = log_fields,
	.field_count = CONF_COUNT(log_fields),
};
static const struct conf_child node_children[] = {
	{&log_section, offsetof(struct node_settings, log)}};
static const struct conf_section node_section = {
	.name = "node",
	.help = "This host.",
	.shape = CONF_ONE,
	.size = sizeof(struct node_settings),
	.fields = node_fields,
	.field_count = CONF_COUNT(node_fields),
	.children = node_children,
	.child_count = CONF_COUNT(node_children),
	.check = check_node,
};
static const struct conf_child root_children[] = {
	{&node_section, offsetof(struct settings, node)},
	{&broker_section, offsetof(struct settings, broker)},
	{&certificates_section, offsetof(struct settings, certificates)},
	{&listeners_section, offsetof(struct settings, listeners)},
	{&api_keys_section, offsetof(struct settings, api_keys)},
	{&rules_section, offsetof(struct settings, rules)},
	{&sources_section, offsetof(struct settings, routing.sources)},
	{&pools_section, offsetof(struct settings, routing.pools)},
	{&sites_section, offsetof(struct settings, routing.sites)},
	{&routes_section, offsetof(struct settings, routing.routes)},
	{&shaping_section, offsetof(struct settings, shaping)},
	{&retry_section, offsetof(struct settings, retry)},
	{&windows_section, offsetof(struct settings, windows)},
	{&dsn_section, offsetof(struct settings, dsn)},
	{&ingest_section, offsetof(struct settings, ingest)},
	{&mailerq_section, offsetof(struct settings, mailerq)},
	{&worker_section, offsetof(struct settings, workers)},
	{&smtp_timeouts_section, offsetof(struct settings, smtp_timeouts)},
	{&resolver_section, offsetof(struct settings, resolver)},
	{&dkim_section, offsetof(struct settings, dkim)},
	{&tls_domains_section, offsetof(struct settings, tls_domains)},
	{&mta_sts_section, offsetof(struct settings, mta_sts)},
	{&tls_reports_section, offsetof(struct settings, tls_reports)},
	{&returns_section, offsetof(struct settings, returns)},
	{&bouncer_section, offsetof(struct settings, bouncer)},
	{&alerts_section, offsetof(struct settings, alerts)},
	{&webhooks_section, offsetof(struct settings, webhooks)},
	{&accounting_section, offsetof(struct settings, accounting)},
};

static bool has_retry(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->retry.count; i++)
		if (strcmp(CONF_ITEM(&settings->retry, struct retry_settings, i)->name, name) == 0)
			return true;
	return false;
}

static void check_window(struct conf *conf, const struct settings *settings, const char *path,
			 const char *window)
{
	for (size_t i = 0; i < settings->windows.count; i++)
		if (strcmp(CONF_ITEM(&settings->windows, struct window_settings, i)->name,
			   window) == 0)
			return;
	if (window[0])
		conf_fault(conf, path, "there is no window \"%s\"", window);
}

static void check_classes(struct conf *conf, const struct site_settings *site)
{
	enum bounce_class class;
	for (size_t i = 0; i < site->replies.count; i++) {
		const char *name =
			CONF_ITEM(&site->replies, struct shaping_rule_settings, i)->then.classify;
		char path[256];
		snprintf(path, sizeof(path), "sites.%s.replies[%zu].then.classify", site->name, i);
		if (name[0] && !bounce_class_find(bytes_of(name), &class))
			conf_fault(conf, path,
				   "there is no class \"%s\" (docs/bounces.md has them)", name);
	}
}

static void check_sites(struct conf *conf, const struct settings *settings)
{
	const struct conf_items *sites = &settings->routing.sites;
	for (size_t i = 0; i < sites->count; i++) {
		const struct site_settings *site = CONF_ITEM(sites, struct site_settings, i);
		char path[256];
		snprintf(path, sizeof(path), "sites.%s.retry", site->name);
		if (!has_retry(settings, site->retry))
			conf_fault(conf, path, "there is no retry schedule \"%s\"", site->retry);
		snprintf(path, sizeof(path), "sites.%s.window", site->name);
		check_window(conf, settings, path, site->window);
		check_classes(conf, site);
		snprintf(path, sizeof(path), "sites.%s.zone", site->name);
		if (site->zone[0] && !zone_is_name(site->zone))
			conf_fault(conf, path, "not the name of a time zone: \"%.60s\"",
				   site->zone);
	}
}

static void check_shipped(struct conf *conf, const struct settings *settings)
{
	const conf_texts *wanted = &settings->shipped_sites;
	for (size_t i = 0; i < wanted->count; i++)
		if (strcmp(wanted->items[i], "all") != 0 && !shipped_site_is(wanted->items[i]))
			conf_fault(conf, "shipped_sites",
				   "there is no shipped site \"%s\" (`all` takes all of them)",
				   wanted->items[i]);
}

static void check_pools(struct conf *conf, const struct settings *settings)
{
	for (size_t i = 0; i < settings->routing.pools.count; i++) {
		const struct pool_settings *pool =
			CONF_ITEM(&settings->routing.pools, struct pool_settings, i);
		char path[256];
		snprintf(path, sizeof(path), "pools.%s.window", pool->name);
		check_window(conf, settings, path, pool->window);
	}
}

static void check_rules(struct conf *conf, const struct settings *settings)
{
	for (size_t i = 0; i < settings->rules.count; i++) {
		const char *retry =
			CONF_ITEM(&settings->rules, struct rule_settings, i)->then.retry;
		char path[64];
		snprintf(path, sizeof(path), "rules[%zu].then.retry", i);
		if (retry[0] && !has_retry(settings, retry))
			conf_fault(conf, path, "there is no retry schedule \"%s\"", retry);
		snprintf(path, sizeof(path), "rules[%zu].then.window", i);
		check_window(conf, settings, path,
			     CONF_ITEM(&settings->rules, struct rule_settings, i)->then.window);
	}
}

static void check_listeners(struct conf *conf, const struct conf_items *listeners)
{
	for (size_t i = 0; i < listeners->count; i++) {
		const struct listener_settings *one =
			CONF_ITEM(listeners, struct listener_settings, i);
		for (size_t j = i + 1; one->address[0] && j < listeners->count; j++) {
			const struct listener_settings *other =
				CONF_ITEM(listeners, struct listener_settings, j);
			char path[256];
			snprintf(path, sizeof(path), "listeners.%s.address", other->name);
			if (strcmp(one->address, other->address) == 0)
				conf_fault(conf, path, "is already the address of listener \"%s\"",
					   one->name);
		}
	}
}

static void check_certificates(struct conf *conf, const struct settings *settings)
{
	for (size_t i = 0; i < settings->listeners.count; i++) {
		const struct listener_settings *listener =
			CONF_ITEM(&settings->listeners, struct listener_settings, i);
		char path[256];
		snprintf(path, sizeof(path), "listeners.%s.certificate", listener->name);
		if (listener->certificate[0] &&
		    !certificate_find(&settings->certificates, listener->certificate))
			conf_fault(conf, path, "there is no certificate \"%s\"",
				   listener->certificate);
	}
}

static bool has_credentials(const struct ingest_settings *ingest)
{
	return ingest->credentials[0] || ingest->credentials_url[0] ||
	       ingest->credentials_command.count > 0;
}

static void check_credentials(struct conf *conf, const struct settings *settings)
{
	for (size_t i = 0; i < settings->listeners.count; i++) {
		const struct listener_settings *listener =
			CONF_ITEM(&settings->listeners, struct listener_settings, i);
		char path[256];
		snprintf(path, sizeof(path), "listeners.%s.auth", listener->name);
		if (listener->auth != LISTENER_AUTH_OFF && !has_credentials(&settings->ingest))
			conf_fault(conf, path,
				   "needs ingest.credentials, the file of those who may log in, or "
				   "somebody to ask: credentials_command, credentials_url");
	}
}

static void check_mailerq(struct conf *conf, const struct settings *settings)
{
	if (settings->mailerq.enabled &&
	    !bytes_starts_with_nocase(bytes_of(settings->broker.url), "amqp"))
		conf_fault(conf, "mailerq.enabled",
			   "needs a RabbitMQ in broker.url: nobody else reaches the embedded "
			   "engine's queues");
}

static bool is_listener(const void *owner, const char *name)
{
	const struct conf_items *listeners = owner;
	for (size_t i = 0; i < listeners->count; i++)
		if (strcmp(CONF_ITEM(listeners, struct listener_settings, i)->name, name) == 0)
			return true;
	return false;
}

static void check_root(struct conf *conf, const void *section, const char *path)
{
	const struct settings *settings = section;
	(void)path;
	routing_check(conf, &settings->routing);
	lent_check(conf, &settings->routing.sites);
	check_sites(conf, settings);
	alerted_check(conf, &settings->routing.sites, &settings->alerts);
	check_rules(conf, settings);
	check_pools(conf, settings);
	check_shipped(conf, settings);
	check_listeners(conf, &settings->listeners);
	check_certificates(conf, settings);
	check_credentials(conf, settings);
	check_mailerq(conf, settings);
	api_keys_check(conf, &settings->api_keys, &settings->routing.pools);
	rules_check(conf, &settings->rules, &settings->routing.pools, is_listener,
		    &settings->listeners);
}

/* shipped_sites is read before the settings are filled: it decides what lies under them. */
static struct conf_layer layer(const struct conf *conf, size_t n)
{
	if (n >= shipped_site_count)
		return (struct conf_layer){0};
	const struct shipped_file *site = &shipped_sites[n];
	bool is_on = !conf_is_given(conf, "shipped_sites") ||
		     conf_lists(conf, "shipped_sites", "all") ||
		     conf_lists(conf, "shipped_sites", site->name);
	return (struct conf_layer){site->file, is_on ? site->text : NULL};
}

/* No broker named: the engine that needs none. From here on the url is never empty. */
static void complete(struct arena *arena, void *section)
{
	struct settings *settings = section;
	routing_complete(arena, &settings->routing);
	lent_add(arena, &settings->routing, (size_t)settings->lent_queues);
	settings->mailerq.broker_prefix = settings->broker.prefix;
	if (settings->broker.url[0] == '\0')
		settings->broker.url = arena_printf(arena, "embedded:%s", settings->node.data_dir);
}

const struct conf_section settings_root = {
	.name = "leveret",
	.help = "Settings of Leveret.",
	.shape = CONF_ONE,
	.size = sizeof(struct settings),
	.fields = root_fields,
	.field_count = CONF_COUNT(root_fields),
	.children = root_children,
	.child_count = CONF_COUNT(root_children),
	.layer = layer,
	.complete = complete,
	.check = check_root,
};

enum err settings_load(const char *path, struct conf **ret_conf,
		       const struct settings **ret_settings)
{
	enum err err = conf_load(path, &settings_root, ret_conf);
	if (err == OK)
		*ret_settings = conf_root(*ret_conf);
	return err;
}
