/* All settings of the program: the sections of every role in one file. Loaded once at start, read-only and shared afterwards. */
#ifndef LEVERET_LEVERET_SETTINGS_H
#define LEVERET_LEVERET_SETTINGS_H

#include "bouncer/alerts/alert_settings.h"
#include "bouncer/bouncer.h"
#include "bouncer/telling/accounting_settings.h"
#include "bouncer/telling/webhook_settings.h"
#include "broker/settings.h"
#include "ingest/ingest.h"
#include "ingest/rules.h"
#include "lib/api/api_keys.h"
#include "lib/conf/conf.h"
#include "lib/returnpath/settings.h"
#include "lib/routing/routing.h"
#include "lib/shaping/settings.h"
#include "lib/tlsreport/settings.h"
#include "workers/delivery/settings.h"
#include "workers/signing/settings.h"
#include "workers/smtp/timeouts.h"
#include "workers/tls/settings.h"

struct log_settings {
#define X(field, type, ...) conf_##type field;
#include "leveret/log.def"
#undef X
};
struct node_settings {
#define X(field, type, ...) conf_##type field;
#include "leveret/node.def"
#undef X
	struct log_settings log;
};
struct settings {
#define X(field, type, ...) conf_##type field;
#include "leveret/root.def"
#undef X
	struct node_settings node;
	struct broker_settings broker;
	struct routing_settings
		routing; /* `sources`, `pools`, `sites`, `routes` at the top of the file */
	struct shaping_settings shaping;
	struct conf_items certificates; /* struct certificate_settings */
	struct conf_items listeners;	/* struct listener_settings */
	struct conf_items api_keys;	/* struct api_key_settings */
	struct conf_items rules;	/* struct rule_settings */
	struct ingest_settings ingest;
	struct mailerq_settings mailerq;
	struct worker_settings workers;
	struct conf_items retry; /* struct retry_settings; "default" is always there */
	struct resolver_settings resolver;
	struct smtp_timeouts smtp_timeouts;
	struct dkim_settings dkim;
	struct conf_items tls_domains; /* struct tls_domain_settings */
	struct dsn_settings dsn;
	struct conf_items windows; /* struct window_settings */
	struct mta_sts_settings mta_sts;
	struct tls_report_settings tls_reports;
	struct returns_settings returns;
	struct bouncer_settings bouncer;
	struct conf_items alerts;     /* struct alert_settings */
	struct conf_items webhooks;   /* struct webhook_settings */
	struct conf_items accounting; /* struct accounting_settings */
};

extern const struct conf_section settings_root;

/* conf_load with our tables. The conf is given in any case, and must be freed; *ret_settings lives in it. */
enum err settings_load(const char *path, struct conf **ret_conf,
		       const struct settings **ret_settings) MUST_USE;
/* What can be said of this host without starting: files, directories, addresses. Reports to the conf; needs one that loaded
 * without faults. Opens and closes sockets and makes no lasting change. */
void settings_check_environment(struct conf *conf);
/* docs/reference.md: the settings, the log events and the metrics. */
void settings_write_reference(FILE *out);

#endif
