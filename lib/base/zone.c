/* Changes that the file lists, and behind the last of them its rule for all years ("CET-1CEST,M3.5.0,M10.5.0/3"). Any bytes are read safely. */
#include "lib/base/zone.h"

#include <string.h>
#include <time.h>

#include "lib/base/ascii.h"

#define HEADER_SIZE   44
#define CHANGES_MAX   10000
#define TYPE_SIZE     6
#define DAY_S	      86400
#define OFFSET_MAX_S  (26 * 3600)
#define YEAR_MAX_S    INT64_C(253402300799) /* 9999 */
#define RULE_TEXT_MAX 255

struct date_rule { /* a day of each year, and the local time of the change */
	enum { DAY_OF_MONTH_WEEK, DAY_OF_YEAR_WITHOUT_LEAP, DAY_OF_YEAR } form;
	int month, week, day;
	int64_t time_s;
};
struct year_rule {
	bool is_there, has_summer;
	int64_t standard_s, summer_s;
	struct date_rule begin, end; /* of summer time */
};
struct zone {
	size_t count;
	int64_t *at_s;	    /* ascending */
	int64_t *offsets_s; /* from then on */
	int64_t first_s;    /* before all of them */
	struct year_rule rule;
};

/* ---- the rule's text ---- */

struct text {
	const char *at;
	bool is_bad;
};

static bool take(struct text *t, char c)
{
	if (*t->at != c)
		return false;
	t->at++;
	return true;
}

static int take_number(struct text *t, int max)
{
	int value = 0, digits = 0;
	for (; ascii_is_digit(*t->at) && digits < 4; digits++)
		value = value * 10 + (*t->at++ - '0');
	t->is_bad |= digits == 0 || value > max;
	return value;
}

static void pass_name(struct text *t)
{
	size_t len = 0;
	if (take(t, '<')) {
		len = strcspn(t->at, ">");
		t->at += len;
		t->is_bad |= !take(t, '>');
	} else {
		while (ascii_is_letter(t->at[len]))
			len++;
		t->at += len;
	}
	t->is_bad |= len < 3;
}

/* [+-]hours[:minutes[:seconds]] */
static int64_t take_time(struct text *t)
{
	bool is_minus = take(t, '-');
	if (!is_minus)
		(void)take(t, '+');
	int64_t s = take_number(t, 167) * INT64_C(3600);
	if (take(t, ':'))
		s += take_number(t, 59) * INT64_C(60);
	if (take(t, ':'))
		s += take_number(t, 59);
	return is_minus ? -s : s;
}

static struct date_rule take_date(struct text *t)
{
	struct date_rule rule = {.form = DAY_OF_YEAR, .time_s = 2 * 3600};
	if (take(t, 'M')) {
		rule.form = DAY_OF_MONTH_WEEK;
		rule.month = take_number(t, 12);
		t->is_bad |= !take(t, '.');
		rule.week = take_number(t, 5);
		t->is_bad |= !take(t, '.');
		rule.day = take_number(t, 6);
		t->is_bad |= rule.month == 0 || rule.week == 0;
	} else {
		rule.form = take(t, 'J') ? DAY_OF_YEAR_WITHOUT_LEAP : DAY_OF_YEAR;
		rule.day = take_number(t, 365);
		t->is_bad |= rule.form == DAY_OF_YEAR_WITHOUT_LEAP && rule.day == 0;
	}
	if (take(t, '/'))
		rule.time_s = take_time(t);
	return rule;
}

static bool read_rule(const char *text, struct year_rule *ret)
{
	struct text t = {.at = text};
	struct year_rule rule = {.is_there = true};
	pass_name(&t);
	rule.standard_s = -take_time(&t);
	if (*t.at && !t.is_bad) {
		pass_name(&t);
		rule.has_summer = true;
		bool is_told = *t.at && *t.at != ',';
		rule.summer_s = is_told ? -take_time(&t) : rule.standard_s + 3600;
		t.is_bad |= !take(&t, ',');
		rule.begin = take_date(&t);
		t.is_bad |= !take(&t, ',');
		rule.end = take_date(&t);
	}
	if (t.is_bad || *t.at)
		return false;
	*ret = rule;
	return true;
}

/* ---- the rule's days ---- */

static int64_t month_start(int year, int month)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = 1};
	return (int64_t)timegm(&tm);
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The last day of a week, "5", is a week before the first behind the month. */
static int64_t week_day_start(const struct date_rule *rule, int year)
{
	int64_t start = month_start(year, rule->month);
	int64_t week_day = ((start / DAY_S + 4) % 7 + 7) % 7; /* 1970 began with a Thursday */
	int64_t day = start + (rule->day - week_day + 7) % 7 * DAY_S +
		      (rule->week - 1) * INT64_C(7) * DAY_S;
	return day >= month_start(year, rule->month + 1) ? day - 7 * DAY_S : day;
}

/* Of the change in that year, by the local clock. */
static int64_t change_local_s(const struct date_rule *rule, int year)
{
	int64_t day = rule->day;
	if (rule->form == DAY_OF_MONTH_WEEK)
		return week_day_start(rule, year) + rule->time_s;
	if (rule->form == DAY_OF_YEAR_WITHOUT_LEAP)
		day = rule->day - 1 + (is_leap(year) && rule->day >= 60);
	return month_start(year, 1) + day * DAY_S + rule->time_s;
}

