#include "lib/api/pem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/api/certificates.h"
#include "lib/base/memory.h"

#define PEM_MAX ((size_t)1 << 20)

/* A PEM file as text; NULL with the reason. */
static char *read_file(const char *path, struct why *why)
{
	char *text = memory_new(PEM_MAX + 1);
	FILE *file = fopen(path, "re");
	size_t len = file ? fread(text, 1, PEM_MAX, file) : 0;
	bool is_good = file && !ferror(file) && feof(file);
	enum err err = OK;
	if (!is_good)
		err = fail(why, E_IO, "read %s: %s", path,
			   file && !ferror(file) ? "too long" : strerror(errno));
	text[len] = '\0';
	if (file)
		(void)fclose(file);
	if (err != OK) {
		free(text);
		text = NULL;
	}
	return text;
}

enum err pem_read(const struct conf_items *certificates, const char *certificate,
		  const char *listener, struct pem *ret, struct why *why)
{
	const struct certificate_settings *found = certificate_find(certificates, certificate);
	if (!found)
		return fail(why, E_NOT_FOUND, "listeners.%s.certificate: there is none \"%s\"",
			    listener, certificate);
	ret->chain = read_file(found->chain, why);
	if (ret->chain)
		ret->key = read_file(found->key, why);
	if (!ret->chain || !ret->key)
		return E_IO;
	struct bytes parts[] = {bytes_of(ret->chain), bytes_of(ret->key)};
	ret->digest = digest_of_parts(parts, 2);
	return OK;
}

void pem_done(struct pem *pem)
{
	free(pem->chain);
	if (pem->key)
		explicit_bzero(pem->key, strlen(pem->key));
	free(pem->key);
}
