/* leveret site show: what the settings say of a site, what is suspended, and what each worker has and knows of it.
 *
 *   rows of suspensions -> question to all workers -> their answers, for a while -> told */
#include <stdio.h>
#include <string.h>

#include "leveret/learning.h"
#include "leveret/siting.h"
#include "leveret/suspending.h"
#include "leveret/verbs.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"
#include "lib/routing/limiting.h"
#include "workers/site_view.h"

#define LIMIT_MS   20000
#define ANSWERS_MS 2000
#define NAME_ROOM  (ROUTING_NAME_MAX * 6 + 1)

struct site_show {
	struct suspending suspending; /* first */
	struct learning *learning;
	const char *asked;
	char site[ROUTING_NAME_MAX +
		  2]; /* that of the domain's mail, when a domain was asked for */
	char asked_site[ROUTING_NAME_MAX + 2]; /* by the settings alone */
	bool as_json;
	struct asking *asking;
	struct timer *timer;
	size_t answer_count;
};

/* ---- the settings and the table ---- */

/* For people: of those that are 0 or none there is nothing to tell. */
static void tell_settings(const struct errand *errand, const struct site_show *show)
{
	const struct site_settings *site = routing_site_settings(errand->routing, show->site);
	char name[NAME_ROOM], value[UNITS_TEXT_SIZE];
	(void)log_escape_json(bytes_of(show->site), name, sizeof name);
	(void)printf(show->as_json ? "{\"site\":\"%s\",\"settings\":{\"of\":\"%s\""
				   : "site %s, with the settings of %s:",
		     name, site->name);
	for (size_t i = 0; limiting_names[i]; i++) {
		limiting_write(site, i, value);
		if (show->as_json)
			(void)printf(limiting_is_rate(i) ? ",\"%s\":\"%s\"" : ",\"%s\":%s",
				     limiting_names[i], value);
		else if (strcmp(value, "0") != 0 && strcmp(value, "none") != 0)
			(void)printf(" %s=%s", limiting_names[i], value);
	}
	(void)printf(show->as_json ? "}," : "\n");
}

static bool concerns(const struct site_show *show, const struct directive *directive)
{
	bool is_domain = suspension_site_is_domain(bytes_of(show->asked_site));
	return directive->site.len == 0 || bytes_is(directive->site, show->site) ||
	       bytes_is(directive->site, show->asked_site) ||
	       (is_domain && bytes_is(directive->site, SUSPENSION_TAIL));
}

/* What was changed at run time. */
static void tell_limit(const struct errand *errand, const struct site_show *show)
{
	const struct site_limits *limits = show->suspending.limits;
	const struct site_limit *row = site_limits_of(limits, bytes_of(show->asked_site));
	if (!row || !site_limit_is_in_force(row, loop_wall_ms(errand->loop)))
		row = site_limits_of(limits, bytes_of(show->site));
	bool is_in_force = row && site_limit_is_in_force(row, loop_wall_ms(errand->loop));
	if (show->as_json && is_in_force)
		site_limit_print_json(row);
	else if (show->as_json)
		(void)printf("null");
	else if (is_in_force) {
		(void)printf("limited: ");
		site_limit_print(row);
	}
}

static void tell_suspensions(const struct errand *errand, const struct site_show *show)
{
	const struct suspension *row;
	const char *between = "";
	(void)printf(show->as_json ? "\"suspended\":[" : "");
	for (size_t i = 0; (row = suspensions_at(show->suspending.rows, i)); i++) {
		if (!suspension_is_in_force(row, loop_wall_ms(errand->loop)) ||
		    !concerns(show, &row->directive))
			continue;
		(void)printf("%s", show->as_json ? between : "suspended: ");
		if (show->as_json)
			suspension_print_json(row);
		else
			suspension_print(row);
		between = ",";
	}
	(void)printf(show->as_json ? "],\"limited\":" : "");
	tell_limit(errand, show);
	(void)printf(show->as_json ? ",\"workers\":[" : "");
}

/* ---- the workers ---- */

static void on_answer(void *owner, struct bytes answer)
{
	struct errand *errand = owner;
	struct site_show *show = errand->owner;
	(void)printf("%s%.*s", show->as_json && show->answer_count > 0 ? ",\n" : "",
		     BYTES_ARGS(answer));
	show->answer_count++;
}

static void on_time(void *owner)
{
	struct errand *errand = owner;
	const struct site_show *show = errand->owner;
	(void)printf(show->as_json ? "]}\n" : "");
	if (show->answer_count == 0)
		(void)fprintf(stderr, "leveret: no worker answered\n");
	errand_end(errand, show->answer_count > 0 ? EXIT_DONE : EXIT_NO_SERVER);
}

static void ask(struct errand *errand, struct site_show *show)
{
	char question[ROUTING_NAME_MAX + 40];
	int len = snprintf(question, sizeof question, SITE_QUESTION "\n%s\n%s",
			   show->as_json ? "json" : "text", show->site);
	show->asking =
		broker_ask(errand->broker, bytes_from(question, (size_t)len), on_answer, errand);
	show->timer = timer_new(errand->loop, on_time, errand);
	timer_start(show->timer, ANSWERS_MS);
}

/* A domain's mail goes by the site that was learned for it, or is lent to it. */
static void follow_learned(const struct errand *errand, struct site_show *show)
{
	char learned[ROUTING_NAME_MAX + 2];
	const struct site_lesson *lesson = learning_of(show->learning, show->asked_site);
	if (lesson && bytes_to_cstr(lesson->directive.site, learned, sizeof learned) &&
	    routing_known_site(errand->routing, learned))
		(void)snprintf(show->site, sizeof show->site, "%s", learned);
}

static void tell(struct errand *errand)
{
	struct site_show *show = errand->owner;
	if (!siting_find(errand, show->asked, show->asked_site)) {
		errand_end(errand, EXIT_NOT_FOUND);
		return;
	}
	(void)snprintf(show->site, sizeof show->site, "%s", show->asked_site);
	follow_learned(errand, show);
	tell_settings(errand, show);
	tell_suspensions(errand, show);
	ask(errand, show);
}

static void begin(struct errand *errand)
{
	struct site_show *show = errand->owner;
	show->learning = learning_new(errand, tell);
}

static void finish(struct errand *errand)
{
	struct site_show *show = errand->owner;
	learning_free(&show->learning);
	asking_free(&show->asking);
	timer_free(&show->timer);
	suspending_finish(errand);
}

static int run(const struct options *options)
{
	struct site_show show = {.suspending = {.told = begin},
				 .as_json = options_has(options, "json")};
	struct errand errand = {
		.begin = suspending_begin, .finish = finish, .owner = &show.suspending};
	if (options->argument_count != 1) {
		(void)fprintf(stderr, "leveret: give one site or domain\n");
		return EXIT_USAGE;
	}
	show.asked = options->arguments[0];
	return errand_run(&errand, options, LIMIT_MS);
}

const struct verb verb_site_show = {
	.name = "site show",
	.synopsis = "SITE|DOMAIN",
	.argument_max = 1,
	.summary = "limits in force at a site and why, sessions, last replies, of every worker",
	.text = "What the settings say, what is suspended, and of each worker that answers within "
		"2 s: sessions open and how many of the shared limit\nit holds, what waits, what "
		"each source may do, which shaping rules are in force and the reply that put them "
		"there, and the last\ndifferent replies.\n\n  leveret site show gmail\n"
		"  leveret site show example.com --json",
	.run = run,
};
