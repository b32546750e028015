/* A window is asked by the clock on the wall, minute by minute, so that a change of the clock needs no case of its own: an hour that
 * comes twice is open twice, and one that is left out cannot hold an opening back. */
#include "workers/delivery/window.h"

#include <string.h>

#include "lib/base/memory.h"
#include "lib/conf/file.h"
#include "workers/delivery/zones.h"

#define MINUTE_MS    INT64_C(60000)
#define DAY_MINUTES  1440
#define DAYS_AHEAD   14
#define OF_RECIPIENT "recipient"

struct windows {
	struct arena *arena;
	struct window *items;
	size_t count;
	struct zones *zones; /* NULL: no window asks for a recipient's */
};

/* ---- asking ---- */

/* Minutes since 1970 by the local clock. */
static int64_t local_minute(const struct window *window, int64_t minute)
{
	return minute + zone_offset_s(window->zone, minute * 60) / 60;
}

static bool has_day(const struct window *window, int64_t day)
{
	return window->days & 1u << ((day + 4) % 7); /* 1970 began with a Thursday */
}

static bool is_open_at(const struct window *window, int64_t minute)
{
	int64_t local = local_minute(window, minute);
	int64_t day = local / DAY_MINUTES, of_day = local % DAY_MINUTES;
	if (window->to_minute > window->from_minute)
		return has_day(window, day) && of_day >= window->from_minute &&
		       of_day < window->to_minute;
	return (has_day(window, day) && of_day >= window->from_minute) ||
	       (has_day(window, day + 6) && of_day < window->to_minute);
}

bool window_is_open(const struct window *window, int64_t wall_ms)
{
	return is_open_at(window, wall_ms / MINUTE_MS);
}

/* When the local clock shows it; when it is changed over that, about then. */
static int64_t minute_of_local(const struct window *window, int64_t local)
{
	int64_t before = zone_offset_s(window->zone, (local - DAY_MINUTES) * 60) / 60;
	int64_t after = zone_offset_s(window->zone, (local + DAY_MINUTES) * 60) / 60;
	if (local_minute(window, local - before) == local)
		return local - before;
	return local_minute(window, local - after) == local ? local - after : local - before;
}

/* The first minute of another offset than `low` has, as `high` does. */
static int64_t change_between(const struct window *window, int64_t low, int64_t high)
{
	int64_t offset = zone_offset_s(window->zone, low * 60);
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;
		if (zone_offset_s(window->zone, middle * 60) == offset)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* A change of the clock may open it before its time of day: that was left out, or comes a second time. */
static int64_t or_change(const struct window *window, int64_t now, int64_t minute)
{
	if (zone_offset_s(window->zone, now * 60) == zone_offset_s(window->zone, minute * 60))
		return minute;
	int64_t change = change_between(window, now, minute);
	return is_open_at(window, change) ? change : minute;
}

int64_t window_opening_ms(const struct window *window, int64_t wall_ms)
{
	int64_t now = wall_ms / MINUTE_MS;
	if (is_open_at(window, now))
		return wall_ms;
	int64_t today = local_minute(window, now) / DAY_MINUTES;
	for (int64_t day = today - 1; day <= today + DAYS_AHEAD; day++) {
		int64_t minute = minute_of_local(window, day * DAY_MINUTES + window->from_minute);
		if (minute > now && is_open_at(window, minute))
			return or_change(window, now, minute) * MINUTE_MS;
	}
	return WINDOW_NEVER;
}

/* ---- settings ---- */

static bool take_day(const char **text, int *ret)
{
	static const char *const names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
	for (int i = 0; i < 7; i++) {
		if (strncmp(*text, names[i], 3) != 0)
			continue;
		*ret = i;
		*text += 3;
		return true;
	}
	return false;
}

bool window_days_parse(const char *text, unsigned *ret)
{
	int first, last;
	if (!take_day(&text, &first))
		return false;
	last = first;
	if (*text == '-' && (text++, !take_day(&text, &last)))
		return false;
	if (*text)
		return false;
	unsigned days = 1u << last;
	for (int day = first; day != last; day = (day + 1) % 7)
		days |= 1u << day;
	*ret = days;
	return true;
}

bool window_time_parse(const char *text, int *ret_minute)
{
	uint64_t hours, minutes;
	struct bytes b = bytes_of(text);
	if (b.len != 5 || b.data[2] != ':' || !bytes_to_u64(bytes_first(b, 2), 24, &hours) ||
	    !bytes_to_u64(bytes_skip(b, 3), 59, &minutes) || (hours == 24 && minutes > 0))
		return false;
	*ret_minute = (int)(hours * 60 + minutes);
	return true;
}

static enum err read_zone(struct arena *arena, const char *directory, const char *name,
			  const struct zone **ret, struct why *why)
{
	struct bytes file;
	if (strcmp(name, "UTC") == 0) {
		*ret = NULL;
		return OK;
	}
	if (!zone_is_name(name))
		return fail(why, E_MALFORMED, "zone: not the name of a time zone: \"%.60s\"", name);
	const char *path = arena_printf(arena, "%s/%s", directory, name);
	if (file_read(arena, path, ZONE_FILE_MAX, &file, why) != OK)
		return fail(why, E_NOT_FOUND, "zone: %s cannot be read", path);
	return zone_read(arena, file, ret, why);
}

enum err window_read(struct arena *arena, const struct window_settings *settings,
		     const char *directory, struct window *ret, struct why *why)
{
	struct window window = {.name = settings->name};
	for (size_t i = 0; i < settings->days.count; i++) {
		unsigned days;
		if (!window_days_parse(settings->days.items[i], &days))
			return fail(why, E_MALFORMED,
				    "days: expected days such as mon-fri or sun, not \"%.40s\"",
				    settings->days.items[i]);
		window.days |= days;
	}
	if (!window_time_parse(settings->from, &window.from_minute) ||
	    window.from_minute == DAY_MINUTES)
		return fail(why, E_MALFORMED, "from: expected a time from 00:00 to 23:59");
	if (!window_time_parse(settings->to, &window.to_minute))
		return fail(why, E_MALFORMED, "to: expected a time from 00:00 to 24:00");
	window.is_of_recipient = strcmp(settings->zone, OF_RECIPIENT) == 0;
	const char *zone = window.is_of_recipient ? settings->zone_otherwise : settings->zone;
	enum err err = read_zone(arena, directory, zone, &window.zone, why);
	if (err == OK)
		*ret = window;
	return err;
}

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct window_settings, __VA_ARGS__)
#include "workers/delivery/window.def"
#undef X
};

