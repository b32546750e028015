/* What the verbs of DKIM share: the keys of the settings, one after the other, and how records are printed. */
#ifndef LEVERET_LEVERET_DKIM_KEYS_H
#define LEVERET_LEVERET_DKIM_KEYS_H

#include "leveret/program.h"
#include "workers/signing/keyring.h"

#define DKIM_NAME_MAX 400 /* "selector._domainkey.domain" */

struct dkim_published { /* a key and where its record belongs */
	char name[DKIM_NAME_MAX];
	const char *domain, *selector;
	struct signing_key *key; /* NULL: `why` */
	struct why why;
};

/* Reads the keys of one domain, or of all (NULL), into an array that dkim_published_free() takes. */
size_t dkim_published_read(const struct dkim_settings *settings, const char *domain,
			   struct dkim_published **ret);
void dkim_published_free(struct dkim_published **keys, size_t count);

#endif
