/* The TLSA records of one host, by up to three look-ups one after the other (RFC 7672 2.2). */
#ifndef LEVERET_WORKERS_TLS_TLSA_SEARCH_H
#define LEVERET_WORKERS_TLS_TLSA_SEARCH_H

#include "workers/tls/policy.h"

struct tlsa_search;
/* `done` comes once, later; the finding is borrowed until it returns. Not after a cancel. NULL: there is nothing to ask for. */
struct tlsa_search *tlsa_search_start(struct resolver *resolver, const char *host, uint16_t port,
				      bool is_proven, const struct address_answer *addresses,
				      void (*done)(void *owner, const struct tlsa_finding *finding),
				      void *owner);
void tlsa_search_cancel(struct tlsa_search **search); /* NULL allowed */

/* A copy with records of its own. */
struct tlsa_finding *tlsa_finding_copy(const struct tlsa_finding *finding);
void tlsa_finding_free(struct tlsa_finding **finding); /* NULL allowed */

#endif
