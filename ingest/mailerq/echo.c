/* See echo.h. ASCII throughout, so that no reader of results can stumble over it. */
#include "ingest/mailerq/echo.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "ingest/mailerq/value.h"
#include "lib/base/buf.h"
#include "schemas/schemas.h"

#define WHOSE	"mailerq "
#define PEM_END "PRIVATE KEY-----"
#define DEPTH	40 /* more than translate.c lets in */

/* ---- secrets ---- */

/* Parts of names of what is nobody else's business. */
static const char *const secret_parts[] = {
	"password", "passwd",	 "passphrase", "pwd",	     "secret",	      "token",
	"apikey",   "accesskey", "privatekey", "credential", "authorization",
};

/* "message-token" is what programs of old find their message by; it opens nothing. */
static const char *const no_secrets[] = {"messagetoken"};

/* Where `word` ends when `name` begins with it; case, and what stands between words, does not matter: "API-Key" begins with "apikey". */
static const char *skip_word(const char *name, const char *word)
{
	for (; *name && *word; name++) {
		if (!isalnum((unsigned char)*name))
			continue;
		if (tolower((unsigned char)*name) != *word)
			return NULL;
		word++;
	}
	return *word ? NULL : name;
}

static bool is_word(const char *name, const char *word)
{
	const char *rest = skip_word(name, word);
	return rest && *rest == '\0';
}

static bool has_word(const char *name, const char *word)
{
	for (; *name; name++)
		if (skip_word(name, word))
			return true;
	return false;
}

static bool is_secret_name(const char *name)
{
	for (size_t i = 0; i < sizeof no_secrets / sizeof no_secrets[0]; i++)
		if (is_word(name, no_secrets[i]))
			return false;
	for (size_t i = 0; i < sizeof secret_parts / sizeof secret_parts[0]; i++)
		if (has_word(name, secret_parts[i]))
			return true;
	return false;
}

static bool is_private_key(const json_t *value)
{
	struct bytes text = value_text(value);
	return text.len > 0 && memmem(text.data, text.len, PEM_END, strlen(PEM_END));
}

static void forget_secrets(json_t *json, bool is_in_dkim, int depth)
{
	const char *name;
	json_t *value;
	void *safe;
	assert(depth > 0);
	json_object_foreach_safe(json, safe, name, value)
	{
		if (depth == DEPTH && strcmp(name, "mime") == 0)
			continue; /* what everybody will read */
		if (is_secret_name(name) || (is_in_dkim && has_word(name, "key")) ||
		    is_private_key(value))
			(void)json_object_del(json, name);
		else
			forget_secrets(value, is_in_dkim || is_word(name, "dkim"), depth - 1);
	}
	for (size_t i = json_array_size(json); i-- > 0;) {
		value = json_array_get(json, i);
		if (is_private_key(value))
			(void)json_array_remove(json, i);
		else
			forget_secrets(value, is_in_dkim, depth - 1);
	}
}

/* ---- writing ---- */

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
	forget_secrets(deep, false, DEPTH);
	enum err err = write_echo(arena, deep, ret);
	if (err != OK && json_object_del(deep, "mime") == 0)
		err = write_echo(arena, deep, ret);
	json_decref(deep);
	return err;
}

/* ---- reading ---- */

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
