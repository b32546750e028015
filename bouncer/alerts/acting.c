/* What follows from an alert: a brake, which is a suspension like an operator's, or words to the workers of what is in force (shaping.c). */
#include <stdio.h>

#include "bouncer/alerts/alerts_inner.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

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
	if (group->rule->brake_for_ms > 0)
		wish.until_wall_ms = group->since_wall_ms + group->rule->brake_for_ms;
	wish.by = bytes_of(by);
	char rate[ALERT_RATE_SIZE], reason[400];
	alert_rate_text(state.rate_ppm, rate);
	int len = snprintf(reason, sizeof reason, "%s: %llu of %llu (%s)", group->rule->measure,
			   (unsigned long long)matched, (unsigned long long)total, rate);
	wish.reason = bytes_from(reason, len > 0 && len < 255 ? (size_t)len : 0);
	brakes_apply(alerts->options.brakes, &wish, on_braked, chore_new(alerts, group, TODO_ACT));
}

void alerts_act(struct alerts *alerts, struct alert_group *group)
{
	int64_t for_ms = alert_rule_lasts_ms(group->rule);
	group->has_acted = true;
	if (for_ms > 0 && group->acts_until_wall_ms == 0)
		group->acts_until_wall_ms = group->since_wall_ms + for_ms;
	alerts_shape(alerts, group);
	if (group->rule->then == THEN_BRAKE)
		brake(alerts, group);
	else
		group->todo &= (uint8_t)~TODO_ACT;
}

static void on_lifted(void *owner, enum err err)
{
	(void)owner;
	if (err)
		log_event(EV_publication_failed, F_TEXT("reason", err_text(err)));
}

void alerts_lift(struct alerts *alerts, const struct alert_group *group, struct bytes by)
{
	if (!group->has_acted)
		return;
	alerts_unshape(alerts, group);
	if (group->rule->then != THEN_BRAKE)
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
