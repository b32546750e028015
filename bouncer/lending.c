/* See lending.h. What was appended is in the copy a moment later, so the last word for each queue is kept here too. */
#include "bouncer/lending.h"

#include <stdio.h>
#include <string.h>

#include "broker/learned_sites.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/routing/lent.h"

#define LENT_MIN_MS 1000
#define LENT_MAX_MS INT64_C(86400000)
#define REST_MS	    2000 /* before another domain gets it: mail of the first goes back to the tail */

struct loan {
	char domain[ROUTING_NAME_MAX + 1]; /* "": nobody's yet */
	int64_t until_wall_ms;
};

struct lending {
	struct appender *appender;
	struct replica *sites;
	const struct routing *routing;
	struct loan loans[LENT_MAX];
};

bool lending_is_asked(const struct directive *lesson)
{
	char site[ROUTING_NAME_MAX + 1];
	return bytes_to_cstr(lesson->site, site, sizeof site) &&
	       (strcmp(site, LENT_ANY) == 0 || lent_index(site) >= 0);
}

/* The later of what the copy says and what was said here. */
static struct loan *loan_of(struct lending *lending, int index)
{
	struct loan *loan = &lending->loans[index];
	struct learned_site row;
	char key[ROUTING_NAME_MAX + 1];
	learned_slot_key(index, key);
	if (learned_site_read(lending->sites, key, &row) == OK &&
	    row.until_wall_ms > loan->until_wall_ms) {
		memcpy(loan->domain, row.domain, sizeof loan->domain);
		loan->until_wall_ms = row.until_wall_ms;
	}
	return loan;
}

static bool is_known(const struct lending *lending, int index)
{
	char name[ROUTING_NAME_MAX + 1];
	lent_name(index, name);
	return routing_known_site(lending->routing, name) != NULL;
}

/* The domain's own, else the first that is free; -1: none is. */
static int choose(struct lending *lending, const char *domain, int64_t wall_ms)
{
	int chosen = -1;
	for (int i = 0; i < LENT_MAX && is_known(lending, i); i++) {
		const struct loan *loan = loan_of(lending, i);
		if (strcmp(loan->domain, domain) == 0 && loan->until_wall_ms > wall_ms)
			return i;
		if (chosen < 0 && loan->until_wall_ms + REST_MS <= wall_ms)
			chosen = i;
	}
	return chosen;
}

static void on_slot_kept(void *owner, enum err err)
{
	(void)owner, (void)err; /* the next word of a worker tells it again */
}

static void append(const struct lending *lending, const char *key, const struct directive *row,
		   int64_t wall_ms, void (*done)(void *owner, enum err err), void *owner)
{
	struct buf value;
	buf_init(&value, REPLICA_VALUE_MAX);
	if (directive_encode(row, &value)) {
		buf_done(&value);
		done(owner, E_TOO_BIG);
		return;
	}
	const struct table_entry entry = {
		.key = bytes_of(key), .value = buf_bytes(&value), .version = (uint64_t)wall_ms};
	appender_append(lending->appender, LEARNED_SITES_TABLE, &entry, done, owner);
	buf_done(&value);
}

static void lend(struct lending *lending, int index, const struct directive *lesson,
		 const char *domain, int64_t wall_ms, void (*done)(void *owner, enum err err),
		 void *owner)
{
	struct loan *loan = &lending->loans[index];
	char site[ROUTING_NAME_MAX + 1], key[ROUTING_NAME_MAX + 1];
	int64_t for_ms = lesson->until_wall_ms - wall_ms;
	for_ms = for_ms < LENT_MIN_MS ? LENT_MIN_MS : for_ms > LENT_MAX_MS ? LENT_MAX_MS : for_ms;
	lent_name(index, site);
	learned_slot_key(index, key);
	if (strcmp(loan->domain, domain) != 0 || loan->until_wall_ms <= wall_ms)
		log_event(EV_queue_lent, F_TEXT("domain", domain), F_TEXT("site", site),
			  F_BYTES("by", lesson->by));
	(void)snprintf(loan->domain, sizeof loan->domain, "%s", domain);
	loan->until_wall_ms = wall_ms + for_ms;
	const struct directive row = {.kind = DIRECTIVE_LEARN,
				      .site = bytes_of(site),
				      .domain = bytes_of(domain),
				      .by = lesson->by,
				      .until_wall_ms = loan->until_wall_ms};
	append(lending, key, &row, wall_ms, on_slot_kept, NULL);
	append(lending, domain, &row, wall_ms, done, owner);
}

void lending_note(struct lending *lending, const struct directive *lesson, const char *domain,
		  int64_t wall_ms, void (*done)(void *owner, enum err err), void *owner)
{
	char site[ROUTING_NAME_MAX + 1];
	int index = replica_is_complete(lending->sites) ? choose(lending, domain, wall_ms) : -1;
	bool is_again = bytes_to_cstr(lesson->site, site, sizeof site) && lent_index(site) >= 0;
	if (index < 0 || (is_again && lent_index(site) != index))
		done(owner, OK);
	else
		lend(lending, index, lesson, domain, wall_ms, done, owner);
}

struct lending *lending_new(struct appender *appender, struct replica *sites,
			    const struct routing *routing)
{
	struct lending *lending = memory_new(sizeof *lending);
	lending->appender = appender;
	lending->sites = sites;
	lending->routing = routing;
	return lending;
}

void lending_free(struct lending **lending)
{
	free(*lending);
	*lending = NULL;
}
