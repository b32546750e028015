/* A listener's certificate and key as text, for a TLS library that wants text. */
#ifndef LEVERET_LIB_API_PEM_H
#define LEVERET_LIB_API_PEM_H

#include "lib/base/err.h"
#include "lib/conf/conf.h"
#include "lib/crypto/digest.h"

struct pem { /* all zeros: none */
	char *chain, *key;
	struct digest digest; /* of both */
};
/* The entry `certificate` of `certificates`, for a listener of that name. pem_done() in any case. */
enum err pem_read(const struct conf_items *certificates, const char *certificate,
		  const char *listener, struct pem *ret, struct why *why) MUST_USE;
void pem_done(struct pem *pem);

#endif
