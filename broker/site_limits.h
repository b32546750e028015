/* Limits of sites that operators changed at run time: the LIMIT rows of the table of directives, in memory. One row per site (a named
 * one, or a domain of the tail): a new one takes the place of the one before, one without words lifts it. Pure but for
 * site_limits_read(); used on one thread. */
#ifndef LEVERET_BROKER_SITE_LIMITS_H
#define LEVERET_BROKER_SITE_LIMITS_H

#include "broker/replica.h"
#include "lib/routing/routing.h"
#include "schemas/schemas.h"

struct site_limit {
	struct directive directive; /* until_wall_ms 0: until it is lifted */
	uint64_t version;
};

struct site_limits;
struct site_limits *site_limits_new(void);
void site_limits_free(struct site_limits **limits);
/* An entry of the table, copied; others than limits are passed over, and an older version of a site's row. */
void site_limits_note(struct site_limits *limits, const struct table_entry *entry);
/* All of them anew. When the copy cannot be read, what was known stays. */
void site_limits_read(struct site_limits *limits, struct replica *directives);

/* Rows in order of their coming, lifted and expired ones too; NULL behind the last. */
const struct site_limit *site_limits_at(const struct site_limits *limits, size_t index);
const struct site_limit *site_limits_of(const struct site_limits *limits, struct bytes site);
bool site_limit_is_in_force(const struct site_limit *limit, int64_t now_wall_ms);

/* What is in force for a site, put over its settings. Words that are not understood, as of a newer program, change nothing. */
void site_limits_fill(const struct site_limits *limits, const char *site, int64_t now_wall_ms,
		      struct site_settings *into);

#endif
