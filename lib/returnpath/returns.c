/* See returns.h. */
#include "lib/returnpath/returns.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/crypto/digest.h"
#include "lib/returnpath/base32.h"

#define FILE_MAX 65536

struct returns {
	const struct returns_settings *settings;
	struct arena *arena;
	struct return_keys keys;
	struct bytes before, behind; /* of the token in settings->path */
};

static enum err read_keys(struct returns *returns, struct why *why)
{
	const char *path = returns->settings->keys;
	FILE *file = fopen(path, "re");
	if (!file)
		return fail(why, E_NOT_FOUND, "returns.keys: %s cannot be read", path);
	uint8_t *text = arena_alloc(returns->arena, FILE_MAX);
	size_t len = fread(text, 1, FILE_MAX, file);
	(void)fclose(file);
	struct why inner = {""};
	enum err err =
		return_keys_read(returns->arena, bytes_from(text, len), &returns->keys, &inner);
	explicit_bzero(text, FILE_MAX);
	return err ? fail(why, err, "returns.keys: %s: %s", path, inner.text) : OK;
}

static void split_path(struct returns *returns)
{
	const char *path = returns->settings->path;
	const char *mark = strstr(path, RETURNS_TOKEN_MARK);
	if (!mark)
		return;
	returns->before = bytes_from(path, (size_t)(mark - path));
	returns->behind = bytes_of(mark + strlen(RETURNS_TOKEN_MARK));
}

enum err returns_open(const struct returns_settings *settings, struct returns **ret,
		      struct why *why)
{
	*ret = NULL;
	if (!settings || !settings->keys[0])
		return OK;
	struct returns *returns = memory_new(sizeof *returns);
	returns->settings = settings;
	returns->arena = arena_new();
	enum err err = read_keys(returns, why);
	split_path(returns);
	*ret = returns;
	if (err)
		returns_close(ret);
	return err;
}

void returns_close(struct returns **returns)
{
	struct returns *closing = *returns;
	*returns = NULL;
	if (!closing)
		return;
	for (size_t i = 0; i < closing->keys.count; i++)
		explicit_bzero((uint8_t *)(uintptr_t)closing->keys.items[i].secret.data,
			       closing->keys.items[i].secret.len);
	arena_free(&closing->arena);
	free(closing);
}

const struct returns_settings *returns_settings(const struct returns *returns)
{
	return returns->settings;
}

const struct return_keys *returns_keys(const struct returns *returns)
{
	return &returns->keys;
}

void return_id(struct bytes message_id, char out[RETURN_ID_SIZE])
{
	uint8_t raw[16];
	if (base32_read_id(message_id, raw)) {
		base32_write_id(raw, out);
		if (bytes_equal(message_id, bytes_of(out)))
			return;
	}
	struct digest digest = digest_of_parts(&message_id, 1);
	memcpy(raw, digest.bytes, sizeof raw);
	base32_write_id(raw, out);
}

bool returns_address(const struct returns *returns, struct bytes message_id, struct bytes recipient,
		     int64_t wall_ms, char out[RETURN_ADDRESS_SIZE])
{
	char id[RETURN_ID_SIZE], token[RETURN_TOKEN_SIZE];
	if (!returns->settings->path[0])
		return false;
	return_id(message_id, id);
	if (return_token_make(&returns->keys, bytes_of(id), recipient, wall_ms, token) != OK)
		return false;
	int len = snprintf(out, RETURN_ADDRESS_SIZE, "%.*s%s%.*s", BYTES_ARGS(returns->before),
			   token, BYTES_ARGS(returns->behind));
	return len > 0 && len < RETURN_ADDRESS_SIZE;
}

/* Hosts may change the case of letters. */
bool returns_find_token(const struct returns *returns, struct bytes address,
			struct bytes *ret_token)
{
	size_t before = returns->before.len, behind = returns->behind.len;
	if (!returns->settings->path[0] || address.len != before + RETURN_TOKEN_LEN + behind ||
	    !bytes_equal_nocase(bytes_first(address, before), returns->before) ||
	    !bytes_equal_nocase(bytes_skip(address, before + RETURN_TOKEN_LEN), returns->behind))
		return false;
	*ret_token = bytes_first(bytes_skip(address, before), RETURN_TOKEN_LEN);
	return true;
}
