/* One pair of contexts for each certificate; the first pair shows none. */
#include "workers/smtp/contexts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

struct pair {
	const char *chain_file, *key_file; /* borrowed from the settings */
	struct tls_context *unverified, *verified;
};

struct contexts {
	size_t count;
	struct pair *pairs;
};

static struct pair *find(const struct contexts *contexts, const struct site_settings *site)
{
	for (size_t i = 0; i < contexts->count; i++)
		if (strcmp(contexts->pairs[i].chain_file, site->tls_certificate) == 0 &&
		    strcmp(contexts->pairs[i].key_file, site->tls_key) == 0)
			return &contexts->pairs[i];
	return NULL;
}

static enum err add(struct contexts *contexts, const char *chain_file, const char *key_file,
		    const char *ca_file, struct why *why)
{
	struct pair *pair = &contexts->pairs[contexts->count++];
	*pair = (struct pair){.chain_file = chain_file, .key_file = key_file};
	struct tls_client_options options = {.chain_file = chain_file, .key_file = key_file};
	enum err err = tls_client_new(&options, &pair->unverified, why);
	options.verify = true;
	options.ca_file = ca_file;
	if (err == OK)
		err = tls_client_new(&options, &pair->verified, why);
	return err;
}

enum err contexts_new(const struct conf_items *sites, const char *ca_file, struct contexts **ret,
		      struct why *why)
{
	size_t site_count = sites ? sites->count : 0;
	struct contexts *contexts = memory_new(sizeof *contexts);
	contexts->pairs = memory_array(site_count + 1, sizeof *contexts->pairs);
	enum err err = add(contexts, "", "", ca_file, why);
	for (size_t i = 0; err == OK && i < site_count; i++) {
		const struct site_settings *site = CONF_ITEM(sites, struct site_settings, i);
		if (site->tls_certificate[0] && !find(contexts, site))
			err = add(contexts, site->tls_certificate, site->tls_key, ca_file, why);
	}
	if (err == OK)
		*ret = contexts;
	else
		contexts_free(&contexts);
	return err;
}

void contexts_free(struct contexts **contexts)
{
	struct contexts *c = *contexts;
	*contexts = NULL;
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++) {
		tls_context_free(&c->pairs[i].unverified);
		tls_context_free(&c->pairs[i].verified);
	}
	free(c->pairs);
	free(c);
}

struct tls_context *contexts_find(const struct contexts *contexts, const struct site_settings *site,
				  bool verify)
{
	const struct pair *pair = find(contexts, site);
	if (!pair)
		pair = &contexts->pairs[0];
	return verify ? pair->verified : pair->unverified;
}