static int64_t rule_offset_s(const struct year_rule *rule, int64_t unix_s)
{
	if (!rule->has_summer)
		return rule->standard_s;
	time_t local = (time_t)(unix_s + rule->standard_s);
	struct tm tm;
	(void)gmtime_r(&local, &tm);
	int year = tm.tm_year + 1900;
	int64_t begin = change_local_s(&rule->begin, year) - rule->standard_s;
	int64_t end = change_local_s(&rule->end, year) - rule->summer_s;
	bool is_summer =
		begin < end ? unix_s >= begin && unix_s < end : unix_s >= begin || unix_s < end;
	return is_summer ? rule->summer_s : rule->standard_s;
}

/* ---- the file ---- */

struct counts {
	uint32_t utc, standard, leaps, times, types, chars;
};

static uint64_t big_endian(const uint8_t *at, size_t size)
{
	uint64_t value = 0;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | at[i];
	return value;
}

static bool read_header(struct bytes in, struct counts *ret)
{
	if (in.len < HEADER_SIZE || memcmp(in.data, "TZif", 4) != 0 || in.data[4] < '2')
		return false;
	uint32_t *numbers[] = {&ret->utc,   &ret->standard, &ret->leaps,
			       &ret->times, &ret->types,    &ret->chars};
	for (size_t i = 0; i < 6; i++) {
		*numbers[i] = (uint32_t)big_endian(in.data + 20 + 4 * i, 4);
		if (*numbers[i] > CHANGES_MAX)
			return false;
	}
	return true;
}

static size_t block_size(const struct counts *counts, size_t time_size)
{
	return counts->times * (time_size + 1) + counts->types * (size_t)TYPE_SIZE + counts->chars +
	       counts->leaps * (time_size + 4) + counts->standard + counts->utc;
}

static bool read_type(struct bytes types, size_t index, int64_t *ret)
{
	if ((index + 1) * TYPE_SIZE > types.len)
		return false;
	*ret = (int32_t)(uint32_t)big_endian(types.data + index * TYPE_SIZE, 4);
	return *ret >= -OFFSET_MAX_S && *ret <= OFFSET_MAX_S;
}

static bool read_changes(struct arena *arena, struct bytes in, const struct counts *counts,
			 struct zone *zone)
{
	struct bytes kinds = bytes_skip(in, counts->times * (size_t)8);
	struct bytes types =
		bytes_first(bytes_skip(kinds, counts->times), counts->types * (size_t)TYPE_SIZE);
	zone->count = counts->times;
	zone->at_s = arena_zalloc(arena, zone->count + 1, sizeof *zone->at_s);
	zone->offsets_s = arena_zalloc(arena, zone->count + 1, sizeof *zone->offsets_s);
	for (size_t i = 0; i < zone->count; i++) {
		zone->at_s[i] = (int64_t)big_endian(in.data + 8 * i, 8);
		if ((i > 0 && zone->at_s[i] <= zone->at_s[i - 1]) ||
		    !read_type(types, kinds.data[i], &zone->offsets_s[i]))
			return false;
	}
	return read_type(types, 0, &zone->first_s);
}

static bool read_footer(struct bytes in, struct year_rule *ret)
{
	char text[RULE_TEXT_MAX + 1];
	ptrdiff_t end = in.len > 1 ? bytes_find(bytes_skip(in, 1), '\n') : -1;
	if (end < 0 || in.data[0] != '\n' ||
	    !bytes_to_cstr(bytes_first(bytes_skip(in, 1), (size_t)end), text, sizeof text))
		return false;
	return text[0] == '\0' || read_rule(text, ret);
}

enum err zone_read(struct arena *arena, struct bytes file, const struct zone **ret, struct why *why)
{
	struct counts counts;
	struct zone *zone = arena_zalloc(arena, 1, sizeof *zone);
	if (!read_header(file, &counts))
		return fail(why, E_MALFORMED, "not a zoneinfo file of version 2");
	struct bytes rest = bytes_skip(file, HEADER_SIZE + block_size(&counts, 4));
	if (!read_header(rest, &counts) || counts.leaps > 0)
		return fail(why, E_MALFORMED,
			    "not a zoneinfo file of version 2 without leap seconds");
	rest = bytes_skip(rest, HEADER_SIZE);
	size_t size = block_size(&counts, 8);
	if (rest.len < size || !read_changes(arena, rest, &counts, zone) ||
	    !read_footer(bytes_skip(rest, size), &zone->rule))
		return fail(why, E_MALFORMED, "a zoneinfo file that is damaged");
	*ret = zone;
	return OK;
}

bool zone_is_name(const char *name)
{
	size_t len =
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");
	return len > 0 && len < 64 && name[len] == '\0' && name[0] != '/' && name[len - 1] != '/' &&
	       !strstr(name, "//");
}

int64_t zone_offset_s(const struct zone *zone, int64_t unix_s)
{
	if (!zone || unix_s < -YEAR_MAX_S || unix_s > YEAR_MAX_S)
		return 0;
	size_t low = 0, high = zone->count; /* the first change behind that time */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (zone->at_s[middle] <= unix_s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == zone->count && zone->rule.is_there)
		return rule_offset_s(&zone->rule, unix_s);
	return low == 0 ? zone->first_s : zone->offsets_s[low - 1];
}
