/* The tables of `workers:`, `retry:`, `dsn:` and `resolver:`, and what their rows cannot check. */
#include "workers/delivery/settings.h"

#include "lib/mail/address.h"
#include "lib/net/address.h"
#include "workers/delivery/retry.h"
#include "workers/delivery/told_headers.h"

#define DNS_PORT 53

static const struct conf_field retry_fields[] = {
#define X(...) CONF_ROW(struct retry_settings, __VA_ARGS__)
#include "workers/delivery/retry.def"
#undef X
};
static const struct conf_field dsn_fields[] = {
#define X(...) CONF_ROW(struct dsn_settings, __VA_ARGS__)
#include "workers/delivery/dsn.def"
#undef X
};
static const struct conf_field worker_fields[] = {
#define X(...) CONF_ROW(struct worker_settings, __VA_ARGS__)
#include "workers/delivery/worker.def"
#undef X
};
static const struct conf_field resolver_fields[] = {
#define X(...) CONF_ROW(struct resolver_settings, __VA_ARGS__)
#include "workers/delivery/resolver.def"
#undef X
};

static void check_waits(struct conf *conf, const struct retry_settings *retry, const char *path)
{
	char setting[256];
	int64_t ms;
	for (size_t i = 0; i < retry->waits.count; i++) {
		snprintf(setting, sizeof(setting), "%s.waits[%zu]", path, i);
		if (!retry_wait_parse(retry->waits.items[i], &ms))
			conf_fault(conf, setting,
				   "expected a duration from 1s to 30d, such as 5m: \"%.40s\"",
				   retry->waits.items[i]);
	}
}

static void check_retry(struct conf *conf, const void *section, const char *path)
{
	const struct retry_settings *retry = section;
	char setting[256];
	check_waits(conf, retry, path);
	snprintf(setting, sizeof(setting), "%s.max", path);
	if (retry->max < retry->first)
		conf_fault(conf, setting, "must not be shorter than first");
	snprintf(setting, sizeof(setting), "%s.give_up", path);
	if (retry->waits.count == 0 && retry->give_up < retry->first)
		conf_warn(
			conf, setting,
			"is shorter than first: a failed message expires without another attempt");
}

static void check_dsn(struct conf *conf, const void *section, const char *path)
{
	const struct dsn_settings *dsn = section;
	struct address address;
	char setting[256];
	snprintf(setting, sizeof(setting), "%s.from", path);
	if (dsn->from[0] && address_parse(bytes_of(dsn->from), false, &address) != OK)
		conf_fault(conf, setting, "expected a mail address: \"%.60s\"", dsn->from);
}

static void check_resolver(struct conf *conf, const void *section, const char *path)
{
	const struct resolver_settings *resolver = section;
	for (size_t i = 0; i < resolver->servers.count; i++) {
		struct net_address address;
		char setting[256];
		snprintf(setting, sizeof(setting), "%s.servers[%zu]", path, i);
		if (!net_address_parse(resolver->servers.items[i], DNS_PORT, &address))
			conf_fault(conf, setting,
				   "expected an IP address, with a port if it is not %d: \"%.60s\"",
				   DNS_PORT, resolver->servers.items[i]);
	}
}

static void check_worker(struct conf *conf, const void *section, const char *path)
{
	const struct worker_settings *worker = section;
	char setting[256];
	for (size_t i = 0; i < worker->result_headers.count; i++) {
		snprintf(setting, sizeof(setting), "%s.result_headers[%zu]", path, i);
		if (!told_headers_is_name(worker->result_headers.items[i]))
			conf_fault(conf, setting, "expected the name of a header field: \"%.60s\"",
				   worker->result_headers.items[i]);
	}
}

const struct conf_section retry_section = {
	.name = "retry",
	.help = "Schedules of attempts, which sites name.",
	.shape = CONF_MAP,
	.size = sizeof(struct retry_settings),
	.fields = retry_fields,
	.field_count = CONF_COUNT(retry_fields),
	.inherit_from = "default",
	.check = check_retry,
};
const struct conf_section dsn_section = {
	.name = "dsn",
	.help = "Notices by mail to senders of what became of their mail (RFC 3464).",
	.shape = CONF_ONE,
	.size = sizeof(struct dsn_settings),
	.fields = dsn_fields,
	.field_count = CONF_COUNT(dsn_fields),
	.check = check_dsn,
};
const struct conf_section worker_section = {
	.name = "workers",
	.help = "How much a worker does at once.",
	.shape = CONF_ONE,
	.size = sizeof(struct worker_settings),
	.fields = worker_fields,
	.field_count = CONF_COUNT(worker_fields),
	.check = check_worker,
};
const struct conf_section resolver_section = {
	.name = "resolver",
	.help = "How names are looked up.",
	.shape = CONF_ONE,
	.size = sizeof(struct resolver_settings),
	.fields = resolver_fields,
	.field_count = CONF_COUNT(resolver_fields),
	.check = check_resolver,
};
