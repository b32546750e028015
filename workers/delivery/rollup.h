/* Which site a domain belongs to by its MX hosts, asked of the DNS and remembered for a while, at most ROLLUP_DOMAINS_MAX domains. Lives on
 * one loop. */
#ifndef LEVERET_WORKERS_DELIVERY_ROLLUP_H
#define LEVERET_WORKERS_DELIVERY_ROLLUP_H

#include "lib/net/resolver.h"
#include "lib/routing/routing.h"

#define ROLLUP_DOMAINS_MAX 50000
#define ROLLUP_KNOWN_MS	   600000
#define ROLLUP_FAILED_MS   30000 /* nobody knows: asked again sooner */

struct rollup;
/* All borrowed. */
struct rollup *rollup_new(struct loop *loop, struct resolver *resolver,
			  const struct routing *routing);
void rollup_free(struct rollup **rollup); /* every question was answered or cancelled */

struct rollup_finding {
	bool is_found;	  /* the domain has MX records, and these say: */
	const char *site; /* of the routing; NULL: none, it is in the tail */
	bool is_told;	  /* for the asker: set once it has told of it */
};
/* Of a canonical domain, what is remembered: borrowed until the turn ends. NULL: it is to be asked for. */
struct rollup_finding *rollup_find(struct rollup *rollup, const char *domain);

struct rollup_question;
/* `done` comes once, never from inside this call, and not after a cancel. The finding is borrowed until it returns. */
struct rollup_question *rollup_ask(struct rollup *rollup, const char *domain,
				   void (*done)(void *owner, struct rollup_finding *finding),
				   void *owner);
void rollup_cancel(struct rollup_question **question); /* NULL allowed */

/* Pure: the site of an answer. */
const char *rollup_site_of(const struct routing *routing, const struct mx_answer *answer);

#endif
