#include "ingest/http/instant.h"

#include <string.h>
#include <time.h>

struct cursor {
	struct bytes rest;
	bool is_wrong;
};

static int take_digits(struct cursor *cursor, size_t count, int min, int max)
{
	uint64_t value = 0;
	if (cursor->rest.len < count ||
	    !bytes_to_u64(bytes_first(cursor->rest, count), (uint64_t)max, &value) ||
	    (int)value < min) {
		cursor->is_wrong = true;
		return min;
	}
	cursor->rest = bytes_skip(cursor->rest, count);
	return (int)value;
}

/* One of the characters in `set`; the character, or 0. */
static char take_one(struct cursor *cursor, const char *set)
{
	char c = cursor->rest.len > 0 ? (char)cursor->rest.data[0] : '\0';
	if (c == '\0' || !strchr(set, c)) {
		cursor->is_wrong = true;
		return '\0';
	}
	cursor->rest = bytes_skip(cursor->rest, 1);
	return c;
}

static int64_t take_fraction_ms(struct cursor *cursor)
{
	int64_t ms = 0, unit = 100;
	if (cursor->rest.len == 0 || cursor->rest.data[0] != '.')
		return 0;
	cursor->rest = bytes_skip(cursor->rest, 1);
	size_t count = 0;
	for (; count < cursor->rest.len; count++) {
		uint8_t c = cursor->rest.data[count];
		if (c < '0' || c > '9')
			break;
		ms += unit * (c - '0');
		unit /= 10;
	}
	cursor->is_wrong |= count == 0;
	cursor->rest = bytes_skip(cursor->rest, count);
	return ms;
}

static int64_t take_offset_ms(struct cursor *cursor)
{
	char sign = take_one(cursor, "Zz+-");
	if (sign != '+' && sign != '-')
		return 0;
	int hours = take_digits(cursor, 2, 0, 23);
	(void)take_one(cursor, ":");
	int minutes = take_digits(cursor, 2, 0, 59);
	int64_t ms = ((int64_t)hours * 60 + minutes) * 60000;
	return sign == '+' ? ms : -ms;
}

static int days_of(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 && is_leap ? 29 : days[month - 1];
}

bool instant_parse(struct bytes text, int64_t *ret_wall_ms)
{
	struct cursor cursor = {.rest = text};
	struct tm tm = {0};
	tm.tm_year = take_digits(&cursor, 4, 1970, 9999) - 1900;
	(void)take_one(&cursor, "-");
	tm.tm_mon = take_digits(&cursor, 2, 1, 12) - 1;
	(void)take_one(&cursor, "-");
	tm.tm_mday = take_digits(&cursor, 2, 1, days_of(tm.tm_year + 1900, tm.tm_mon + 1));
	(void)take_one(&cursor, "Tt ");
	tm.tm_hour = take_digits(&cursor, 2, 0, 23);
	(void)take_one(&cursor, ":");
	tm.tm_min = take_digits(&cursor, 2, 0, 59);
	(void)take_one(&cursor, ":");
	tm.tm_sec = take_digits(&cursor, 2, 0, 60);
	int64_t fraction_ms = take_fraction_ms(&cursor);
	int64_t offset_ms = take_offset_ms(&cursor);
	if (cursor.is_wrong || cursor.rest.len > 0)
		return false;
	int64_t wall_ms = (int64_t)timegm(&tm) * 1000 + fraction_ms - offset_ms;
	*ret_wall_ms = wall_ms;
	return wall_ms >= 0;
}
