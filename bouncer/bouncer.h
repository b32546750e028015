/* The bouncer role: classifies every result, turns some into suppressions as the policies say, tells others of all of it, owns the
 * suppressions table (its LMDB is the truth, the table carries it to every node), and obeys operators' directives on it. Recalls of
 * campaigns go through it into the table of directives. Lives on one loop.
 *
 *   bouncer/classification  which class a reply is of, and counting them      bouncer/telling  events for others
 *   bouncer/alerts          rates that are too high, brakes
 *   bouncer/suppressions    policies, counts, the ledger, changing many      bouncer/inbound  what comes back by mail
 *   bouncer/tlsreports      reports on TLS to other domains                  bouncer/http     the HTTP API */
#ifndef LEVERET_BOUNCER_BOUNCER_H
#define LEVERET_BOUNCER_BOUNCER_H

#include "bouncer/http/settings.h"
#include "bouncer/suppressions/policy.h"
#include "broker/node.h"
#include "lib/net/resolver.h"
#include "lib/returnpath/settings.h"
#include "lib/tlsreport/settings.h"

struct bouncer_settings { /* the `bouncer:` section */
#define X(field, type, ...) conf_##type field;
#include "bouncer/bouncer.def"
#undef X
	struct conf_items policies; /* struct policy_settings */
	struct safety_settings safety;
	struct conf_items listeners; /* struct bouncer_listener_settings */
};
extern const struct conf_section bouncer_section;

struct bouncer_options {
	struct node node;
	const struct bouncer_settings *settings;
	const struct conf_items *webhooks; /* struct webhook_settings; NULL: none */
	const struct conf_items *alerts;   /* struct alert_settings; NULL: those shipped */
	/* Both NULL where no rules of shaping are; `sites` are struct site_settings. */
	const struct shaping_settings *shaping;
	const struct conf_items *sites;
	const struct conf_items *accounting; /* struct accounting_settings; NULL: none */
	const struct resolver_options
		*resolver; /* of webhooks' hosts; copied; NULL: nobody reads events here */
	const struct returns_settings *returns;
	const struct tls_report_settings *tls_reports; /* NULL: none */
	/* Both NULL where there are no listeners. */
	const struct conf_items *certificates; /* struct certificate_settings */
	const struct conf_items *api_keys;     /* struct api_key_settings */
};

/* Databases of its store, <data_dir>/bouncer: for those who look into it from outside. */
extern const char *const bouncer_databases[];
extern const size_t bouncer_database_count;

struct bouncer;
enum err bouncer_start(const struct bouncer_options *options, struct bouncer **ret,
		       struct why *why) MUST_USE;
void bouncer_stop(struct bouncer *bouncer, void (*stopped)(void *owner), void *owner);
void bouncer_free(struct bouncer **bouncer);
void bouncer_reload(
	struct bouncer *bouncer); /* rules of classification, certificates, accounting files */

#endif
