/* Keys are random and long, so that a plain SHA-256 of them tells nothing, and is quick to make for every request. */
#include "lib/api/api_keys.h"

#include <string.h>
#include <strings.h>

#include "lib/base/memory.h"
#include "lib/routing/routing.h"

#define MINUTE_MS     60000
#define PRESENTED_MAX 512

static const struct conf_field fields[] = {
#define X(...) CONF_ROW(struct api_key_settings, __VA_ARGS__)
#include "lib/api/api_key.def"
#undef X
};

static const struct {
	const char *name;
	enum api_scope scope;
} scope_names[] = {{"send", API_SEND},	       {"read", API_READ},     {"recall", API_RECALL},
		   {"suppress", API_SUPPRESS}, {"events", API_EVENTS}, {"webhooks", API_WEBHOOKS}};

/* 0: no scope has this name. */
static unsigned scope_of(const char *name)
{
	for (size_t i = 0; i < CONF_COUNT(scope_names); i++)
		if (strcmp(scope_names[i].name, name) == 0)
			return scope_names[i].scope;
	return 0;
}

static void check(struct conf *conf, const void *section, const char *path)
{
	const struct api_key_settings *settings = section;
	struct digest digest;
	char setting[256];
	snprintf(setting, sizeof setting, "%s.sha256", path);
	if (settings->sha256[0] && !digest_parse(bytes_of(settings->sha256), &digest))
		conf_fault(conf, setting, "expected 64 hexadecimal digits");
	snprintf(setting, sizeof setting, "%s.scopes", path);
	for (size_t i = 0; i < settings->scopes.count; i++)
		if (scope_of(settings->scopes.items[i]) == 0)
			conf_fault(conf, setting,
				   "expected send, read, recall, suppress or events, not "
				   "\"%s\"",
				   settings->scopes.items[i]);
	for (size_t i = 0; i < settings->domains.count; i++) {
		snprintf(setting, sizeof setting, "%s.domains[%zu]", path, i);
		if (!settings->domains.items[i][0] ||
		    !routing_is_pattern(settings->domains.items[i]))
			conf_fault(conf, setting,
				   "expected a domain such as example.com or *.example.com, not "
				   "\"%.60s\"",
				   settings->domains.items[i]);
	}
}

const struct conf_section api_keys_section = {
	.name = "api_keys",
	.help = "Who may use the HTTP API.",
	.shape = CONF_MAP,
	.size = sizeof(struct api_key_settings),
	.fields = fields,
	.field_count = CONF_COUNT(fields),
	.check = check,
};

static bool is_pool(const struct conf_items *pools, const char *name)
{
	for (size_t i = 0; i < pools->count; i++)
		if (strcmp(CONF_ITEM(pools, struct pool_settings, i)->name, name) == 0)
			return true;
	return false;
}

void api_keys_check(struct conf *conf, const struct conf_items *keys,
		    const struct conf_items *pools)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct api_key_settings *key = CONF_ITEM(keys, struct api_key_settings, i);
		char path[256];
		(void)snprintf(path, sizeof path, "api_keys.%s.pool", key->name);
		if (key->pool[0] && !is_pool(pools, key->pool))
			conf_fault(conf, path, "there is no pool \"%s\"", key->pool);
	}
}

struct api_keys {
	struct api_key *items;
	size_t count;
};

struct api_keys *api_keys_new(const struct conf_items *settings)
{
	struct api_keys *keys = memory_new(sizeof *keys);
	keys->items = memory_array(settings->count, sizeof *keys->items);
	for (size_t i = 0; i < settings->count; i++) {
		struct api_key *key = &keys->items[keys->count];
		key->settings = CONF_ITEM(settings, struct api_key_settings, i);
		if (!digest_parse(bytes_of(key->settings->sha256), &key->digest))
			continue; /* the settings were refused */
		for (size_t k = 0; k < key->settings->scopes.count; k++)
			key->scopes |= scope_of(key->settings->scopes.items[k]);
		key->allowance = (double)key->settings->rate;
		keys->count++;
	}
	return keys;
}

void api_keys_free(struct api_keys **keys)
{
	if (!*keys)
		return;
	free((*keys)->items);
	free(*keys);
	*keys = NULL;
}

struct api_key *api_keys_find(struct api_keys *keys, const char *authorization)
{
	struct bytes given = bytes_of(authorization);
	if (bytes_starts_with_nocase(given, "Bearer "))
		given = bytes_skip(given, strlen("Bearer "));
	given = bytes_trim(given);
	if (given.len == 0 || given.len > PRESENTED_MAX)
		return NULL;
	struct digest digest = digest_of(given);
	struct api_key *found = NULL;
	for (size_t i = 0; i < keys->count; i++) /* all of them: time tells nothing */
		if (digest_equal(&keys->items[i].digest, &digest))
			found = &keys->items[i];
	return found;
}

int64_t api_key_wait_ms(struct api_key *key, int64_t now_ms)
{
	double rate = (double)key->settings->rate;
	if (key->settings->rate == 0)
		return 0;
	if (key->filled_at_ms > 0)
		key->allowance += rate * (double)(now_ms - key->filled_at_ms) / MINUTE_MS;
	if (key->allowance > rate)
		key->allowance = rate;
	key->filled_at_ms = now_ms;
	return key->allowance >= 1 ? 0 : (int64_t)((1 - key->allowance) * MINUTE_MS / rate) + 1;
}

void api_key_spend(struct api_key *key, size_t recipient_count)
{
	if (key->settings->rate > 0)
		key->allowance -= (double)recipient_count;
}
