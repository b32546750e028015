/* leveret site list: the sites of the settings, the domains that each has, listed and learned, and its limits.
 *
 *   rows of directives -> learned sites -> told */
#include <stdio.h>
#include <string.h>

#include "leveret/learning.h"
#include "leveret/siting.h"
#include "leveret/suspending.h"
#include "leveret/verbs.h"
#include "lib/base/memory.h"
#include "lib/conf/units.h"

#define LIMIT_MS 20000

struct site_list {
	struct suspending suspending; /* first */
	struct learning *learning;
	size_t *learned_counts; /* of each site of the settings */
	const char *site;	/* whose learned domains are told now */
	const char *between;
	bool as_json, tells_domains;
};

static void count(void *owner, const struct site_lesson *lesson)
{
	struct errand *errand = owner;
	const struct site_list *list = errand->owner;
	const struct conf_items *sites = &errand->settings->routing.sites;
	for (size_t i = 0; i < sites->count; i++)
		if (bytes_is(lesson->directive.site,
			     CONF_ITEM(sites, struct site_settings, i)->name))
			list->learned_counts[i]++;
}

/* With what was changed at run time. */
static struct site_settings in_force(const struct errand *errand, const struct site_settings *site)
{
	const struct site_list *list = errand->owner;
	struct site_settings settings = *site;
	site_limits_fill(list->suspending.limits, site->name, loop_wall_ms(errand->loop),
			 &settings);
	return settings;
}

static bool is_limited(const struct errand *errand, const struct site_settings *site)
{
	const struct site_list *list = errand->owner;
	const struct site_limit *row =
		site_limits_of(list->suspending.limits, bytes_of(site->name));
	return row && site_limit_is_in_force(row, loop_wall_ms(errand->loop));
}

/* ---- domains ---- */

static void tell_domain(void *owner, const struct site_lesson *lesson)
{
	struct site_list *list = owner;
	if (!bytes_is(lesson->directive.site, list->site))
		return;
	if (list->as_json)
		(void)printf("%s\"%s\"", list->between, lesson->domain);
	else
		(void)printf("  %s (learned)\n", lesson->domain);
	list->between = ",";
}

static void tell_lines(const conf_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		(void)printf("  %s\n", texts->items[i]);
}

static void tell_texts(struct site_list *list, const char *name, const conf_texts *texts)
{
	if (!list->as_json) {
		tell_lines(texts);
		return;
	}
	(void)printf(",\"%s\":[", name);
	for (size_t i = 0; i < texts->count; i++)
		(void)printf("%s\"%s\"", i > 0 ? "," : "", texts->items[i]);
	(void)printf("]");
}

static void tell_domains(struct site_list *list, const struct site_settings *site)
{
	tell_texts(list, "domains", &site->domains);
	tell_texts(list, "mx", &site->mx);
	list->site = site->name;
	list->between = "";
	(void)printf(list->as_json ? ",\"learned_domains\":[" : "");
	learning_each(list->learning, tell_domain, list);
	(void)printf(list->as_json ? "]" : "");
}

/* ---- sites ---- */

static void tell_json(const struct errand *errand, const struct site_settings *site, size_t index)
{
	const struct site_list *list = errand->owner;
	const struct site_settings now = in_force(errand, site);
	char rate[UNITS_TEXT_SIZE], connect_rate[UNITS_TEXT_SIZE];
	units_write_rate(now.rate, rate);
	units_write_rate(now.connect_rate, connect_rate);
	(void)printf("%s{\"site\":\"%s\",\"own_queue\":%s,\"domain_count\":%zu,\"mx_count\":%zu,"
		     "\"learned_count\":%zu,\"connections\":%lld,\"rate\":\"%s\",\"connect_rate\":"
		     "\"%s\",\"limited\":%s",
		     index > 0 ? ",\n" : "", site->name, site_has_queue(site) ? "true" : "false",
		     site->domains.count, site->mx.count, list->learned_counts[index],
		     (long long)now.connections, rate, connect_rate,
		     is_limited(errand, site) ? "true" : "false");
}

static void tell_text(const struct errand *errand, const struct site_settings *site, size_t index)
{
	const struct site_list *list = errand->owner;
	const struct site_settings now = in_force(errand, site);
	char rate[UNITS_TEXT_SIZE];
	units_write_rate(now.rate, rate);
	(void)printf("%-24s %-5s %8zu %8zu %12lld %12s%s\n", site->name,
		     site_has_queue(site) ? "own" : "tail", site->domains.count,
		     list->learned_counts[index], (long long)now.connections, rate,
		     is_limited(errand, site) ? "  limited" : "");
}

static void tell(struct errand *errand)
{
	struct site_list *list = errand->owner;
	const struct conf_items *sites = &errand->settings->routing.sites;
	list->learned_counts = memory_array(sites->count, sizeof *list->learned_counts);
	learning_each(list->learning, count, errand);
	if (list->as_json)
		(void)printf("[");
	else
		(void)printf("%-24s %-5s %8s %8s %12s %12s\n", "site", "queue", "domains",
			     "learned", "connections", "rate");
	for (size_t i = 0; i < sites->count; i++) {
		const struct site_settings *site = CONF_ITEM(sites, struct site_settings, i);
		if (list->as_json)
			tell_json(errand, site, i);
		else
			tell_text(errand, site, i);
		if (list->tells_domains)
			tell_domains(list, site);
		(void)printf(list->as_json ? "}" : "");
	}
	(void)printf(list->as_json ? "]\n" : "");
	errand_end(errand, EXIT_DONE);
}

static void on_rows(struct errand *errand)
{
	struct site_list *list = errand->owner;
	list->learning = learning_new(errand, tell);
}

static void finish(struct errand *errand)
{
	struct site_list *list = errand->owner;
	learning_free(&list->learning);
	free(list->learned_counts);
	suspending_finish(errand);
}

static int run(const struct options *options)
{
	struct site_list list = {.suspending = {.told = on_rows},
				 .as_json = options_has(options, "json"),
				 .tells_domains = options_has(options, "domains")};
	struct errand errand = {.begin = suspending_begin, .finish = finish, .owner = &list};
	return errand_run(&errand, options, LIMIT_MS);
}

static const struct option_row rows[] = {
	{"domains", 'd', NULL, "each with its domains, MX patterns and learned domains"},
};

const struct verb verb_site_list = {
	.name = "site list",
	.synopsis = "",
	.summary = "sites, how many domains each has, and its limits",
	.text = "The sites of the settings and the built-in ones: whether each has a queue of its "
		"own for each pool or goes by the tail, how many domains\nit lists, how many were "
		"learned by their MX hosts, and its limits in force. \"default\" is every other "
		"domain, each for itself.",
	.rows = rows,
	.row_count = CONF_COUNT(rows),
	.run = run,
};
