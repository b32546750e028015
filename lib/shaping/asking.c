/* What is in force for whoever asks. */
#include <string.h>

#include "lib/shaping/force_inner.h"

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static unsigned less(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void answer(const struct shaping_entry *entry, const struct shaping_question *question,
		   struct shaping_answer *ret)
{
	const unsigned percent = shaping_entry_percent(entry, question->now_ms);
	switch (entry->action) {
	case SHAPING_SLOW_TO:
		if (ret->rate_per_day == 0 || entry->value < ret->rate_per_day)
			ret->rate_per_day = entry->value;
		break;
	case SHAPING_SLOW_BY:
		ret->rate_percent = less(ret->rate_percent, percent);
		break;
	case SHAPING_CONNECTIONS_BY:
		ret->connections_percent = less(ret->connections_percent, percent);
		break;
	case SHAPING_PARK_SOURCE:
		ret->source_until_ms = later(ret->source_until_ms, entry->until_ms);
		break;
	case SHAPING_PARK_SITE:
		ret->site_until_ms = later(ret->site_until_ms, entry->until_ms);
		break;
	case SHAPING_SUSPEND_TENANT:
		ret->tenant_until_ms = later(ret->tenant_until_ms, entry->until_ms);
		break;
	case SHAPING_SUSPEND_CAMPAIGN:
		ret->campaign_until_ms = later(ret->campaign_until_ms, entry->until_ms);
		break;
	case SHAPING_USE_POOL: /* the site's own is asked last */
		ret->pool = entry->text;
		break;
	default: /* a host's, and those of deliveries */
		break;
	}
}

static bool is_asked(const struct shaping_entry *entry, const char *site,
		     const struct shaping_question *question)
{
	if (entry->over_ms <= question->now_ms || strcmp(entry->site, site) != 0)
		return false;
	switch (shaping_action_scope(entry->action)) {
	case SCOPE_LINK:
		return strcmp(entry->source, question->source) == 0;
	case SCOPE_SITE:
		return true;
	case SCOPE_TENANT:
		return strcmp(entry->subject, question->tenant) == 0;
	case SCOPE_CAMPAIGN:
		return strcmp(entry->subject, question->campaign) == 0 &&
		       strcmp(entry->tenant, question->tenant) == 0;
	default:
		return false;
	}
}

static void ask_site(const struct shaping_force *force, const char *site,
		     const struct shaping_question *question, struct shaping_answer *ret)
{
	const struct node *node = force->buckets[force_bucket(force, site)];
	for (; node; node = node->next)
		if (is_asked(&node->entry, site, question))
			answer(&node->entry, question, ret);
}

void shaping_force_ask(const struct shaping_force *force, const struct shaping_question *question,
		       struct shaping_answer *ret)
{
	*ret = (struct shaping_answer){.rate_percent = 100, .connections_percent = 100};
	if (force->count == 0)
		return;
	ask_site(force, SHAPING_EVERYWHERE, question, ret);
	ask_site(force, question->site, question, ret);
}

int64_t shaping_force_host_until(const struct shaping_force *force, const char *host,
				 int64_t now_ms)
{
	struct key key = {
		.action = SHAPING_SKIP_MX, .site = "", .source = "", .subject = host, .tenant = ""};
	const struct node *node = force_find(force, &key);
	return node && node->entry.until_ms > now_ms ? node->entry.until_ms : 0;
}
