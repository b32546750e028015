/* See value.h. */
#include "ingest/mailerq/value.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"

#define TIME_MAX 40

struct bytes value_text(const json_t *json)
{
	return json_is_string(json) ? bytes_from(json_string_value(json), json_string_length(json))
				    : BYTES_NONE;
}

bool value_is_true(const json_t *json)
{
	struct bytes text = value_text(json);
	return json_is_true(json) || (json_is_integer(json) && json_integer_value(json) != 0) ||
	       bytes_is_nocase(text, "true") || bytes_is_nocase(text, "yes") || bytes_is(text, "1");
}

bool value_is_empty(const json_t *json)
{
	if (!json || json_is_null(json) || json_is_false(json))
		return true;
	if (json_is_string(json))
		return json_string_length(json) == 0 || bytes_is(value_text(json), "null");
	return (json_is_object(json) && json_object_size(json) == 0) ||
	       (json_is_array(json) && json_array_size(json) == 0);
}

bool value_number(const json_t *json, int64_t *ret)
{
	uint64_t digits = 0;
	if (json_is_integer(json))
		*ret = json_integer_value(json);
	else if (bytes_to_u64(value_text(json), INT64_MAX, &digits))
		*ret = (int64_t)digits;
	else
		return false;
	return true;
}

/* RFC 3339 wants a T and an offset. */
bool value_time(const json_t *json, int64_t *ret_wall_ms)
{
	struct bytes text = value_text(json);
	char form[TIME_MAX + 2];
	size_t len = text.len;
	if (len < strlen("2026-11-21 09:20:00") || len > TIME_MAX || memchr(text.data, 0, len))
		return false;
	memcpy(form, text.data, len);
	if (form[10] == ' ')
		form[10] = 'T';
	bool has_offset = form[len - 1] == 'Z' || form[len - 1] == 'z' || form[len - 6] == '+' ||
			  form[len - 6] == '-';
	if (!has_offset)
		form[len++] = 'Z';
	return clock_parse_rfc3339(bytes_from(form, len), ret_wall_ms) && *ret_wall_ms >= 0;
}

void value_time_text(int64_t wall_ms, char out[VALUE_TIME_SIZE])
{
	char form[CLOCK_RFC3339_SIZE];
	clock_rfc3339(wall_ms, form);
	memcpy(out, form, VALUE_TIME_SIZE - 1);
	out[10] = ' ';
	out[VALUE_TIME_SIZE - 1] = '\0';
}

size_t value_count(const json_t *json)
{
	if (!json || json_is_null(json))
		return 0;
	return json_is_array(json) ? json_array_size(json) : 1;
}

json_t *value_item(json_t *json, size_t index)
{
	return json_is_array(json) ? json_array_get(json, index) : json;
}