static void check(struct conf *conf, const void *section, const char *path)
{
	struct arena *arena = arena_new();
	struct window window;
	struct why why;
	if (window_read(arena, section, WINDOW_ZONES, &window, &why) != OK)
		conf_fault(conf, path, "%s", why.text);
	arena_free(&arena);
}

const struct conf_section windows_section = {
	.name = "windows",
	.help = "Hours in which mail may be sent; sites, pools and messages name them.",
	.shape = CONF_MAP,
	.size = sizeof(struct window_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.check = check,
};

/* ---- all of them ---- */

enum err windows_new(const struct conf_items *settings, struct windows **ret, struct why *why)
{
	struct windows *windows = memory_new(sizeof *windows);
	enum err err = OK;
	windows->arena = arena_new();
	windows->items = arena_zalloc(windows->arena, settings->count + 1, sizeof *windows->items);
	for (size_t i = 0; err == OK && i < settings->count; i++)
		err = window_read(windows->arena, CONF_ITEM(settings, struct window_settings, i),
				  WINDOW_ZONES, &windows->items[windows->count++], why);
	for (size_t i = 0; err == OK && i < windows->count; i++)
		if (windows->items[i].is_of_recipient && !windows->zones)
			windows->zones = zones_new(WINDOW_ZONES);
	if (err)
		windows_free(&windows);
	else
		*ret = windows;
	return err;
}

void windows_free(struct windows **windows)
{
	if (!*windows)
		return;
	zones_free(&(*windows)->zones);
	arena_free(&(*windows)->arena);
	free(*windows);
	*windows = NULL;
}

const struct window *windows_find(const struct windows *windows, struct bytes name)
{
	for (size_t i = 0; windows && name.len > 0 && i < windows->count; i++)
		if (bytes_is(name, windows->items[i].name))
			return &windows->items[i];
	return NULL;
}

struct window windows_for(const struct windows *windows, const struct window *window,
			  const struct bytes *zones, size_t zone_count)
{
	struct window own = *window;
	bool is_found = !own.is_of_recipient;
	for (size_t i = 0; !is_found && i < zone_count; i++)
		is_found = zones_find(windows->zones, zones[i], &own.zone);
	return own;
}
