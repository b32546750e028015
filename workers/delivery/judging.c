/* A reply, or what stands in its place, is judged, and what follows is done: at once, for a time, or for its recipient alone. */
#include <string.h>

#include "lib/obs/log.h"
#include "lib/shaping/fired_log.h"
#include "workers/delivery/shaper_inner.h"

static void log_notice(const struct shaping_fired *fired, const struct shaping_facts *facts)
{
	log_event(EV_shaping_notice, F_TEXT("site", facts->site), F_TEXT("source", facts->source),
		  F_TEXT("rule", fired->rule), F_TEXT("step", facts->step),
		  F_INT("code", facts->code), F_BYTES("reply", facts->text));
}

/* Others hear of the first reply, the second, the fourth: what is told again changes little. */
static bool is_worth_telling(const struct shaping_entry *entry)
{
	return (entry->reply_count & (entry->reply_count - 1)) == 0;
}

static void report(const struct shaper *shaper, const struct shaping_fired *fired,
		   const struct shaping_facts *facts, const struct shaping_entry *entry)
{
	if (shaper->reporter)
		shaper->reporter->fired(shaper->reporter_owner, fired, facts, entry);
}

static void put_in_force(struct shaper *shaper, const struct shaping_fired *fired,
			 const struct shaping_facts *facts, bool is_own)
{
	struct shaping_fired here = *fired;
	here.is_own = is_own;
	const struct shaping_entry *entry = shaping_force_add(shaper->force, &here, facts);
	if (is_own)
		report(shaper, fired, facts, entry);
	if (!entry)
		return;
	if (is_own && shaper->tell && is_worth_telling(entry))
		shaper->tell(shaper->tell_owner, fired, facts);
	bool is_of_a_site = entry->site[0] && strcmp(entry->site, SHAPING_EVERYWHERE) != 0;
	shaper_changed(shaper, is_of_a_site ? entry->site : NULL);
}

/* What it is for the recipient, or for what is learned. */
static void take(struct shaper *shaper, struct learned *learned, const struct shaping_fired *fired,
		 const struct shaping_facts *facts, struct ruling *ret)
{
	switch (fired->action) {
	case SHAPING_RETRY_AFTER:
		ret->retry_after_ms = fired->value;
		break;
	case SHAPING_BOUNCE:
		ret->is_bounced = true;
		break;
	case SHAPING_CLASSIFY:
		ret->class = fired->text;
		break;
	case SHAPING_LEARN_RATE:
		(void)pace_limited(&learned->pace, facts->now_ms);
		break;
	case SHAPING_LEARN_CONNECTIONS:
		ret->is_trouble = true;
		break;
	case SHAPING_NOTIFY:
		log_notice(fired, facts);
		break;
	default:
		put_in_force(shaper, fired, facts, true);
		break;
	}
}

void shaper_judge(struct shaper *shaper, struct learned *learned, struct shaping_facts *facts,
		  struct ruling *ret)
{
	struct shaping_fired fired[SHAPING_ACTION_COUNT];
	*ret = (struct ruling){0};
	if (facts->code >= 200 && facts->code < 400)
		return;
	facts->now_ms = loop_now_ms(shaper->options.loop);
	if (!learned->state)
		learned->state = shaping_state_new();
	size_t count = shaping_judge(shaper->scratch, facts, learned->state, fired);
	for (size_t i = 0; i < count; i++) {
		shaping_log_fired(&fired[i], facts);
		if (shaping_action_scope(fired[i].action) == SCOPE_DELIVERY)
			report(shaper, &fired[i], facts, NULL);
		take(shaper, learned, &fired[i], facts, ret);
	}
}

void shaper_heard(struct shaper *shaper, const struct shaping_fired *fired,
		  struct shaping_facts *facts)
{
	facts->now_ms = loop_now_ms(shaper->options.loop);
	put_in_force(shaper, fired, facts, false);
}

void shaper_told(struct shaper *shaper, const struct shaping_fired *fired,
		 struct shaping_facts *facts)
{
	if (shaping_rules_know(shaper->rules, fired->rule) &&
	    !shaping_force_find(shaper->force, fired->action, facts))
		shaper_heard(shaper, fired, facts);
}
