#include "bouncer/alerts/sighting.h"

const char *alert_by_name(enum alert_by by)
{
	static const char *const names[BY_COUNT] = {"tenant", "campaign", "pool",
						    "site",   "source",	  "sender_domain"};
	return names[by];
}

static enum bounce_class class_of(struct bytes name)
{
	for (int class = 0; class < CLASS_COUNT; class ++)
		if (bytes_is(name, bounce_class_name((enum bounce_class) class)))
			return (enum bounce_class) class;
	return CLASS_OTHER;
}

static enum bounce_family family_of(struct bytes name)
{
	for (int family = FAMILY_HARD; family < FAMILY_UNDETERMINED; family++)
		if (bytes_is(name, bounce_family_name((enum bounce_family)family)))
			return (enum bounce_family)family;
	return FAMILY_UNDETERMINED;
}

static struct bytes domain_of(struct bytes address)
{
	size_t at = address.len;
	while (at > 0 && address.data[at - 1] != '@')
		at--;
	return at > 0 ? bytes_skip(address, at) : BYTES_NONE;
}

static bool counts(enum bouncer_event_kind kind)
{
	switch (kind) {
	case EVENT_DELIVERED:
	case EVENT_DEFERRED:
	case EVENT_BOUNCED:
	case EVENT_EXPIRED:
	case EVENT_COMPLAINED:
	case EVENT_UNSUBSCRIBED:
		return true;
	default:
		return false;
	}
}

bool sighting_of(const struct bouncer_event *event, struct sighting *ret)
{
	const struct result *result = &event->result;
	if (!event->has_result || !counts(event->kind))
		return false;
	*ret = (struct sighting){
		.kind = event->kind,
		.class = class_of(event->class),
		.family = family_of(event->hardness),
		.is_returned = event->report.len > 0,
		.by = {[BY_TENANT] = result->labels.tenant,
		       [BY_CAMPAIGN] = result->labels.campaign,
		       [BY_POOL] = result->pool,
		       [BY_SITE] = result->site,
		       [BY_SOURCE] = result->source,
		       [BY_SENDER_DOMAIN] = domain_of(result->sender)},
	};
	return true;
}
