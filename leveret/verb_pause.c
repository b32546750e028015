/* leveret queue pause | resume | paused, source suspend | resume: rows in the table of directives.
 *
 *   follow the table -> pause: append a row -> kept
 *                    -> resume: append a row over each that fits and is in force -> kept */
#include <stdio.h>
#include <string.h>

#include "leveret/directing.h"
#include "leveret/suspending.h"
#include "leveret/verbs.h"
#include "lib/base/clock.h"

#define LIMIT_MS 20000

struct pause {
	struct suspending suspending;
	const struct options *options;
	struct directive wish; /* what is meant, and of a pause all of it */
	const char *queue;     /* of the command line; NULL: none */
	int64_t for_ms;	       /* 0: until it is resumed */
	bool is_source, is_dry, as_json;
	size_t count;
};

/* Before the settings are read nothing is known of pools and sites. */
static bool read_subject(struct errand *errand)
{
	struct suspending *suspending = errand->owner;
	struct pause *pause = suspending->owner;
	int code = suspending_subject(errand->settings, pause->options, pause->queue, &pause->wish);
	if (!code && pause->is_source &&
	    !routing_source(errand->routing, pause->options->arguments[0])) {
		(void)fprintf(stderr, "leveret: there is no source \"%s\"\n",
			      pause->options->arguments[0]);
		code = EXIT_NOT_FOUND;
	}
	if (code)
		errand_end(errand, code);
	return code == EXIT_DONE;
}

/* ---- pause ---- */

static void on_paused(struct errand *errand)
{
	const struct suspending *suspending = errand->owner;
	const struct pause *pause = suspending->owner;
	const struct suspension row = {
		pause->wish, (uint64_t)loop_wall_ms(errand->loop), {NULL, 0}};
	if (pause->as_json)
		suspension_print_json(&row);
	else if (pause->is_dry)
		(void)printf("would be suspended: ");
	else
		(void)printf("suspended: ");
	if (pause->as_json)
		(void)printf("\n");
	else
		suspension_print(&row);
	errand_end(errand, EXIT_DONE);
}

static void pause_now(struct errand *errand)
{
	const struct suspending *suspending = errand->owner;
	struct pause *pause = suspending->owner;
	if (!read_subject(errand))
		return;
	if (pause->for_ms > 0)
		pause->wish.until_wall_ms = loop_wall_ms(errand->loop) + pause->for_ms;
	if (pause->is_dry)
		on_paused(errand);
	else
		suspending_append(errand, &pause->wish, on_paused);
}

/* ---- resume ---- */

static bool fits(struct bytes wanted, struct bytes is)
{
	return wanted.len == 0 || bytes_equal(wanted, is);
}

static bool is_meant(const struct pause *pause, const struct directive *row)
{
	const struct directive *wish = &pause->wish;
	return pause->is_source == (row->source.len > 0) && fits(wish->pool, row->pool) &&
	       fits(wish->site, row->site) && fits(wish->source, row->source) &&
	       fits(wish->tenant, row->tenant) && fits(wish->campaign, row->campaign);
}

static void on_resumed(struct errand *errand)
{
	const struct suspending *suspending = errand->owner;
	const struct pause *pause = suspending->owner;
	if (pause->as_json)
		(void)printf("{\"count\":%zu,\"resumed\":%s}\n", pause->count,
			     pause->is_dry ? "false" : "true");
	else
		(void)printf("%zu %s\n", pause->count,
			     pause->is_dry ? "would be resumed" : "resumed");
	errand_end(errand, EXIT_DONE);
}

static void resume_row(struct errand *errand, const struct suspension *row)
{
	const struct suspending *suspending = errand->owner;
	struct pause *pause = suspending->owner;
	struct directive over = row->directive;
	over.kind = DIRECTIVE_RESUME;
	over.until_wall_ms = 0;
	over.by = pause->wish.by;
	over.reason = pause->wish.reason;
	pause->count++;
	if (!pause->as_json)
		suspension_print(row);
	if (!pause->is_dry)
		suspending_append(errand, &over, on_resumed);
}

