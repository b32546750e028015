/* What an entry is at a time, and how another table comes by it. */
#include "lib/shaping/force.h"

unsigned shaping_entry_percent(const struct shaping_entry *entry, int64_t now_ms)
{
	int64_t left = entry->value;
	if (now_ms >= entry->over_ms)
		return 100;
	if (now_ms > entry->until_ms)
		left += (100 - left) * (now_ms - entry->until_ms) /
			(entry->over_ms - entry->until_ms);
	return (unsigned)left;
}

/* slow_by and connections_by say how much is taken away. While they go back, that is what they still take now, and it goes back from
 * now on, over the time that is left. */
static void take_away(const struct shaping_entry *entry, int64_t now_ms,
		      struct shaping_fired *fired)
{
	fired->value = 100 - (int64_t)shaping_entry_percent(entry, now_ms);
	fired->until_ms = now_ms > entry->until_ms ? now_ms : entry->until_ms;
	fired->period_ms = entry->over_ms > fired->until_ms ? entry->over_ms - fired->until_ms : 0;
}

void shaping_entry_again(const struct shaping_entry *entry, int64_t now_ms,
			 struct shaping_fired *ret_fired, struct shaping_facts *ret_facts)
{
	*ret_fired = (struct shaping_fired){
		.action = entry->action,
		.rule = entry->rule,
		.value = entry->value,
		.text = entry->text,
		.until_ms = entry->until_ms,
		.period_ms = entry->period_ms,
		.is_own = entry->is_own,
	};
	if (shaping_action_goes_back(entry->action))
		take_away(entry, now_ms, ret_fired);
	enum shaping_scope scope = shaping_action_scope(entry->action);
	*ret_facts = (struct shaping_facts){
		.site = entry->site,
		.source = entry->source,
		.host = scope == SCOPE_HOST ? entry->subject : "",
		.tenant = scope == SCOPE_TENANT ? entry->subject : entry->tenant,
		.campaign = scope == SCOPE_CAMPAIGN ? entry->subject : "",
		.step = "",
		.text = bytes_of(entry->reply),
		.now_ms = now_ms,
	};
}
