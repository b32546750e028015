/* leveret site explain: what holds for mail to a domain, and which setting, or whose word, says so.
 *
 *   rows of directives -> learned sites -> told, a fact at a time */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "leveret/learning.h"
#include "leveret/siting.h"
#include "leveret/suspending.h"
#include "leveret/verbs.h"
#include "lib/conf/units.h"
#include "lib/mail/address.h"
#include "lib/routing/limiting.h"
#include "workers/tls/policy.h"

#define LIMIT_MS  20000
#define TEXT_ROOM 600

struct explain {
	struct suspending suspending; /* first */
	struct learning *learning;
	const struct options *options;
	char domain[ADDRESS_DOMAIN_MAX + 1], from[ADDRESS_DOMAIN_MAX + 1];
	char site[ROUTING_NAME_MAX + 2];
	const struct site_settings *settings;
	const char *between;
	bool as_json;
};

/* ---- facts ---- */

/* `setting` is the path of what says so, "" where it is none; `at` where it stands, or who said it. */
static void fact(struct explain *explain, const char *what, const char *value, const char *setting,
		 const char *at)
{
	if (!explain->as_json) {
		(void)printf("%-26s %-24s %s%s%s%s\n", what, value[0] ? value : "-", setting,
			     setting[0] && at[0] ? " (" : "", at, setting[0] && at[0] ? ")" : "");
		return;
	}
	(void)printf("%s{", explain->between);
	siting_json_text("what", bytes_of(what));
	(void)printf(",");
	siting_json_text("value", bytes_of(value));
	(void)printf(",");
	siting_json_text("setting", bytes_of(setting));
	(void)printf(",");
	siting_json_text("at", bytes_of(at));
	(void)printf("}");
	explain->between = ",";
}

static void fact_of_setting(const struct errand *errand, const char *what, const char *value,
			    const char *setting)
{
	char at[TEXT_ROOM];
	conf_origin(errand->conf, setting, at, sizeof at);
	fact(errand->owner, what, value, setting, at);
}

/* ---- route, pool, site ---- */

static void tell_route(const struct errand *errand)
{
	struct explain *explain = errand->owner;
	static const char *const actions[] = {"send", "discard", "bounce", "defer"};
	const struct route_settings *route =
		routing_route(errand->routing, explain->from, explain->domain);
	const char *pool =
		routing_choose_pool(errand->routing, NULL, explain->from, explain->domain);
	char path[TEXT_ROOM] = "pools.default";
	if (route) {
		(void)snprintf(path, sizeof path, "routes[%zu]",
			       (size_t)(route - CONF_ITEM(&errand->settings->routing.routes,
							  struct route_settings, 0)));
		fact_of_setting(errand, "route",
				route->host[0] ? route->host : actions[route->action], path);
	} else {
		fact(explain, "route", "MX records of the domain", "", "no route matches");
	}
	if (!route || !route->pool[0])
		(void)snprintf(path, sizeof path, "pools.default");
	fact_of_setting(errand, "pool", pool, path);
}

static void set_site(const struct errand *errand, const char *name)
{
	struct explain *explain = errand->owner;
	(void)snprintf(explain->site, sizeof explain->site, "%s", name);
	explain->settings = routing_site_settings(errand->routing, explain->site);
}

/* Listed, else learned, else the domain for itself. */
static void tell_site(const struct errand *errand)
{
	struct explain *explain = errand->owner;
	char path[TEXT_ROOM], at[TEXT_ROOM], key[ROUTING_NAME_MAX + 2];
	const char *listed = routing_named_site(errand->routing, explain->domain);
	const struct site_lesson *lesson = learning_of(explain->learning, explain->domain);
	const char *learned = NULL;
	if (lesson && bytes_to_cstr(lesson->directive.site, key, sizeof key))
		learned = routing_known_site(errand->routing, key);
	if (listed) {
		set_site(errand, listed);
		(void)snprintf(path, sizeof path, "sites.%s.domains", listed);
		fact_of_setting(errand, "site", listed, path);
	} else if (learned) {
		set_site(errand, learned);
		(void)snprintf(path, sizeof path, "sites.%s.mx", learned);
		(void)snprintf(at, sizeof at, "learned by %.*s", BYTES_ARGS(lesson->directive.by));
		fact(explain, "site", learned, path, at);
	} else {
		routing_site_key(errand->routing, explain->domain, key);
		set_site(errand, key);
		fact(explain, "site", explain->site, "sites.default",
		     "no site lists it, and no worker found its MX hosts to be a site's");
	}
}