static void resume_now(struct errand *errand)
{
	const struct suspending *suspending = errand->owner;
	const struct pause *pause = suspending->owner;
	const struct suspension *row;
	if (!read_subject(errand))
		return;
	for (size_t i = 0; (row = suspensions_at(suspending->rows, i)); i++)
		if (suspension_is_in_force(row, loop_wall_ms(errand->loop)) &&
		    is_meant(pause, &row->directive))
			resume_row(errand, row);
	if (pause->count == 0) {
		(void)fprintf(stderr, "leveret: nothing like this is suspended: see leveret queue "
				      "paused\n");
		errand_end(errand, EXIT_NOT_FOUND);
	} else if (pause->is_dry) {
		on_resumed(errand);
	}
}

/* ---- the lines ---- */

static bool read_line(struct pause *pause, const struct options *options)
{
	const char *duration = options_value(options, "for", NULL);
	if (duration && !directing_time(duration, &pause->for_ms))
		return false;
	pause->options = options;
	pause->as_json = options_has(options, "json");
	pause->is_dry = options_has(options, "dry-run");
	pause->wish.by = bytes_of(directing_user());
	pause->wish.reason = bytes_of(options_value(options, "reason", ""));
	if (!pause->is_source && options->argument_count > 0)
		pause->queue = options->arguments[0];
	else if (options->argument_count > 0)
		pause->wish.source = bytes_of(options->arguments[0]);
	return true;
}

static bool says_what(const struct options *options)
{
	static const char *const selectors[] = {"pool", "site", "tenant", "campaign"};
	for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++)
		if (options_has(options, selectors[i]))
			return true;
	return options->argument_count > 0;
}

static int run(const struct options *options, bool is_source, void (*told)(struct errand *errand))
{
	struct pause pause = {
		.suspending = {.told = told},
		.is_source = is_source,
		.wish = {.kind = told == pause_now ? DIRECTIVE_SUSPEND : DIRECTIVE_RESUME}};
	pause.suspending.owner = &pause;
	bool is_all = told == resume_now && options_has(options, "all");
	if (is_source ? options->argument_count == 0 : !is_all && !says_what(options)) {
		(void)fprintf(stderr, is_source ? "leveret: give one source\n"
						: "leveret: say what: a queue, --pool, --site, "
						  "--tenant or --campaign\n");
		return EXIT_USAGE;
	}
	if (!read_line(&pause, options))
		return EXIT_USAGE;
	struct errand errand = {
		.begin = suspending_begin, .finish = suspending_finish, .owner = &pause.suspending};
	return errand_run(&errand, options, LIMIT_MS);
}

static int run_pause(const struct options *options)
{
	return run(options, false, pause_now);
}

static int run_resume(const struct options *options)
{
	return run(options, false, resume_now);
}

static int run_source_suspend(const struct options *options)
{
	return run(options, true, pause_now);
}

static int run_source_resume(const struct options *options)
{
	return run(options, true, resume_now);
}

/* ---- paused ---- */

static void list_now(struct errand *errand)
{
	const struct suspending *suspending = errand->owner;
	const bool *as_json = suspending->owner;
	const char *between = "";
	const struct suspension *row;
	if (*as_json)
		(void)printf("[");
	for (size_t i = 0; (row = suspensions_at(suspending->rows, i)); i++) {
		if (!suspension_is_in_force(row, loop_wall_ms(errand->loop)))
			continue;
		(void)printf("%s", *as_json ? between : "");
		if (*as_json)
			suspension_print_json(row);
		else
			suspension_print(row);
		between = ",\n";
	}
	if (*as_json)
		(void)printf("]\n");
	errand_end(errand, EXIT_DONE);
}

static int run_paused(const struct options *options)
{
	bool as_json = options_has(options, "json");
	struct suspending suspending = {.told = list_now, .owner = &as_json};
	struct errand errand = {
		.begin = suspending_begin, .finish = suspending_finish, .owner = &suspending};
	return errand_run(&errand, options, LIMIT_MS);
}

