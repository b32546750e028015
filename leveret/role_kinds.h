/* The three roles that a thread can run, as one table each: how it is started with the settings, told to stop, freed. On the role's own
 * thread. */
#ifndef LEVERET_LEVERET_ROLE_KINDS_H
#define LEVERET_LEVERET_ROLE_KINDS_H

#include "broker/node.h"
#include "leveret/roles.h"

union running_role { /* which one, its kind tells */
	struct ingest *ingest;
	struct worker *worker;
	struct bouncer *bouncer;
};

struct role_kind {
	const char *name;
	enum err (*start)(union running_role *role, const struct roles_options *given,
			  const struct node *node, struct why *why);
	void (*stop)(union running_role *role, void (*stopped)(void *owner), void *owner);
	void (*free)(union running_role *role);
	int64_t head_start_ms; /* at its end, before the next one is told */
	void (*reload)(
		union running_role *role); /* read again what may change; NULL: nothing may */
};

extern const struct role_kind role_ingest, role_worker, role_bouncer;

#endif
