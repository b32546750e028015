#include "bouncer/http/settings.h"

#include <stdio.h>
#include <string.h>

#include "lib/net/address.h"

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct bouncer_listener_settings, __VA_ARGS__)
#include "bouncer/http/listener.def"
#undef X
};

static const struct {
	const char *name;
	unsigned bit;
} services[] = {
	{"suppressions", SERVE_SUPPRESSIONS},
	{"events", SERVE_EVENTS},
	{"webhooks", SERVE_WEBHOOKS},
	{"alerts", SERVE_ALERTS},
};

static unsigned service_of(const char *name)
{
	for (size_t i = 0; i < CONF_COUNT(services); i++)
		if (strcmp(services[i].name, name) == 0)
			return services[i].bit;
	return 0;
}

unsigned bouncer_listener_serves(const struct bouncer_listener_settings *listener)
{
	unsigned bits = 0;
	for (size_t i = 0; i < listener->serve.count; i++)
		bits |= service_of(listener->serve.items[i]);
	return bits;
}

static void check(struct conf *conf, const void *section, const char *path)
{
	const struct bouncer_listener_settings *listener = section;
	struct net_address address;
	char setting[256];
	(void)snprintf(setting, sizeof setting, "%s.address", path);
	if (listener->address[0] && !net_address_parse(listener->address, 0, &address))
		conf_fault(conf, setting, "expected an IP address and port, not a name: \"%s\"",
			   listener->address);
	(void)snprintf(setting, sizeof setting, "%s.serve", path);
	for (size_t i = 0; i < listener->serve.count; i++)
		if (service_of(listener->serve.items[i]) == 0)
			conf_fault(
				conf, setting,
				"expected suppressions, events, alerts or webhooks, not \"%.40s\"",
				listener->serve.items[i]);
	(void)snprintf(setting, sizeof setting, "%s.certificate", path);
	if (listener->tls != API_TLS_OFF && !listener->certificate[0])
		conf_fault(conf, setting, "must be given with tls");
}

const struct conf_section bouncer_listeners_section = {
	.name = "listeners",
	.help = "Where the bouncer serves its HTTP API (docs/http-api.md).",
	.shape = CONF_MAP,
	.size = sizeof(struct bouncer_listener_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.check = check,
};
