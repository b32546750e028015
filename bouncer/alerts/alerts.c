/* See alerts.h. */
#include "bouncer/alerts/alerts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bouncer/alerts/alerts_inner.h"
#include "lib/base/memory.h"
#include "lib/crypto/digest.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"
#include "lib/shaping/alerted.h"

#define LOOK_MS	     1000
#define DROPPED_MS   INT64_C(3600000) /* between two words on groups that made room */
#define EVENT_ID_LEN 32

/* ---- telling ---- */

static void read_state(const struct alerts *alerts, const struct alert_group *group,
		       const char *name, struct alert_scratch *scratch, struct alert_state *ret)
{
	uint64_t matched, total;
	alert_window_sum(&group->window, group->rule->window_ms, loop_wall_ms(alerts->options.loop),
			 &matched, &total);
	alert_state_of(group, name, matched, total, scratch, ret);
}

/* The same whenever the same change is told. */
static void event_id_of(const struct alert_state *state, int64_t at_wall_ms,
			char out[DIGEST_HEX_SIZE])
{
	char since[24];
	(void)snprintf(since, sizeof since, "%" PRId64, at_wall_ms);
	const struct bytes parts[] = {BYTES("alert"), state->alert, state->id, state->state,
				      bytes_of(since)};
	struct digest digest = digest_of_parts(parts, sizeof parts / sizeof parts[0]);
	digest_hex(&digest, out);
	out[EVENT_ID_LEN] = '\0';
}

static void tell_event(struct alerts *alerts, const struct alert_state *state, const char *text,
		       void (*done)(void *owner, enum err err), void *owner)
{
	char id[DIGEST_HEX_SIZE];
	int64_t now = loop_wall_ms(alerts->options.loop);
	event_id_of(state, bytes_is(state->state, "test") ? now : state->since_wall_ms, id);
	struct bouncer_event event = {
		.id = bytes_of(id),
		.kind = EVENT_ALERT,
		.at_wall_ms = now,
		.alert = state->alert,
		.text = bytes_of(text),
		.count = state->matched,
		.has_alert_state = true,
		.alert_state = *state,
	};
	teller_tell(alerts->options.teller, &event, 1, done, owner);
}

static void on_told(void *owner, enum err err)
{
	chore_end(owner, err == E_TOO_BIG ? OK : err);
}

static void tell(struct alerts *alerts, struct alert_group *group, uint8_t todo)
{
	struct alert_scratch scratch;
	struct alert_state state;
	read_state(alerts, group, todo == TODO_TELL_RAISED ? "raised" : "cleared", &scratch,
		   &state);
	tell_event(alerts, &state, alert_text(&state, &scratch), on_told,
		   chore_new(alerts, group, todo));
}

static void log_change(const struct alerts *alerts, const struct alert_group *group, bool is_raised)
{
	struct alert_scratch scratch;
	struct alert_state state;
	const char *const labels[] = {group->rule->name};
	read_state(alerts, group, "", &scratch, &state);
	const char *text = alert_text(&state, &scratch);
	if (is_raised)
		log_event(EV_alert_raised, F_TEXT("alert", group->rule->name),
			  F_TEXT("id", scratch.id), F_TEXT("text", text),
			  F_TEXT("action", alert_action_name(group->rule)));
	else
		log_event(EV_alert_cleared, F_TEXT("alert", group->rule->name),
			  F_TEXT("id", scratch.id), F_TEXT("text", text));
	metric_add(M_alerts_active, labels, is_raised ? 1 : -1);
}

/* ---- up and down ---- */

static void on_raised(void *owner, struct alert_group *group)
{
	struct alerts *alerts = owner;
	log_change(alerts, group, true);
	if (group->todo & TODO_ACT)
		alerts_act(alerts, group);
	tell(alerts, group, TODO_TELL_RAISED);
	alerts_keep(alerts, true);
}

static void on_cleared(void *owner, struct alert_group *group)
{
	struct alerts *alerts = owner;
	log_change(alerts, group, false);
	tell(alerts, group, TODO_TELL_CLEARED);
	alerts_keep(alerts, true);
}

static const struct rates_handler handler = {.raised = on_raised, .cleared = on_cleared};

void alerts_note(void *owner, const struct bouncer_event *event)
{
	struct alerts *alerts = owner;
	struct sighting sighting;
	if (!sighting_of(event, &sighting))
		return;
	rates_note(alerts->rates, &sighting, loop_wall_ms(alerts->options.loop));
	alerts_keep(alerts, false);
}

static void tell_of_dropped(struct alerts *alerts)
{
	uint64_t dropped = rates_dropped(alerts->rates);
	int64_t now_ms = loop_now_ms(alerts->options.loop);
	metric_set(M_alert_groups, NULL, (int64_t)rates_count(alerts->rates));
	if (dropped == alerts->told_dropped || now_ms < alerts->tell_dropped_at_ms)
		return;
	log_event(EV_alert_groups_dropped, F_INT("count", dropped - alerts->told_dropped),
		  F_INT("max", ALERT_GROUPS_MAX));
	alerts->told_dropped = dropped;
	alerts->tell_dropped_at_ms = now_ms + DROPPED_MS;
}

