/* What values may be. The reasons name the field by its path and never repeat the value: it is a stranger's, and may be long. */
#include <stdio.h>
#include <string.h>

#include "schemas/message.h"

#define ADDRESS_BYTES_MAX 320
#define WALL_MS_MAX	  INT64_C(253402300799999)

enum err path_fail(const struct path *path, struct why *why, enum err err, const char *problem)
{
	char text[200];
	size_t start = sizeof text - 1; /* built from its end: the innermost name is known first */
	text[start] = '\0';
	for (; path && path->name; path = path->parent) {
		char name[80];
		const char *dot = text[start] ? "." : "";
		int len = path->index < 0 ? snprintf(name, sizeof name, "%s%s", path->name, dot)
					  : snprintf(name, sizeof name, "%s[%td]%s", path->name,
						     path->index, dot);
		if (len < 0 || (size_t)len >= sizeof name || (size_t)len > start)
			break;
		start -= (size_t)len;
		memcpy(text + start, name, (size_t)len);
	}
	return fail(why, err, "%s%s%s", text + start, text[start] ? ": " : "", problem);
}

static bool is_printable_ascii(struct bytes b, bool allow_space)
{
	uint8_t first = allow_space ? ' ' : '!';
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] < first || b.data[i] > '~')
			return false;
	return true;
}

static size_t bytes_max(const struct field *field)
{
	if (field->max > 0)
		return field->max;
	switch (field->kind) {
	case FIELD_ID:
		return SCHEMA_ID_MAX;
	case FIELD_ADDRESS:
		return ADDRESS_BYTES_MAX;
	case FIELD_TEXT:
		return SCHEMA_TEXT_MAX;
	case FIELD_CONTENT:
		return SCHEMA_CONTENT_MAX;
	default:
		return SCHEMA_NAME_MAX;
	}
}

enum err field_check_bytes(const struct field *field, struct bytes value, const struct path *path,
			   struct why *why)
{
	/* An empty item of a list says nothing, and costs its sender too little. */
	if (value.len == 0 && (field->is_required || field->count_max > 0))
		return path_fail(path, why, E_MALFORMED, "missing");
	if (value.len > bytes_max(field))
		return path_fail(path, why, E_TOO_BIG, "too long");
	if (field->kind == FIELD_CONTENT)
		return OK;
	if (is_printable_ascii(value, field->kind != FIELD_ID))
		return OK; /* nearly all there is */
	if (field->kind == FIELD_ID)
		return path_fail(path, why, E_MALFORMED, "not printable ASCII");
	if (!bytes_is_utf8(value))
		return path_fail(path, why, E_MALFORMED, "not UTF-8");
	if (bytes_has_control(value, field->kind == FIELD_TEXT))
		return path_fail(path, why, E_MALFORMED, "holds a control character");
	return OK;
}

enum err field_check_wall_ms(int64_t value, const struct path *path, struct why *why)
{
	if (value < 0 || value > WALL_MS_MAX)
		return path_fail(path, why, E_MALFORMED, "not a time of the years 1970 to 9999");
	return OK;
}

enum err field_check_enum(const struct field *field, int64_t value, const struct path *path,
			  struct why *why)
{
	int64_t known = 1;
	while (field->names[known] && known != value)
		known++;
	if (!field->names[known])
		return path_fail(path, why, E_MALFORMED, "unknown value");
	return OK;
}

static bool is_absent(const struct field *field, const uint8_t *decoded)
{
	struct bytes value = BYTES_NONE;
	size_t count = 0;
	enum result_event number = 0;
	if (field->count_max > 0) {
		memcpy(&count, decoded + field->count_at, sizeof count);
		return count == 0;
	}
	if (field->kind == FIELD_ENUM) {
		memcpy(&number, decoded + field->at, sizeof number);
		return number == 0;
	}
	memcpy(&value, decoded + field->at, sizeof value);
	return value.len == 0;
}

enum err message_check(const struct message *message, const void *decoded, const struct path *path,
		       struct why *why)
{
	for (size_t i = 0; i < message->field_count; i++) {
		const struct field *field = &message->fields[i];
		struct path here = {path, field->name, -1};
		if (field->is_required && is_absent(field, decoded))
			return path_fail(&here, why, E_MALFORMED, "missing");
	}
	const char *problem = message->problem ? message->problem(decoded) : NULL;
	return problem ? path_fail(path, why, E_MALFORMED, problem) : OK;
}
