/* The built-in curve grows by two fifths a day, in numbers of two digits: providers advise to double at most, and every few days. */
#include "lib/routing/warmup.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/conf/units.h"

#define DAY_MS 86400000
#define FIRST  50.0
#define GROWTH 1.4

conf_rate warmup_built_in(unsigned day)
{
	double rate = FIRST;
	for (unsigned i = 0; i < day; i++)
		rate *= GROWTH;
	conf_rate whole = (conf_rate)rate, unit = 1;
	while (whole / unit >= 100)
		unit *= 10;
	return whole / unit * unit;
}

static bool parse_day(const char *text, int64_t *ret_wall_ms)
{
	char instant[40];
	if (strlen(text) != strlen("2026-11-01"))
		return false;
	(void)snprintf(instant, sizeof instant, "%sT00:00:00Z", text);
	return clock_parse_rfc3339(bytes_of(instant), ret_wall_ms);
}

conf_rate warmup_rate(const struct warmup_settings *warmup, int64_t now_wall_ms)
{
	int64_t since_ms;
	conf_rate rate = 0;
	if (!parse_day(warmup->since, &since_ms))
		return 0;
	int64_t age_ms = now_wall_ms > since_ms ? now_wall_ms - since_ms : 0;
	size_t day = (size_t)(age_ms / DAY_MS);
	if (warmup->per_site.count == 0)
		return day < WARMUP_DAYS ? warmup_built_in((unsigned)day) : 0;
	if (day >= warmup->per_site.count || !units_parse_rate(warmup->per_site.items[day], &rate))
		return 0;
	return rate;
}

/* ---- settings ---- */

static void check(struct conf *conf, const void *section, const char *path)
{
	const struct warmup_settings *warmup = section;
	char place[512];
	int64_t since_ms;
	conf_rate rate;
	(void)snprintf(place, sizeof place, "%s.since", path);
	if (warmup->since[0] && !parse_day(warmup->since, &since_ms))
		conf_fault(conf, place, "expected a day such as 2026-11-01, not \"%.20s\"",
			   warmup->since);
	for (size_t i = 0; i < warmup->per_site.count; i++) {
		(void)snprintf(place, sizeof place, "%s.per_site[%zu]", path, i);
		if (!units_parse_rate(warmup->per_site.items[i], &rate))
			conf_fault(conf, place, "expected a rate such as 50/d, not \"%.20s\"",
				   warmup->per_site.items[i]);
	}
}

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct warmup_settings, __VA_ARGS__)
#include "lib/routing/warmup.def"
#undef X
};
const struct conf_section warmup_section = {
	.name = "warmup",
	.help = "How a new source grows, from day to day, with each site.",
	.shape = CONF_ONE,
	.size = sizeof(struct warmup_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.check = check,
};
