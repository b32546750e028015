/* The worker role: takes delivery requests from the queues it was given, speaks SMTP to the world, publishes results and retries,
 * then settles. Lives on one loop; more throughput is more processes. */
#ifndef LEVERET_WORKERS_WORKER_H
#define LEVERET_WORKERS_WORKER_H

#include "broker/node.h"
#include "lib/returnpath/settings.h"
#include "lib/tlsreport/settings.h"
#include "workers/delivery/settings.h"
#include "workers/signing/settings.h"
#include "workers/smtp/timeouts.h"
#include "workers/tls/settings.h"

struct worker_options {
	struct node node;
	const struct worker_settings *settings;
	const struct smtp_timeouts *timeouts;
	const struct resolver_settings *resolver;
	const struct shaping_settings *shaping;
	const struct conf_items *retry; /* struct retry_settings */
	const struct dsn_settings *dsn;
	const struct conf_items *windows; /* struct window_settings */
	const struct dkim_settings *dkim;
	const struct conf_items *tls_domains; /* struct tls_domain_settings */
	const struct mta_sts_settings *mta_sts;
	const struct returns_settings *returns;
	const struct tls_report_settings *tls_reports;
	const char *const *pools; /* --pool; count 0: all */
	size_t pool_count;
	const char *const *sites; /* --site; "tail" names the tail; count 0: all */
	size_t site_count;
};

struct worker;
enum err worker_start(const struct worker_options *options, struct worker **ret,
		      struct why *why) MUST_USE;
/* Take nothing new, finish open transactions, publish their results, settle, then call `stopped`; gives up after 25 s. */
void worker_stop(struct worker *worker, void (*stopped)(void *owner), void *owner);
void worker_free(struct worker **worker);

#endif