static void on_look(void *owner)
{
	struct alerts *alerts = owner;
	rates_look(alerts->rates, loop_wall_ms(alerts->options.loop));
	tell_of_dropped(alerts);
	alerts_keep(alerts, false);
	timer_start(alerts->look, LOOK_MS);
}

/* ---- what operators want ---- */

struct clearing {
	struct alerts *alerts;
	struct bytes which, by;
	size_t count;
};

static bool is_meant(const struct alert_group *group, struct bytes which)
{
	char id[17];
	(void)snprintf(id, sizeof id, "%016" PRIx64, group->id);
	return group->is_raised && (bytes_is(which, id) || bytes_is(which, group->rule->name));
}

static void clear_one(void *owner, struct alert_group *group)
{
	struct clearing *clearing = owner;
	if (!is_meant(group, clearing->which))
		return;
	clearing->count++;
	alerts_lift(clearing->alerts, group, clearing->by);
	rates_reset(clearing->alerts->rates, group);
}

size_t alerts_clear(struct alerts *alerts, struct bytes which, struct bytes by)
{
	struct clearing clearing = {.alerts = alerts, .which = which, .by = by};
	rates_each(alerts->rates, clear_one, &clearing);
	log_event(EV_alerts_cleared, F_BYTES("which", which), F_INT("count", clearing.count),
		  F_BYTES("by", by));
	return clearing.count;
}

bool alerts_test(struct alerts *alerts, struct bytes name, struct bytes by)
{
	struct alert_scratch scratch;
	struct alert_state state;
	for (size_t i = 0; i < alerts->rules.count; i++) {
		const struct alert_group group = {.rule = &alerts->rules.items[i]};
		if (!bytes_is(name, group.rule->name))
			continue;
		alert_state_of(&group, "test", 0, 0, &scratch, &state);
		(void)snprintf(scratch.text, sizeof scratch.text, "a test by %.*s",
			       BYTES_ARGS(bytes_first(by, 255)));
		tell_event(alerts, &state, scratch.text, NULL, NULL);
		return true;
	}
	return false;
}

struct listing {
	const struct alerts *alerts;
	void (*each)(void *owner, const struct alert_state *state);
	void *owner;
};

static void list_one(void *owner, struct alert_group *group)
{
	const struct listing *listing = owner;
	struct alert_scratch scratch;
	struct alert_state state;
	if (!group->is_raised)
		return;
	read_state(listing->alerts, group, "raised", &scratch, &state);
	listing->each(listing->owner, &state);
}

void alerts_each(struct alerts *alerts, void (*each)(void *owner, const struct alert_state *state),
		 void *owner)
{
	struct listing listing = {.alerts = alerts, .each = each, .owner = owner};
	rates_each(alerts->rates, list_one, &listing);
}

/* ---- birth and end ---- */

/* What was begun and not known to be done. */
static void take_up(void *owner, struct alert_group *group)
{
	struct alerts *alerts = owner;
	if (group->is_raised && (group->todo & TODO_ACT))
		alerts_act(alerts, group);
	if (group->is_raised && (group->todo & TODO_TELL_RAISED))
		tell(alerts, group, TODO_TELL_RAISED);
	if (!group->is_raised && (group->todo & TODO_TELL_CLEARED))
		tell(alerts, group, TODO_TELL_CLEARED);
	group->todo &= group->is_raised ? TODO_ACT | TODO_TELL_RAISED : TODO_TELL_CLEARED;
}

static void count_raised(void *owner, struct alert_group *group)
{
	const char *const labels[] = {group->rule->name};
	(void)owner;
	if (group->is_raised)
		metric_add(M_alerts_active, labels, 1);
}

void alerts_take_up(struct alerts *alerts)
{
	rates_each(alerts->rates, take_up, alerts);
}

struct alerts *alerts_new(const struct alerts_options *options)
{
	struct alerts *alerts = memory_new(sizeof *alerts);
	alerts->options = *options;
	alert_rules_init(&alerts->rules, options->settings);
	for (size_t i = 0; options->shaping && i < alerts->rules.count; i++)
		alerts->rules.items[i].shaping_ms =
			shaping_alert_period_ms(options->shaping, alerts->rules.items[i].name);
	alerts->rates = rates_new(&alerts->rules, ALERT_GROUPS_MAX, &handler, alerts);
	alerts->look = timer_new(options->loop, on_look, alerts);
	alerts_keeping_begin(alerts);
	brakes_watch(options->brakes, alerts_resumed, alerts);
	for (size_t i = 0; i < alerts->rules.count; i++) {
		const char *const labels[] = {alerts->rules.items[i].name};
		metric_add(M_alerts_active, labels, 0);
	}
	rates_each(alerts->rates, count_raised, alerts);
	timer_start(alerts->look, LOOK_MS);
	return alerts;
}

void alerts_stop(struct alerts *alerts)
{
	timer_stop(alerts->look);
}

void alerts_free(struct alerts **alerts)
{
	struct alerts *freeing = *alerts;
	*alerts = NULL;
	if (!freeing)
		return;
	alerts_keeping_end(freeing);
	rates_free(&freeing->rates);
	alert_rules_done(&freeing->rules);
	timer_free(&freeing->look);
	for (size_t i = 0; i < ALERT_WORDS; i++)
		asking_free(&freeing->words[i]);
	free(freeing);
}
