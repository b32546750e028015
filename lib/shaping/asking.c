/* What is in force for whoever asks. */
#include <string.h>

#include "lib/shaping/force_inner.h"

static void answer(const struct shaping_entry *entry, const struct shaping_question *question,
		   struct shaping_answer *ret)
{
	switch (entry->action) {
	case SHAPING_SLOW_TO:
		ret->rate_per_day = entry->value;
		break;
	case SHAPING_SLOW_BY:
		ret->rate_percent = shaping_entry_percent(entry, question->now_ms);
		break;
	case SHAPING_CONNECTIONS_BY:
		ret->connections_percent = shaping_entry_percent(entry, question->now_ms);
		break;
	case SHAPING_PARK_SOURCE:
		ret->source_until_ms = entry->until_ms;
		break;
	case SHAPING_PARK_SITE:
		ret->site_until_ms = entry->until_ms;
		break;
	case SHAPING_SUSPEND_TENANT:
		ret->tenant_until_ms = entry->until_ms;
		break;
	case SHAPING_SUSPEND_CAMPAIGN:
		ret->campaign_until_ms = entry->until_ms;
		break;
	case SHAPING_USE_POOL:
		ret->pool = entry->text;
		break;
	default: /* a host's, and those of deliveries */
		break;
	}
}

static bool is_asked(const struct shaping_entry *entry, const struct shaping_question *question)
{
	if (entry->over_ms <= question->now_ms || strcmp(entry->site, question->site) != 0)
		return false;
	switch (shaping_action_scope(entry->action)) {
	case SCOPE_LINK:
		return strcmp(entry->source, question->source) == 0;
	case SCOPE_SITE:
		return true;
	case SCOPE_TENANT:
		return strcmp(entry->subject, question->tenant) == 0;
	case SCOPE_CAMPAIGN:
		return strcmp(entry->subject, question->campaign) == 0;
	default:
		return false;
	}
}

void shaping_force_ask(const struct shaping_force *force, const struct shaping_question *question,
		       struct shaping_answer *ret)
{
	*ret = (struct shaping_answer){.rate_percent = 100, .connections_percent = 100};
	const struct node *node = force->buckets[force_bucket(force, question->site)];
	for (; node; node = node->next)
		if (is_asked(&node->entry, question))
			answer(&node->entry, question, ret);
}

int64_t shaping_force_host_until(const struct shaping_force *force, const char *host,
				 int64_t now_ms)
{
	struct key key = {.action = SHAPING_SKIP_MX, .site = "", .source = "", .subject = host};
	const struct node *node = force_find(force, &key);
	return node && node->entry.until_ms > now_ms ? node->entry.until_ms : 0;
}
