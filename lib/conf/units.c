/* Numbers with units. A unit is one row; overflow and trailing text make the parser say no. Owns nothing. */
#include "lib/conf/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"

struct unit {
	const char *suffix;
	int64_t scale;
};

/* The largest first: writers take the first one that divides. */
static const struct unit duration_units[] = {
	{"w", 7 * 86400000LL}, {"d", 86400000}, {"h", 3600000}, {"m", 60000},
	{"s", 1000},	       {"ms", 1},	{NULL, 0},
};
static const struct unit size_units[] = {
	{"TiB", 1LL << 40}, {"GiB", 1LL << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1},
	{NULL, 0}};
/* A day holds them all, so that a rate is a whole number. */
static const struct unit rate_units[] = {
	{"/s", 86400}, {"/min", 1440}, {"/h", 24}, {"/d", 1}, {NULL, 0}};
static const struct unit percent_units[] = {{"%", 1}, {NULL, 0}};
static const struct unit number_units[] = {{"", 1}, {NULL, 0}};

static bool parse_scaled(const char *text, const struct unit *units, int64_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t count;
	if (!bytes_to_u64(bytes_from(text, digits), INT64_MAX, &count))
		return false;
	for (const struct unit *unit = units; unit->suffix; unit++) {
		int64_t value;
		if (strcmp(text + digits, unit->suffix) != 0)
			continue;
		if (__builtin_mul_overflow((int64_t)count, unit->scale, &value))
			return false;
		*ret = value;
		return true;
	}
	return false;
}

static void write_scaled(int64_t value, const struct unit *units, char out[UNITS_TEXT_SIZE])
{
	const struct unit *unit = units;
	while (value % unit->scale != 0)
		unit++;
	snprintf(out, UNITS_TEXT_SIZE, "%lld%s", (long long)(value / unit->scale), unit->suffix);
}

bool units_parse_number(const char *text, int64_t *ret)
{
	int64_t value;
	bool is_negative = text[0] == '-';
	if (!parse_scaled(text + is_negative, number_units, &value))
		return false;
	*ret = is_negative ? -value : value;
	return true;
}

bool units_parse_duration(const char *text, int64_t *ret)
{
	if (strcmp(text, "0") == 0) { /* no time is the same in every unit */
		*ret = 0;
		return true;
	}
	return parse_scaled(text, duration_units, ret);
}

bool units_parse_size(const char *text, int64_t *ret)
{
	return parse_scaled(text, size_units, ret);
}

bool units_parse_percent(const char *text, int64_t *ret)
{
	return parse_scaled(text, percent_units, ret);
}

bool units_parse_rate(const char *text, int64_t *ret)
{
	int64_t per_day = 0;
	bool is_none = strcmp(text, "none") == 0;
	if (!is_none && (!parse_scaled(text, rate_units, &per_day) || per_day == 0))
		return false;
	*ret = per_day;
	return true;
}

bool units_parse_factor(const char *text, double *ret)
{
	size_t whole = strspn(text, "0123456789");
	size_t fraction = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
	size_t len = fraction ? whole + 1 + fraction : whole;
	if (whole == 0 || whole > 15 || fraction > 15 || text[len] != '\0')
		return false;
	*ret = strtod(text, NULL);
	return true;
}

bool units_parse_flag(const char *text, bool *ret)
{
	bool is_true = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;
	if (!is_true && strcmp(text, "false") != 0 && strcmp(text, "no") != 0)
		return false;
	*ret = is_true;
	return true;
}

void units_write_number(int64_t value, char out[UNITS_TEXT_SIZE])
{
	write_scaled(value, number_units, out);
}

void units_write_duration(int64_t value_ms, char out[UNITS_TEXT_SIZE])
{
	if (value_ms == 0)
		snprintf(out, UNITS_TEXT_SIZE, "0s");
	else
		write_scaled(value_ms, duration_units, out);
}

void units_write_size(int64_t value_bytes, char out[UNITS_TEXT_SIZE])
{
	if (value_bytes == 0)
		snprintf(out, UNITS_TEXT_SIZE, "0");
	else
		write_scaled(value_bytes, size_units, out);
}

void units_write_percent(int64_t value, char out[UNITS_TEXT_SIZE])
{
	write_scaled(value, percent_units, out);
}

void units_write_rate(int64_t per_day, char out[UNITS_TEXT_SIZE])
{
	if (per_day == 0)
		snprintf(out, UNITS_TEXT_SIZE, "none");
	else
		write_scaled(per_day, rate_units, out);
}

void units_write_factor(double value, char out[UNITS_TEXT_SIZE])
{
	for (int digits = 0; digits <= 15; digits++) {
		snprintf(out, UNITS_TEXT_SIZE, "%.*f", digits, value);
		if (strtod(out, NULL) ==
		    value) /* exact on purpose: what is written must read the same */
			return;
	}
}
