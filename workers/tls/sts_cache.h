/* Policies that were fetched, in the store of this host: they hold until their age is over, whatever DNS or their hosts say meanwhile, and
 * a restart forgets none (RFC 8461 5.1). Shared by the workers of a host. */
#ifndef LEVERET_WORKERS_TLS_STS_CACHE_H
#define LEVERET_WORKERS_TLS_STS_CACHE_H

#include "lib/store/store.h"
#include "workers/tls/sts_policy.h"

#define STS_DATABASE "mta_sts"

struct sts_kept {
	char id[STS_ID_MAX + 1];
	int64_t fetched_wall_ms, ends_wall_ms;
	struct sts_policy policy;
};

struct sts_cache {
	struct store *store;
	int database;
	struct loop *loop;
};

/* False: there is none, or its age is over. */
bool sts_cache_find(const struct sts_cache *cache, const char *domain, int64_t now_wall_ms,
		    struct sts_kept *ret);
/* Later: all are copied. What cannot be written is fetched again after the next start. */
void sts_cache_keep(const struct sts_cache *cache, const char *domain, const struct sts_kept *kept,
		    struct bytes text);

#define STS_DUE_MAX 64
struct sts_due {
	size_t count;
	char domains[STS_DUE_MAX][256];
};
/* Which policies end before `ends`, or were fetched before `fetched`: some of them, after `from` in the order of names. Those that have
 * ended are dropped. */
void sts_cache_due(const struct sts_cache *cache, int64_t now_wall_ms, int64_t ends_wall_ms,
		   int64_t fetched_wall_ms, const char *from, struct sts_due *ret);

#endif
