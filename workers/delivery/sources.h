/* Which address mail leaves from: sources of a pool take turns by their weights. Lives on one loop. */
#ifndef LEVERET_WORKERS_DELIVERY_SOURCES_H
#define LEVERET_WORKERS_DELIVERY_SOURCES_H

#include "lib/net/address.h"
#include "lib/routing/routing.h"
#include "workers/smtp/dial.h"

struct source {
	const char *name;
	struct net_address address; /* port 0; len 0: the system chooses */
	const char *helo;
	struct egress_proxy proxy;	      /* no address: none */
	const struct warmup_settings *warmup; /* NULL: it is warm */
	bool is_elsewhere;		      /* another host has its address */
	int64_t messages_per_connection, recipients_per_transaction; /* 0: no limit of its own */
};

struct sources;
/* Borrows routing and hostname. Fails on an address that is none. */
enum err sources_new(const struct routing *routing, const char *hostname, struct sources **ret,
		     struct why *why) MUST_USE;
void sources_free(struct sources **sources);
/* False for a pool all of whose sources other hosts have: its mail is theirs. */
bool sources_serve(const struct sources *sources, const char *pool);
/* Those for which `is_out` says so are passed over from now on, while the pool has another. NULL: none is. */
void sources_pass_over(struct sources *sources,
		       bool (*is_out)(void *owner, const struct source *source, const char *pool,
				      const char *site),
		       void *owner);
bool sources_is_out(const struct sources *sources, const struct source *source, const char *pool,
		    const char *site);
/* The next source of a pool for mail to a site; an unknown pool takes the source "default". Lives as long as `sources`. */
const struct source *sources_next(struct sources *sources, const char *pool, const char *site);
/* The index-th source of a pool; NULL behind the last. */
const struct source *sources_of_pool(const struct sources *sources, const char *pool, size_t index);

/* Smooth weighted round robin: of weights 3 and 1, the second comes after every three of the first, never in bursts. `credit` (zeroed at
 * first) is its memory. Weights are positive. Pure. */
size_t wheel_next(int64_t *credit, const int64_t *weights, size_t count);

#endif
