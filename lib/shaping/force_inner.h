/* Inside the table of what is in force: force.c puts entries in and takes them out, asking.c answers questions. */
#ifndef LEVERET_LIB_SHAPING_FORCE_INNER_H
#define LEVERET_LIB_SHAPING_FORCE_INNER_H

#include "lib/shaping/force.h"

#define BUCKETS 1024

struct node {
	struct shaping_entry entry; /* its texts lie behind the node */
	struct node *next;
	int64_t strengthened_ms;
	char reply[SHAPING_REPLY_MAX + 1];
	char texts[];
};

struct shaping_force {
	struct node *buckets[BUCKETS];
	size_t count;
	uint64_t last_id, refused;
	uint64_t seed;
};

/* Whom an action is for. */
struct key {
	enum shaping_action action;
	const char *site, *source, *subject;
	const char *tenant; /* of a campaign */
};

size_t force_bucket(const struct shaping_force *force, const char *name); /* of a site or a host */
struct node *force_find(const struct shaping_force *force, const struct key *key); /* NULL: none */

#endif
