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
