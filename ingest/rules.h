/* `rules:` the operator's decisions on every message of every door: its pool, tenant, campaign and priority, by what is known of it.
 * They stand above what logins, header fields and submissions ask for; `routes` decide where nobody asks.
 *
 * The first rule whose conditions all hold is the one that counts. A rule with to_domain is about single recipients, and chooses the
 * pool of those; for all else it is passed over. Pure. */
#ifndef LEVERET_INGEST_RULES_H
#define LEVERET_INGEST_RULES_H

#include "ingest/mail.h"

struct rule_conditions {
#define X(field, type, ...) conf_##type field;
#include "ingest/rule_when.def"
#undef X
};
struct rule_actions {
#define X(field, type, ...) conf_##type field;
#include "ingest/rule_then.def"
#undef X
};
struct rule_settings {
	struct rule_conditions when;
	struct rule_actions then;
};
extern const struct conf_section rules_section; /* a list of struct rule_settings */

/* What only the other sections show: pools and listeners that do not exist, a rule behind one that takes all mail. For the check of
 * the section that holds them. */
void rules_check(struct conf *conf, const struct conf_items *rules, const struct conf_items *pools,
		 bool (*is_listener)(const void *owner, const char *name), const void *owner);

/* Decides on a mail that is complete, before it is grouped. A pool that does not fit into a routing key with a very long domain is
 * passed over. Of a template no header condition holds: its header is not written yet. */
void rules_apply(const struct conf_items *rules, const struct routing *routing, struct mail *mail);

#endif
