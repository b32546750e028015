/* Inside the resolver: resolver.c (libunbound's contexts, and whether they validate) and lookup.c (look-ups), and nobody else. */
#ifndef LEVERET_LIB_NET_RESOLVER_INNER_H
#define LEVERET_LIB_NET_RESOLVER_INNER_H

#include <sys/queue.h>
#include <sys/time.h>
#include <unbound.h>

#include <unbound-event.h>

#include "lib/net/resolver.h"

struct question {
	struct lookup *lookup; /* NULL: nobody waits */
	LIST_ENTRY(question) link;
};

struct resolver {
	struct loop *loop;
	struct ub_event_base *events;
	struct ub_ctx *unbound; /* that is asked */
	int64_t timeout_ms;
	LIST_HEAD(, lookup) lookups;
	LIST_HEAD(, question) questions;

	bool is_validating;
	bool is_held;		  /* look-ups wait: it is not known yet who is asked */
	struct ub_ctx *candidate; /* that validates, while it is tried; NULL: none */
	struct ub_ctx *retired;	  /* still answers what it was asked */
	char **servers;		  /* for later candidates */
	size_t server_count;
	char *anchor;
	struct timer *probe_timer; /* the end of a trial, or the next one */
	struct task told;
	char fault[512]; /* why it does not validate */
	void (*validation_known)(void *owner, bool is_validating, const char *why);
	void *owner;
};

/* lookup.c */
void lookups_ask(struct resolver *resolver); /* those that were held */

#endif
