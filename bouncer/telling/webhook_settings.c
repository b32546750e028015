/* The table of `webhooks:`. */
#include "bouncer/telling/webhook_settings.h"

#include <stdio.h>
#include <string.h>

#include "bouncer/telling/webhook_rules.h"
#include "lib/net/url_target.h"

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct webhook_settings, __VA_ARGS__)
#include "bouncer/telling/webhook.def"
#undef X
};
static const struct conf_field batch_fields[] = {
#define X(...) CONF_ROW(struct webhook_batch_settings, __VA_ARGS__)
#include "bouncer/telling/webhook_batch.def"
#undef X
};

enum bouncer_event_kind bouncer_event_kind_of(const char *name)
{
	for (int kind = EVENT_DELIVERED; kind <= BOUNCER_EVENT_LAST; kind++)
		if (strcmp(bouncer_event_name((enum bouncer_event_kind)kind), name) == 0)
			return (enum bouncer_event_kind)kind;
	return (enum bouncer_event_kind)0;
}

bool webhook_wants(const struct webhook_settings *settings, const struct bouncer_event *event)
{
	if (settings->tenant[0] && !bytes_is(bouncer_event_tenant(event), settings->tenant))
		return false;
	for (size_t i = 0; i < settings->events.count; i++)
		if (bouncer_event_kind_of(settings->events.items[i]) == event->kind)
			return true;
	return false;
}

static void check_secret(struct conf *conf, const char *path, const char *field, const char *secret)
{
	struct webhook_key key;
	struct why why;
	char setting[256];
	(void)snprintf(setting, sizeof setting, "%s.%s", path, field);
	if (secret[0] && webhook_key_parse(secret, &key, &why) != OK)
		conf_fault(conf, setting, "%s", why.text);
}

static void check_webhook(struct conf *conf, const void *section, const char *path)
{
	const struct webhook_settings *settings = section;
	struct url_target target;
	struct why why;
	char setting[256];
	(void)snprintf(setting, sizeof setting, "%s.url", path);
	if (settings->url[0] && url_target_parse(settings->url, &target, &why) != OK)
		conf_fault(conf, setting, "%s", why.text);
	else if (settings->url[0] && !target.is_https)
		conf_warn(conf, setting, "what is posted can be read and changed on its way");
	check_secret(conf, path, "secret", settings->secret);
	check_secret(conf, path, "old_secret", settings->old_secret);
	if (!settings->secret[0])
		conf_warn(conf, path,
			  "without a secret the receiver cannot know who posts the events");
	for (size_t i = 0; i < settings->events.count; i++) {
		(void)snprintf(setting, sizeof setting, "%s.events[%zu]", path, i);
		if (!bouncer_event_kind_of(settings->events.items[i]))
			conf_fault(conf, setting, "there are no events \"%.60s\"",
				   settings->events.items[i]);
	}
}

static const struct conf_section batch_section = {
	.name = "batch",
	.help = "How many events go into one request.",
	.shape = CONF_ONE,
	.size = sizeof(struct webhook_batch_settings),
	.fields = batch_fields,
	.field_count = CONF_COUNT(batch_fields),
};
static const struct conf_child children[] = {
	{&batch_section, offsetof(struct webhook_settings, batch)},
};
const struct conf_section webhooks_section = {
	.name = "webhooks",
	.help = "By name: where the bouncer posts events (docs/webhooks.md).",
	.shape = CONF_MAP,
	.size = sizeof(struct webhook_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.children = children,
	.child_count = CONF_COUNT(children),
	.check = check_webhook,
};
