/* All shaping rules in the order they are asked: the site's own, those of `default`, the built-in ones of the provider, the built-in ones
 * for everybody. Made once from the settings and read-only from then on: any thread. */
#ifndef LEVERET_LIB_SHAPING_RULES_H
#define LEVERET_LIB_SHAPING_RULES_H

#include <stdio.h>

#include "lib/shaping/action.h"

/* A reply, or the failure that stands in its place, and where it came from. Texts are never NULL; "" where unknown. */
struct shaping_facts {
	const char *site, *source; /* names */
	const char *host;	   /* the MX host's name */
	const char *tenant, *campaign;
	const char *step;     /* as results call it: "greeting", "rcpt" */
	unsigned code;	      /* 0: none came */
	uint16_t enhanced[3]; /* all 0: none */
	struct bytes text;    /* as struct reply has it: without the codes */
	int64_t now_ms;	      /* any clock that does not go back, the same one for all calls */
};

struct shaping_site { /* `sites.<name>.replies` */
	const char *name;
	const struct conf_items *replies;
};

#define SHAPING_ALERT "alert " /* and its name: what stands for a rule in words of the bouncer */

struct shaping_rules;

/* Borrows the settings and all names. Sites without replies may be left out. faults: where faults of built-in files are told; may be
 * NULL. E_MALFORMED, E_TOO_BIG: the patterns, with the rule. */
enum err shaping_rules_new(const struct shaping_settings *settings,
			   const struct shaping_site *sites, size_t site_count,
			   struct shaping_rules **ret, FILE *faults, struct why *why) MUST_USE;
void shaping_rules_free(struct shaping_rules **rules);
bool shaping_rules_has(const struct shaping_rules *rules, const char *name);
/* May an entry by this name stay or come in force? Alerts are the bouncer's, who has their settings. */
bool shaping_rules_know(const struct shaping_rules *rules, const char *name);
size_t shaping_rules_count(const struct shaping_rules *rules);

#endif