static void tell_queue(const struct errand *errand)
{
	struct explain *explain = errand->owner;
	bool is_named = strcmp(explain->settings->name, explain->site) == 0;
	char path[TEXT_ROOM];
	(void)snprintf(path, sizeof path, "sites.%s.own_queue", explain->settings->name);
	if (is_named)
		fact_of_setting(errand, "queue",
				explain->settings->own_queue ? "of its own" : "the tail", path);
	else
		fact(explain, "queue", "the tail", "", "it belongs to no named site");
}

/* ---- what its site says ---- */

static void tell_field(const struct errand *errand, const struct conf_field *field,
		       const struct site_settings *in_force)
{
	const struct explain *explain = errand->owner;
	const struct site_limit *row =
		site_limits_of(explain->suspending.limits, bytes_of(explain->site));
	char path[TEXT_ROOM], value[UNITS_TEXT_SIZE], at[TEXT_ROOM];
	int64_t number, set;
	memcpy(&number, (const char *)in_force + field->offset, sizeof number);
	memcpy(&set, (const char *)explain->settings + field->offset, sizeof set);
	if (field->type == CONF_rate)
		units_write_rate(number, value);
	else
		units_write_number(number, value);
	(void)snprintf(path, sizeof path, "sites.%s.%s", explain->settings->name, field->name);
	if (number == set || !row) {
		fact_of_setting(errand, field->name, value, path);
		return;
	}
	(void)snprintf(at, sizeof at, "by %.*s", BYTES_ARGS(row->directive.by));
	fact(errand->owner, field->name, value, "leveret site limit", at);
}

static bool is_limit(const char *name)
{
	for (size_t i = 0; limiting_names[i]; i++)
		if (strcmp(limiting_names[i], name) == 0)
			return true;
	return false;
}

static void tell_limits(const struct errand *errand)
{
	const struct explain *explain = errand->owner;
	struct site_settings in_force = *explain->settings;
	site_limits_fill(explain->suspending.limits, explain->site, loop_wall_ms(errand->loop),
			 &in_force);
	for (size_t i = 0; i < sites_section.field_count; i++)
		if (is_limit(sites_section.fields[i].name))
			tell_field(errand, &sites_section.fields[i], &in_force);
}

static void tell_tls(const struct errand *errand)
{
	const struct explain *explain = errand->owner;
	static const char *const levels[] = {"none", "opportunistic", "required", "verified"};
	const struct conf_items *entries = &errand->settings->tls_domains;
	const struct tls_wish wish = tls_wish_of(entries, explain->settings, explain->domain);
	char of[TEXT_ROOM], path[TEXT_ROOM + 20];
	const char *prefix = "tls_";
	(void)snprintf(of, sizeof of, "sites.%s", explain->settings->name);
	for (size_t i = entries->count; i-- > 0;)
		if (routing_pattern_matches(
			    CONF_ITEM(entries, struct tls_domain_settings, i)->domain,
			    explain->domain)) {
			(void)snprintf(of, sizeof of, "tls_domains[%zu]", i);
			prefix = "";
		}
	(void)snprintf(path, sizeof path, "%s.tls", of);
	fact_of_setting(errand, "tls", levels[wish.level], path);
	(void)snprintf(path, sizeof path, "%s.%sdane", of, prefix);
	fact_of_setting(errand, "tls_dane", wish.dane ? "yes" : "no", path);
	(void)snprintf(path, sizeof path, "%s.%smta_sts", of, prefix);
	fact_of_setting(errand, "tls_mta_sts", wish.mta_sts ? "yes" : "no", path);
}

