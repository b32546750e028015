/* See echo.h. ASCII throughout, so that no reader of results can stumble over it. */
#include "ingest/mailerq/echo.h"

#include <string.h>

#include "ingest/mailerq/value.h"
#include "lib/base/buf.h"
#include "schemas/schemas.h"

#define WHOSE "mailerq "
#define DEPTH 32

static void forget_passwords(json_t *json, int depth)
{
	const char *name;
	json_t *value;
	size_t i;
	if (depth == 0)
		return;
	(void)json_object_del(json, "password");
	json_object_foreach(json, name, value)
	{
		forget_passwords(value, depth - 1);
	}
	json_array_foreach(json, i, value)
	{
		forget_passwords(value, depth - 1);
	}
}

static void forget_secrets(json_t *root)
{
	json_t *dkim = json_object_get(root, "dkim");
	forget_passwords(root, DEPTH);
	for (size_t i = 0; i < value_count(dkim); i++)
		(void)json_object_del(value_item(dkim, i), "key");
}

/* DEL is the one control character that JSON lets stand. */
static int write_some(const char *data, size_t len, void *out)
{
	while (len > 0) {
		const char *del = memchr(data, 0x7f, len);
		size_t plain = del ? (size_t)(del - data) : len;
		if (buf_append(out, bytes_from(data, plain)) != OK ||
		    (del && buf_append_text(out, "\\u007f") != OK))
			return -1;
		data += plain + (del ? 1 : 0);
		len -= plain + (del ? 1 : 0);
	}
	return 0;
}

static enum err write_echo(struct arena *arena, const json_t *root, struct bytes *ret)
{
	struct buf out;
	buf_init(&out, SCHEMA_ECHO_MAX);
	bool fits =
		buf_append_text(&out, WHOSE) == OK &&
		json_dump_callback(root, write_some, &out, JSON_COMPACT | JSON_ENSURE_ASCII) == 0;
	if (fits)
		*ret = arena_copy(arena, buf_bytes(&out));
	buf_done(&out);
	return fits ? OK : E_TOO_BIG;
}

enum err echo_make(struct arena *arena, json_t *root, struct bytes *ret)
{
	json_t *kept = json_copy(root); /* shallow: the caller still needs `mime` */
	json_t *deep = NULL;
	if (!value_is_true(json_object_get(root, "keepmime")))
		(void)json_object_del(kept, "mime");
	deep = json_deep_copy(kept);
	json_decref(kept);
	forget_secrets(deep);
	enum err err = write_echo(arena, deep, ret);
	if (err != OK && json_object_del(deep, "mime") == 0)
		err = write_echo(arena, deep, ret);
	json_decref(deep);
	return err;
}

static struct bytes take_line(struct bytes *rest)
{
	ptrdiff_t end = bytes_find(*rest, '\n');
	struct bytes line = end < 0 ? *rest : bytes_first(*rest, (size_t)end);
	*rest = end < 0 ? BYTES_NONE : bytes_skip(*rest, (size_t)end + 1);
	return line;
}

static json_t *read_line(struct bytes line)
{
	json_error_t error;
	json_t *root = json_loadb((const char *)line.data, line.len, 0, &error);
	if (json_is_object(root))
		return root;
	json_decref(root);
	return NULL;
}

json_t *echo_read(struct bytes echo, struct bytes *ret_past)
{
	if (!bytes_starts_with_nocase(echo, WHOSE))
		return NULL;
	*ret_past = bytes_skip(echo, strlen(WHOSE));
	return read_line(take_line(ret_past));
}

json_t *echo_next(struct bytes *past)
{
	json_t *next = NULL;
	while (past->len > 0 && !next)
		next = read_line(take_line(past));
	return next;
}
