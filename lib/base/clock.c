/* The system's clocks, and dates as text without locale or time zone. */
#include "lib/base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec now;
	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_now_ms(const struct clock *clock)
{
	(void)clock;
	return read_ms(CLOCK_MONOTONIC);
}

static int64_t system_wall_ms(const struct clock *clock)
{
	(void)clock;
	return read_ms(CLOCK_REALTIME);
}

const struct clock *clock_system(void)
{
	static const struct clock system_clock = {system_now_ms, system_wall_ms};
	return &system_clock;
}

static int64_t floor_seconds(int64_t wall_ms)
{
	return wall_ms >= 0 ? wall_ms / 1000 : -((-wall_ms + 999) / 1000);
}

static struct tm utc(int64_t wall_ms)
{
	time_t seconds = (time_t)floor_seconds(wall_ms);
	struct tm date = {0};
	(void)gmtime_r(&seconds, &date);
	return date;
}

void clock_rfc5322(int64_t wall_ms, char out[CLOCK_RFC5322_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm date = utc(wall_ms);
	(void)snprintf(out, CLOCK_RFC5322_SIZE, "%.3s, %d %.3s %04d %02d:%02d:%02d +0000",
		       days + 3 * date.tm_wday, date.tm_mday, months + 3 * date.tm_mon,
		       (date.tm_year + 1900) % 10000, date.tm_hour, date.tm_min, date.tm_sec);
}

void clock_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE])
{
	struct tm date = utc(wall_ms);
	int ms = (int)(wall_ms - floor_seconds(wall_ms) * 1000);
	(void)snprintf(out, CLOCK_RFC3339_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
		       (date.tm_year + 1900) % 10000, date.tm_mon + 1, date.tm_mday, date.tm_hour,
		       date.tm_min, date.tm_sec, ms % 1000);
}

/* ---- reading ---- */

/* `count` digits off the front, within bounds; false otherwise. */
static bool take_number(struct bytes *rest, size_t count, uint64_t min, uint64_t max, int *ret)
{
	uint64_t value = 0;
	if (rest->len < count || !bytes_to_u64(bytes_first(*rest, count), max, &value) ||
	    value < min)
		return false;
	*ret = (int)value;
	*rest = bytes_skip(*rest, count);
	return true;
}

static bool take_character(struct bytes *rest, char upper)
{
	if (rest->len == 0 || (rest->data[0] != upper && rest->data[0] != (upper | 0x20)))
		return false;
	*rest = bytes_skip(*rest, 1);
	return true;
}

static bool take_date_and_time(struct bytes *rest, struct tm *date)
{
	bool is_right = take_number(rest, 4, 1970, 9999, &date->tm_year) &&
			take_character(rest, '-') && take_number(rest, 2, 1, 12, &date->tm_mon) &&
			take_character(rest, '-') && take_number(rest, 2, 1, 31, &date->tm_mday) &&
			take_character(rest, 'T') && take_number(rest, 2, 0, 23, &date->tm_hour) &&
			take_character(rest, ':') && take_number(rest, 2, 0, 59, &date->tm_min) &&
			take_character(rest, ':') && take_number(rest, 2, 0, 60, &date->tm_sec);
	date->tm_year -= 1900;
	date->tm_mon -= 1;
	return is_right;
}

static bool take_fraction(struct bytes *rest, int64_t *ret_ms)
{
	int64_t unit = 100;
	*ret_ms = 0;
	if (!take_character(rest, '.'))
		return true;
	size_t count = 0;
	for (int digit = 0; take_number(rest, 1, 0, 9, &digit); count++, unit /= 10)
		*ret_ms += unit * digit;
	return count > 0;
}

static bool take_offset(struct bytes *rest, int64_t *ret_ms)
{
	int hours = 0, minutes = 0;
	*ret_ms = 0;
	if (take_character(rest, 'Z'))
		return true;
	int64_t sign = rest->len > 0 && rest->data[0] == '-' ? -1 : 1;
	if (rest->len == 0 || (rest->data[0] != '-' && rest->data[0] != '+'))
		return false;
	*rest = bytes_skip(*rest, 1);
	if (!take_number(rest, 2, 0, 23, &hours) || !take_character(rest, ':') ||
	    !take_number(rest, 2, 0, 59, &minutes))
		return false;
	*ret_ms = sign * ((int64_t)hours * 60 + minutes) * 60000;
	return true;
}

bool clock_parse_rfc3339(struct bytes text, int64_t *ret_wall_ms)
{
	struct tm date = {0};
	int64_t fraction_ms = 0, offset_ms = 0;
	if (!take_date_and_time(&text, &date) || !take_fraction(&text, &fraction_ms) ||
	    !take_offset(&text, &offset_ms) || text.len > 0)
		return false;
	struct tm kept = date;
	int64_t seconds = timegm(&date);
	if (date.tm_mday != kept.tm_mday && kept.tm_sec < 60)
		return false; /* 30 February */
	*ret_wall_ms = seconds * 1000 + fraction_ms - offset_ms;
	return *ret_wall_ms >= 0;
}
