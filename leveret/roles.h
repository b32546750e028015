/* Running roles: each on a thread with a loop of its own; the main thread keeps signals and /metrics. */
#ifndef LEVERET_LEVERET_ROLES_H
#define LEVERET_LEVERET_ROLES_H

#include "leveret/settings.h"
#include "lib/base/err.h"

#define ROLES_MAX 3

struct roles_options {
	const struct settings *settings;
	bool ingest, worker, bouncer;
	const char *const *pools; /* of the worker; count 0: all */
	size_t pool_count;
	const char *const *sites;
	size_t site_count;
	const char *metrics; /* endpoint of /metrics and /health; "": none */
};

/* Starts the roles, runs until SIGTERM or SIGINT, drains, and gives the exit code. */
int roles_run(const struct roles_options *options);

#endif
