/* See dkim_keys.h. A key that cannot be read is told of where it would have been used. */
#include "leveret/dkim_keys.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"

static size_t count_keys(const struct dkim_settings *settings)
{
	size_t count = 0;
	for (size_t i = 0; i < settings->domains.count; i++)
		count += CONF_ITEM(&settings->domains, struct dkim_domain_settings, i)->keys.count;
	return count;
}

static void read_one(const struct dkim_domain_settings *domain,
		     const struct dkim_key_settings *settings, struct dkim_published *key)
{
	(void)snprintf(key->name, sizeof key->name, "%s._domainkey.%s", settings->selector,
		       domain->domain);
	key->domain = domain->domain;
	key->selector = settings->selector;
	if (keyring_read_file(settings->file, &key->key, &key->why) != OK)
		key->key = NULL;
}

size_t dkim_published_read(const struct dkim_settings *settings, const char *domain,
			   struct dkim_published **ret)
{
	struct dkim_published *keys = memory_array(count_keys(settings), sizeof *keys);
	size_t count = 0;
	for (size_t i = 0; i < settings->domains.count; i++) {
		const struct dkim_domain_settings *entry =
			CONF_ITEM(&settings->domains, struct dkim_domain_settings, i);
		if (domain && strcmp(domain, entry->domain) != 0)
			continue;
		for (size_t j = 0; j < entry->keys.count; j++)
			read_one(entry, CONF_ITEM(&entry->keys, struct dkim_key_settings, j),
				 &keys[count++]);
	}
	*ret = keys;
	return count;
}

void dkim_published_free(struct dkim_published **keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		signing_key_free(&(*keys)[i].key);
	free(*keys);
	*keys = NULL;
}
