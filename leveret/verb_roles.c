/* leveret run | ingest | worker | bouncer. */
#include <stdio.h>
#include <string.h>

#include "leveret/program.h"
#include "leveret/roles.h"
#include "leveret/verbs.h"
#include "lib/obs/log.h"

static int run_roles(const struct options *options, struct roles_options roles, const char *role)
{
	struct conf *conf = NULL;
	const char *pools[OPTIONS_MAX], *sites[OPTIONS_MAX];
	roles.settings = program_settings(options, &conf);
	if (!roles.settings)
		return EXIT_USAGE;
	roles.pools = pools;
	roles.pool_count = options_values(options, "pool", pools);
	roles.sites = sites;
	roles.site_count = options_values(options, "site", sites);
	roles.metrics = options_value(options, "metrics", roles.settings->node.metrics);
	log_init((enum log_level)roles.settings->node.log.level,
		 (enum log_format)roles.settings->node.log.format, role);
	log_event(EV_settings_loaded, F_TEXT("file", program_config_path(options)));
	int code = roles_run(&roles);
	conf_free(&conf);
	return code;
}

static int run_all(const struct options *options)
{
	return run_roles(options,
			 (struct roles_options){.ingest = true, .worker = true, .bouncer = true},
			 "leveret");
}

static int run_ingest(const struct options *options)
{
	return run_roles(options, (struct roles_options){.ingest = true}, "ingest");
}

static int run_worker(const struct options *options)
{
	return run_roles(options, (struct roles_options){.worker = true}, "worker");
}

static int run_bouncer(const struct options *options)
{
	return run_roles(options, (struct roles_options){.bouncer = true}, "bouncer");
}

/* A role's rows are the last ones of this list: the worker's are all of them. */
static const struct option_row worker_rows[] = {
	{"pool", 'p', "POOL", "take mail of this pool only; may be given several times"},
	{"site", 's', "SITE",
	 "take mail for this site only (\"tail\": all others); may be given several times"},
	{"metrics", 'm', "ADDRESS",
	 "serve /metrics, /health and /ready here instead of node.metrics; \"\" for none"},
};
#define WORKER_ROW_COUNT (sizeof worker_rows / sizeof worker_rows[0])

#define STOPPING                                                                                   \
	"SIGTERM stops it: what is in hand is finished, the rest goes back to the broker, in "     \
	"under 30 s."

const struct verb verb_run = {
	.name = "run",
	.synopsis = "",
	.summary = "all roles in one process",
	.text = "Accepts mail, delivers it and watches the results, each role on a thread of its "
		"own.\n" STOPPING,
	.rows = worker_rows,
	.row_count = WORKER_ROW_COUNT,
	.run = run_all,
};
const struct verb verb_ingest = {
	.name = "ingest",
	.synopsis = "",
	.summary = "accept mail by SMTP, HTTP and from leveret.submit",
	.text = "Listens where `listeners` says and answers 250 only when the broker has the mail. "
		"Start as many as you like.\n" STOPPING,
	.rows = &worker_rows[WORKER_ROW_COUNT - 1],
	.row_count = 1,
	.run = run_ingest,
};
const struct verb verb_worker = {
	.name = "worker",
	.synopsis = "",
	.summary = "deliver mail from the broker's queues",
	.text = "Takes delivery requests and speaks SMTP to the world. Start more for more "
		"throughput, on any host:\n\n"
		"  leveret worker                        all pools, all sites\n"
		"  leveret worker --site gmail           one ISP\n"
		"  leveret worker --pool bulk --site tail\n\n" STOPPING,
	.rows = worker_rows,
	.row_count = WORKER_ROW_COUNT,
	.run = run_worker,
};
const struct verb verb_bouncer = {
	.name = "bouncer",
	.synopsis = "",
	.summary = "turn bounces into suppressions",
	.text = "Consumes results and owns the list of suppressed addresses. Run one.\n" STOPPING,
	.rows = &worker_rows[WORKER_ROW_COUNT - 1],
	.row_count = 1,
	.run = run_bouncer,
};
