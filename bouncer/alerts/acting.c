/* What follows from an alert: a brake, which is a suspension like an operator's, or a word to the workers that a source is slowed. */
#include <stdio.h>

#include "bouncer/alerts/alerts_inner.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/shaping/rules.h"
#include "lib/shaping/word.h"

#define TELLER "bouncer" /* no worker has this name */

struct chore {
	struct alerts *alerts;
	uint64_t group;
	uint8_t todo;
};

struct chore *chore_new(struct alerts *alerts, const struct alert_group *group, uint8_t todo)
{
	struct chore *chore = memory_new(sizeof *chore);
	*chore = (struct chore){.alerts = alerts, .group = group->id, .todo = todo};
	return chore;
}

void chore_end(struct chore *chore, enum err err)
{
	struct alert_group *group = rates_find(chore->alerts->rates, chore->group);
	if (group && err == OK) {
		group->todo &= (uint8_t)~chore->todo;
		rates_touch(chore->alerts->rates, group);
		alerts_keep(chore->alerts, true);
	}
	free(chore);
}

/* ---- brakes ---- */

static struct directive directive_of(const struct alert_group *group, enum directive_kind kind)
{
	return (struct directive){
		.kind = kind,
		.pool = group->by[BY_POOL],
		.site = group->by[BY_SITE],
		.source = group->by[BY_SOURCE],
		.tenant = group->by[BY_TENANT],
		.campaign = group->by[BY_CAMPAIGN],
	};
}

static void on_braked(void *owner, enum err err)
{
	chore_end(owner, err == E_TOO_BIG ? OK : err);
}

static void brake(struct alerts *alerts, struct alert_group *group)
{
	struct alert_scratch scratch;
	struct alert_state state;
	char by[128];
	uint64_t matched, total;
	alert_window_sum(&group->window, group->rule->window_ms, loop_wall_ms(alerts->options.loop),
			 &matched, &total);
	alert_state_of(group, "raised", matched, total, &scratch, &state);
	(void)snprintf(by, sizeof by, BRAKE_BY "%s", group->rule->name);
	struct directive wish = directive_of(group, DIRECTIVE_SUSPEND);
	wish.until_wall_ms = group->acts_until_wall_ms;
	wish.by = bytes_of(by);
	char rate[ALERT_RATE_SIZE], reason[400];
	alert_rate_text(state.rate_ppm, rate);
	int len = snprintf(reason, sizeof reason, "%s: %llu of %llu (%s)", group->rule->measure,
			   (unsigned long long)matched, (unsigned long long)total, rate);
	wish.reason = bytes_from(reason, len > 0 && len < 255 ? (size_t)len : 0);
	brakes_apply(alerts->options.brakes, &wish, on_braked, chore_new(alerts, group, TODO_ACT));
}

/* ---- slowing ---- */

static void on_answered(void *owner, struct bytes answer)
{
	(void)owner, (void)answer;
}

/* As when a shaping rule of a worker had fired: they put it in force, keep it, and tell those that start later. */
static void slow(struct alerts *alerts, struct alert_group *group)
{
	char site[SCHEMA_NAME_MAX + 1], source[SCHEMA_NAME_MAX + 1], rule[80];
	const int64_t now = loop_now_ms(alerts->options.loop);
	int64_t left_ms = group->acts_until_wall_ms - loop_wall_ms(alerts->options.loop);
	struct buf word;
	group->todo &= (uint8_t)~TODO_ACT;
	if (left_ms <= 0 || !bytes_to_cstr(group->by[BY_SITE], site, sizeof site) ||
	    !bytes_to_cstr(group->by[BY_SOURCE], source, sizeof source))
		return;
	(void)snprintf(rule, sizeof rule, SHAPING_ALERT "%.60s", group->rule->name);
	const struct shaping_fired fired = {.action = SHAPING_SLOW_BY,
					    .value = group->rule->slow_by,
					    .rule = rule,
					    .text = "",
					    .period_ms = group->rule->brake_for_ms,
					    .until_ms = now + left_ms};
	const struct shaping_facts facts = {.site = site,
					    .source = source,
					    .host = "",
					    .tenant = "",
					    .campaign = "",
					    .step = "",
					    .text = bytes_of(group->rule->measure),
					    .now_ms = now};
	buf_init(&word, SHAPING_WORD_MAX);
	enum err err = buf_append_text(&word, SHAPING_FIRED_KIND "\n");
	if (!err)
		err = shaping_word_write(TELLER, &fired, &facts, &word);
	if (!err)
		alerts_say(alerts, buf_bytes(&word));
	buf_done(&word);
}

/* A word is gone when its asking is freed, which waits for the broker if need be: so the last ones are held. */
void alerts_say(struct alerts *alerts, struct bytes word)
{
	struct asking **place = &alerts->words[alerts->word_count++ % ALERT_WORDS];
	asking_free(place);
	*place = broker_ask(alerts->options.broker, word, on_answered, alerts);
}

void alerts_act(struct alerts *alerts, struct alert_group *group)
{
	int64_t for_ms = group->rule->brake_for_ms;
	group->has_acted = true;
	if (for_ms > 0 && group->acts_until_wall_ms == 0)
		group->acts_until_wall_ms = group->since_wall_ms + for_ms;
	if (group->rule->then == THEN_BRAKE)
		brake(alerts, group);
	else
		slow(alerts, group);
}

static void on_lifted(void *owner, enum err err)
{
	(void)owner;
	if (err)
		log_event(EV_publication_failed, F_TEXT("reason", err_text(err)));
}

void alerts_lift(struct alerts *alerts, const struct alert_group *group, struct bytes by)
{
	if (group->rule->then != THEN_BRAKE || !group->has_acted)
		return;
	struct directive wish = directive_of(group, DIRECTIVE_RESUME);
	wish.by = by;
	brakes_apply(alerts->options.brakes, &wish, on_lifted, NULL);
}

/* ---- when somebody resumes ---- */

struct resuming {
	struct alerts *alerts;
	const struct directive *directive;
	int64_t wall_ms;
};

static void look_at_brake(void *owner, struct alert_group *group)
{
	const struct resuming *resuming = owner;
	uint8_t key[SUPPRESSION_KEY_MAX], resumed[SUPPRESSION_KEY_MAX];
	if (!group->is_raised || !group->has_acted || group->rule->then != THEN_BRAKE ||
	    group->since_wall_ms > resuming->wall_ms)
		return;
	const struct directive wish = directive_of(group, DIRECTIVE_RESUME);
	size_t len = directive_key(&wish, key);
	size_t resumed_len = directive_key(resuming->directive, resumed);
	if (bytes_equal(bytes_from(key, len), bytes_from(resumed, resumed_len)))
		rates_reset(resuming->alerts->rates, group);
}

/* What was counted before says nothing of what is sent from now on. */
void alerts_resumed(void *owner, const struct directive *directive, int64_t wall_ms)
{
	struct alerts *alerts = owner;
	struct resuming resuming = {alerts, directive, wall_ms};
	rates_each(alerts->rates, look_at_brake, &resuming);
}
