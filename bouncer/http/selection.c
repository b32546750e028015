#include "bouncer/http/selection.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/conf/units.h"

#define LIMIT_MAX 10000

struct reading {
	struct bouncer_visit *visit;
	struct selection *selection;
	unsigned seen;	 /* rows, by bit */
	struct why *why; /* of the first fault */
	enum err err;
};

static enum err read_text(struct reading *reading, struct bytes value, void *to)
{
	*(struct bytes *)to = arena_copy(reading->visit->api.arena, value);
	return OK;
}

/* RFC 3339, or how long ago. */
static enum err read_time(struct reading *reading, struct bytes value, void *to)
{
	int64_t ago_ms;
	const char *text = arena_cstr(reading->visit->api.arena, value);
	if (clock_parse_rfc3339(value, to))
		return OK;
	if (!units_parse_duration(text, &ago_ms))
		return fail(reading->why, E_MALFORMED,
			    "since and until are as 2h or 2026-11-21T09:00:00Z");
	*(int64_t *)to = loop_wall_ms(reading->visit->of->options.node.loop) - ago_ms;
	return OK;
}

static enum err read_flag(struct reading *reading, struct bytes value, void *to)
{
	if (!bytes_is(value, "true") && !bytes_is(value, "false"))
		return fail(reading->why, E_MALFORMED, "dry_run, all and held are true or false");
	*(bool *)to = bytes_is(value, "true");
	return OK;
}

static enum err read_limit(struct reading *reading, struct bytes value, void *to)
{
	if (!bytes_to_u64(value, LIMIT_MAX, to) || *(uint64_t *)to == 0)
		return fail(reading->why, E_MALFORMED, "limit is a number from 1 to 10000");
	return OK;
}

#define FILTER(field) offsetof(struct selection, filter.field)

static const struct {
	const char *name;
	enum err (*read)(struct reading *reading, struct bytes value, void *to);
	size_t at; /* in struct selection */
	bool selects;
} rows[] = {
	{"since", read_time, FILTER(since_wall_ms), true},
	{"until", read_time, FILTER(until_wall_ms), true},
	{"domain", read_text, FILTER(domain), true},
	{"prefix", read_text, FILTER(prefix), true},
	{"reason", read_text, FILTER(reason), true},
	{"class", read_text, FILTER(reason), true},
	{"rule", read_text, FILTER(rule), true},
	{"text", read_text, FILTER(text), true},
	{"tenant", read_text, FILTER(tenant), true},
	{"stream", read_text, FILTER(stream), true},
	{"origin", read_text, FILTER(origin), true},
	{"site", read_text, FILTER(site), true},
	{"dry_run", read_flag, offsetof(struct selection, is_dry), false},
	{"all", read_flag, offsetof(struct selection, is_all), false},
	{"held", read_flag, offsetof(struct selection, wants_held), false},
	{"format", read_text, offsetof(struct selection, format), false},
	{"after", read_text, offsetof(struct selection, after), false},
	{"limit", read_limit, offsetof(struct selection, limit), false},
};

static void read_one(void *owner, const char *name, struct bytes value)
{
	struct reading *reading = owner;
	for (size_t i = 0; i < CONF_COUNT(rows) && !reading->err; i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		if (reading->seen & (1u << i)) {
			reading->err = fail(reading->why, E_MALFORMED, "%s stands twice", name);
			return;
		}
		reading->seen |= 1u << i;
		reading->selection->has_filter |= rows[i].selects && value.len > 0;
		reading->err =
			rows[i].read(reading, value, (char *)reading->selection + rows[i].at);
		return;
	}
	if (!reading->err)
		reading->err = fail(reading->why, E_MALFORMED,
				    "%.60s is not a parameter of this request", name);
}

bool selection_read(struct bouncer_visit *visit, struct selection *ret)
{
	struct why why = {""};
	struct reading reading = {.visit = visit, .selection = ret, .why = &why};
	*ret = (struct selection){0};
	http_exchange_each_query(visit->api.exchange, read_one, &reading);
	if (reading.err) {
		api_fail(&visit->api, reading.err, why.text);
		return false;
	}
	if (!visit_is_confined(visit))
		return true;
	if (ret->filter.tenant.len > 0 && !visit_may_see(visit, ret->filter.tenant)) {
		api_refuse(&visit->api, 403, "the API key is of another tenant");
		return false;
	}
	ret->filter.tenant = visit_tenant(visit);
	return true;
}