/* ---- rows ---- */

#define SUBJECT_ROWS                                                                               \
	{"pool", 'p', "NAME", "what leaves from this pool"},                                       \
		{"site", 's', "NAME",                                                              \
		 "what goes to this site, to \"tail\", or to a domain of it"},                     \
		{"tenant", 't', "NAME", "mail of this tenant"},                                    \
	{                                                                                          \
		"campaign", 0, "NAME", "of this campaign (of --tenant, or without a tenant)"       \
	}
#define PAUSE_ROWS                                                                                 \
	{"for", 0, "TIME", "so long, as 30m or 2h (default: until it is resumed)"},                \
		{"reason", 0, "TEXT", "why, for those who look"},                                  \
	{                                                                                          \
		"dry-run", 0, NULL, "only tell what would be done"                                 \
	}

static const struct option_row pause_rows[] = {SUBJECT_ROWS, PAUSE_ROWS};
static const struct option_row resume_rows[] = {
	SUBJECT_ROWS,
	{"all", 0, NULL, "whatever is suspended, but for sources"},
	{"reason", 0, "TEXT", "why, for those who look"},
	{"dry-run", 0, NULL, "only tell what would be done"},
};
static const struct option_row source_rows[] = {{"site", 's', "NAME", "for mail to this site only"},
						PAUSE_ROWS};
static const struct option_row source_resume_rows[] = {
	{"site", 's', "NAME", "for mail to this site only"},
	{"reason", 0, "TEXT", "why, for those who look"},
	{"dry-run", 0, NULL, "only tell what would be done"},
};

const struct verb verb_queue_pause = {
	.name = "queue pause",
	.synopsis = "[QUEUE]",
	.argument_max = 1,
	.summary = "keep mail back, on every worker",
	.text = "What fits all that is given is kept back within 2 s, by every worker: a queue, a "
		"pool or a site is not taken from;\n"
		"mail of a domain, a tenant or a campaign is put off, and that counts as no "
		"attempt. What is under way ends.\n"
		"Nothing is lost: it goes on when the time is over, or with leveret queue "
		"resume.\n\n"
		"  leveret queue pause --site gmail --for 2h --reason 'blocked, talking to them'\n"
		"  leveret queue pause deliver.default.gmail\n"
		"  leveret queue pause --tenant acme --campaign spring",
	.rows = pause_rows,
	.row_count = CONF_COUNT(pause_rows),
	.run = run_pause,
};
const struct verb verb_queue_resume = {
	.name = "queue resume",
	.synopsis = "[QUEUE]",
	.argument_max = 1,
	.summary = "let mail go on that was kept back",
	.text = "Ends every suspension that names all that is given, whoever made it. Mail that "
		"was put off is looked at again in up to\n"
		"twice workers.suspended_wait.\n\n  leveret queue resume --site gmail",
	.rows = resume_rows,
	.row_count = CONF_COUNT(resume_rows),
	.run = run_resume,
};
const struct verb verb_queue_paused = {
	.name = "queue paused",
	.synopsis = "",
	.summary = "list what is suspended, by whom, until when and why",
	.text = "Of queues, sites, domains, sources, tenants and campaigns.",
	.run = run_paused,
};
const struct verb verb_source_suspend = {
	.name = "source suspend",
	.synopsis = "SOURCE",
	.argument_max = 1,
	.summary = "let no mail leave from an address",
	.text = "Within 2 s no worker begins anything from it; its pools use their other sources. "
		"A pool that has no other stands still.\n\n"
		"  leveret source suspend out1 --site gmail --for 24h",
	.rows = source_rows,
	.row_count = CONF_COUNT(source_rows),
	.run = run_source_suspend,
};
const struct verb verb_source_resume = {
	.name = "source resume",
	.synopsis = "SOURCE",
	.argument_max = 1,
	.summary = "let mail leave from an address again",
	.text = "Ends its suspensions, or with --site the one for that site.",
	.rows = source_resume_rows,
	.row_count = CONF_COUNT(source_resume_rows),
	.run = run_source_resume,
};
