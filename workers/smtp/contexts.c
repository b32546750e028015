/* One pair of contexts for each certificate; the first pair shows none. */
#include "workers/smtp/contexts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define LOOK_MS 60000

struct pair {
	const char *chain_file, *key_file; /* borrowed from the settings */
	uint64_t fingerprint;		   /* of the files that they were made of */
	struct tls_context *unverified, *verified;
};

struct contexts {
	const char *ca_file; /* "": the system's */
	struct timer *look;
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

static uint64_t fingerprint_of(const struct contexts *contexts, const struct pair *pair)
{
	uint64_t hash = file_fingerprint(HASH_START, contexts->ca_file);
	return file_fingerprint(file_fingerprint(hash, pair->chain_file), pair->key_file);
}

/* Both, or what was there stays. */
static enum err load(const struct contexts *contexts, struct pair *pair, struct why *why)
{
	struct tls_context *unverified = NULL, *verified = NULL;
	uint64_t fingerprint = fingerprint_of(contexts, pair); /* before they are read */
	struct tls_client_options options = {.chain_file = pair->chain_file,
					     .key_file = pair->key_file};
	enum err err = tls_client_new(&options, &unverified, why);
	options.verify = true;
	options.ca_file = contexts->ca_file;
	if (err == OK)
		err = tls_client_new(&options, &verified, why);
	if (err != OK) {
		tls_context_free(&unverified);
		return err;
	}
	tls_context_free(&pair->unverified);
	tls_context_free(&pair->verified);
	pair->unverified = unverified;
	pair->verified = verified;
	pair->fingerprint = fingerprint;
	return OK;
}

static enum err add(struct contexts *contexts, const char *chain_file, const char *key_file,
		    struct why *why)
{
	struct pair *pair = &contexts->pairs[contexts->count++];
	*pair = (struct pair){.chain_file = chain_file, .key_file = key_file};
	return load(contexts, pair, why);
}

/* A renewal may write chain and key one after the other: what could not be used is tried again at each look. */
void contexts_look(struct contexts *contexts)
{
	for (size_t i = 0; i < contexts->count; i++) {
		struct pair *pair = &contexts->pairs[i];
		struct why why = {""};
		if (fingerprint_of(contexts, pair) == pair->fingerprint)
			continue;
		enum err err = load(contexts, pair, &why);
		log_event(EV_certificates_loaded, F_TEXT("outcome", err == OK ? "ok" : "kept_old"),
			  F_TEXT("file", pair->chain_file), F_TEXT("why", why.text));
	}
}

static void on_look(void *owner)
{
	struct contexts *contexts = owner;
	contexts_look(contexts);
	timer_start(contexts->look, LOOK_MS);
}

enum err contexts_new(struct loop *loop, const struct conf_items *sites, const char *ca_file,
		      struct contexts **ret, struct why *why)
{
	size_t site_count = sites ? sites->count : 0;
	struct contexts *contexts = memory_new(sizeof *contexts);
	contexts->pairs = memory_array(site_count + 1, sizeof *contexts->pairs);
	contexts->ca_file = ca_file ? ca_file : "";
	contexts->look = timer_new(loop, on_look, contexts);
	timer_start(contexts->look, LOOK_MS);
	enum err err = add(contexts, "", "", why);
	for (size_t i = 0; err == OK && i < site_count; i++) {
		const struct site_settings *site = CONF_ITEM(sites, struct site_settings, i);
		if (site->tls_certificate[0] && !find(contexts, site))
			err = add(contexts, site->tls_certificate, site->tls_key, why);
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
	timer_free(&c->look);
	free(c->pairs);
	free(c);
}

struct tls_context *const *contexts_find(const struct contexts *contexts,
					 const struct site_settings *site, bool verify)
{
	const struct pair *pair = find(contexts, site);
	if (!pair)
		pair = &contexts->pairs[0];
	return verify ? &pair->verified : &pair->unverified;
}
