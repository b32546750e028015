/* What is told of an alert. */
#include <inttypes.h>
#include <stdio.h>

#include "bouncer/alerts/alerts.h"
#include "lib/conf/units.h"

#define WORD_ROOM 20 /* ", sender_domain " */

void alert_state_of(const struct alert_group *group, const char *state, uint64_t matched,
		    uint64_t total, struct alert_scratch *scratch, struct alert_state *ret)
{
	const struct alert_rule *rule = group->rule;
	(void)snprintf(scratch->id, sizeof scratch->id, "%016" PRIx64, group->id);
	*ret = (struct alert_state){
		.id = bytes_of(scratch->id),
		.alert = bytes_of(rule->name),
		.state = bytes_of(state),
		.measure = bytes_of(rule->measure),
		.tenant = group->by[BY_TENANT],
		.campaign = group->by[BY_CAMPAIGN],
		.pool = group->by[BY_POOL],
		.site = group->by[BY_SITE],
		.source = group->by[BY_SOURCE],
		.sender_domain = group->by[BY_SENDER_DOMAIN],
		.matched = matched,
		.total = total,
		.rate_ppm = alert_rate_ppm(matched, total),
		.raise_ppm = rule->raise_ppm,
		.window_ms = (uint64_t)rule->window_ms,
		.since_wall_ms = group->since_wall_ms,
		.action = bytes_of(alert_action_name(rule)),
		.until_wall_ms = group->acts_until_wall_ms,
	};
}

const char *alert_text(const struct alert_state *state, struct alert_scratch *scratch)
{
	char rate[ALERT_RATE_SIZE], window[UNITS_TEXT_SIZE];
	const struct bytes by[BY_COUNT] = {state->tenant, state->campaign, state->pool,
					   state->site,	  state->source,   state->sender_domain};
	char *at = scratch->text;
	size_t room = sizeof scratch->text;
	alert_rate_text(state->rate_ppm, rate);
	units_write_duration((int64_t)state->window_ms, window);
	int len = snprintf(at, room, "%.*s: %" PRIu64 " of %" PRIu64 " (%s) in %s",
			   BYTES_ARGS(state->measure), state->matched, state->total, rate, window);
	for (unsigned i = 0; i < BY_COUNT && len >= 0 && (size_t)len < room; i++) {
		at += len;
		room -= (size_t)len;
		len = by[i].len == 0 || by[i].len + WORD_ROOM > room /* whole or not at all */
			      ? 0
			      : snprintf(at, room, ", %s %.*s", alert_by_name((enum alert_by)i),
					 BYTES_ARGS(by[i]));
	}
	return scratch->text;
}