static void tell_rest(const struct errand *errand)
{
	const struct explain *explain = errand->owner;
	const struct site_settings *site = explain->settings;
	char path[TEXT_ROOM], count[UNITS_TEXT_SIZE];
	(void)snprintf(path, sizeof path, "sites.%s.retry", site->name);
	fact_of_setting(errand, "retry", site->retry, path);
	(void)snprintf(path, sizeof path, "sites.%s.window", site->name);
	fact_of_setting(errand, "window", site->window, path);
	(void)snprintf(path, sizeof path, "sites.%s.replies", site->name);
	(void)snprintf(count, sizeof count, "%zu rules", site->replies.count);
	fact_of_setting(errand, "shaping", count, path);
}

/* ---- what is suspended ---- */

static bool concerns(const struct explain *explain, const struct directive *directive)
{
	bool is_domain = suspension_site_is_domain(bytes_of(explain->site));
	return directive->site.len == 0 || bytes_is(directive->site, explain->site) ||
	       (is_domain && bytes_is(directive->site, SUSPENSION_TAIL));
}

static void tell_suspensions(const struct errand *errand)
{
	const struct explain *explain = errand->owner;
	const struct suspension *row;
	const char *between = "";
	for (size_t i = 0; (row = suspensions_at(explain->suspending.rows, i)); i++) {
		if (!suspension_is_in_force(row, loop_wall_ms(errand->loop)) ||
		    !concerns(explain, &row->directive))
			continue;
		(void)printf("%s", explain->as_json ? between : "suspended: ");
		if (explain->as_json)
			suspension_print_json(row);
		else
			suspension_print(row);
		between = ",";
	}
}

/* ---- all of it ---- */

static void tell(struct errand *errand)
{
	struct explain *explain = errand->owner;
	if (explain->as_json) {
		(void)printf("{");
		siting_json_text("domain", bytes_of(explain->domain));
		(void)printf(",\"facts\":[");
	}
	tell_route(errand);
	tell_site(errand);
	tell_queue(errand);
	tell_limits(errand);
	tell_tls(errand);
	tell_rest(errand);
	(void)printf(explain->as_json ? "],\"suspended\":[" : "");
	tell_suspensions(errand);
	(void)printf(explain->as_json ? "]}\n" : "");
	errand_end(errand, EXIT_DONE);
}

static void on_rows(struct errand *errand)
{
	struct explain *explain = errand->owner;
	explain->learning = learning_new(errand, tell);
}

static void finish(struct errand *errand)
{
	struct explain *explain = errand->owner;
	learning_free(&explain->learning);
	suspending_finish(errand);
}

/* Of an address, or of a domain itself. */
static bool read_domain(const char *text, char out[ADDRESS_DOMAIN_MAX + 1])
{
	const char *at = strrchr(text, '@');
	if (domain_canonical(bytes_of(at ? at + 1 : text), out) == OK)
		return true;
	(void)fprintf(stderr, "leveret: \"%s\" is no domain or address\n", text);
	return false;
}

static int run(const struct options *options)
{
	struct explain explain = {.suspending = {.told = on_rows},
				  .options = options,
				  .between = "",
				  .as_json = options_has(options, "json")};
	struct errand errand = {.begin = suspending_begin, .finish = finish, .owner = &explain};
	const char *from = options_value(options, "from", NULL);
	if (options->argument_count != 1) {
		(void)fprintf(stderr, "leveret: give one domain or address\n");
		return EXIT_USAGE;
	}
	if (!read_domain(options->arguments[0], explain.domain) ||
	    (from && !read_domain(from, explain.from)))
		return EXIT_USAGE;
	return errand_run(&errand, options, LIMIT_MS);
}

static const struct option_row rows[] = {
	{"from", 'f', "ADDRESS", "of mail from this domain or address (default: the null sender)"},
};

const struct verb verb_site_explain = {
	.name = "site explain",
	.synopsis = "DOMAIN|ADDRESS",
	.argument_max = 1,
	.summary =
		"which site, pool, route, limits and TLS policy hold for mail to a domain, and why",
	.text = "A line for each: what, its value, and the setting that says so with the file and "
		"line where it stands (\"default\": nowhere), or who said it:\n"
		"a worker that found the MX hosts, or an operator who changed a limit. Rules of "
		"ingest may choose another pool. DNS is not asked.\n\n"
		"  leveret site explain someone@example.com\n"
		"  leveret site explain example.com --from news@sender.example --json",
	.rows = rows,
	.row_count = CONF_COUNT(rows),
	.run = run,
};
