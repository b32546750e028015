/* leveret site limit: limits of a site over those of its settings, as a row in the table of directives that every worker has.
 *
 *   follow the table -> words: append a row -> kept
 *                    -> --lift: append one without words -> kept
 *                    -> neither: list what is in force */
#include <stdio.h>
#include <string.h>

#include "leveret/directing.h"
#include "leveret/siting.h"
#include "leveret/suspending.h"
#include "leveret/verbs.h"
#include "lib/routing/limiting.h"

#define LIMIT_MS  20000
#define WORDS_MAX 20 /* the site, and every limit */

struct limit {
	struct suspending suspending; /* first */
	const struct options *options;
	struct directive wish;
	char site[ROUTING_NAME_MAX + 2]; /* "": all of them */
	char words[SCHEMA_LIMITS_MAX + 1];
	int64_t for_ms;
	bool lifts, is_dry, as_json;
};

static void print(const struct limit *limit, const struct site_limit *row, const char *before)
{
	if (!limit->as_json) {
		(void)printf("%s", before);
		site_limit_print(row);
		return;
	}
	site_limit_print_json(row);
}

/* ---- changing ---- */

static void on_kept(struct errand *errand)
{
	const struct limit *limit = errand->owner;
	const struct site_limit row = {limit->wish, (uint64_t)loop_wall_ms(errand->loop)};
	const char *what = limit->is_dry ? "would be limited: " : "limited: ";
	if (limit->lifts && !limit->as_json)
		(void)printf("site %s %s the limits of its settings\n", limit->site,
			     limit->is_dry ? "would have" : "has");
	else
		print(limit, &row, what);
	(void)printf(limit->as_json ? "\n" : "");
	errand_end(errand, EXIT_DONE);
}

static void change(struct errand *errand, struct limit *limit)
{
	limit->wish.site = bytes_of(limit->site);
	limit->wish.limits = bytes_of(limit->words);
	if (limit->for_ms > 0)
		limit->wish.until_wall_ms = loop_wall_ms(errand->loop) + limit->for_ms;
	if (limit->is_dry)
		on_kept(errand);
	else
		suspending_append(errand, &limit->wish, on_kept);
}

static bool has_something_to_lift(const struct errand *errand, const struct limit *limit)
{
	const struct site_limit *row =
		site_limits_of(limit->suspending.limits, bytes_of(limit->site));
	if (row && site_limit_is_in_force(row, loop_wall_ms(errand->loop)))
		return true;
	(void)fprintf(stderr, "leveret: site %s has the limits of its settings\n", limit->site);
	return false;
}

/* ---- listing ---- */

static void list(struct errand *errand, const struct limit *limit)
{
	const struct site_limit *row;
	const char *between = "";
	(void)printf(limit->as_json ? "[" : "");
	for (size_t i = 0; (row = site_limits_at(limit->suspending.limits, i)); i++) {
		if (!site_limit_is_in_force(row, loop_wall_ms(errand->loop)) ||
		    (limit->site[0] && !bytes_is(row->directive.site, limit->site)))
			continue;
		(void)printf("%s", limit->as_json ? between : "");
		print(limit, row, "");
		between = ",\n";
	}
	(void)printf(limit->as_json ? "]\n" : "");
	errand_end(errand, EXIT_DONE);
}

static void begin(struct errand *errand)
{
	struct limit *limit = errand->owner;
	const struct options *options = limit->options;
	if (options->argument_count > 0 && !siting_find(errand, options->arguments[0], limit->site))
		errand_end(errand, EXIT_NOT_FOUND);
	else if (limit->lifts && !has_something_to_lift(errand, limit))
		errand_end(errand, EXIT_NOT_FOUND);
	else if (limit->lifts || limit->words[0])
		change(errand, limit);
	else
		list(errand, limit);
}

/* ---- the line ---- */

static bool read_words(struct limit *limit, const struct options *options)
{
	struct site_settings scratch = {0};
	struct why why;
	size_t len = 0;
	for (size_t i = 1; i < options->argument_count; i++) {
		size_t room = sizeof limit->words - len;
		int added = snprintf(limit->words + len, room, "%s%s", i > 1 ? " " : "",
				     options->arguments[i]);
		if (added < 0 || (size_t)added >= room)
			return false;
		len += (size_t)added;
	}
	if (!limiting_apply(bytes_of(limit->words), &scratch, &why))
		return true;
	(void)fprintf(stderr, "leveret: %s\n", why.text);
	return false;
}

static bool read_line(struct limit *limit, const struct options *options)
{
	const char *duration = options_value(options, "for", NULL);
	if (duration && !directing_time(duration, &limit->for_ms))
		return false;
	limit->options = options;
	limit->as_json = options_has(options, "json");
	limit->is_dry = options_has(options, "dry-run");
	limit->lifts = options_has(options, "lift");
	limit->wish.by = bytes_of(directing_user());
	limit->wish.reason = bytes_of(options_value(options, "reason", ""));
	if (limit->lifts && options->argument_count != 1) {
		(void)fprintf(stderr, "leveret: --lift takes a site and no limits\n");
		return false;
	}
	return read_words(limit, options);
}

static int run(const struct options *options)
{
	struct limit limit = {.suspending = {.told = begin}, .wish = {.kind = DIRECTIVE_LIMIT}};
	struct errand errand = {
		.begin = suspending_begin, .finish = suspending_finish, .owner = &limit};
	if (!read_line(&limit, options))
		return EXIT_USAGE;
	return errand_run(&errand, options, LIMIT_MS);
}

static const struct option_row rows[] = {
	{"for", 0, "TIME", "so long, as 30m or 2h (default: until it is lifted)"},
	{"lift", 0, NULL, "the limits of the settings again"},
	{"reason", 0, "TEXT", "why, for those who look"},
	{"dry-run", 0, NULL, "only tell what would be done"},
};

const struct verb verb_site_limit = {
	.name = "site limit",
	.synopsis = "[SITE|DOMAIN [KEY=VALUE]...]",
	.argument_max = WORDS_MAX,
	.summary = "change limits of a site now, on every worker",
	.text = "Within 2 s every worker goes by them instead of those of the settings. Keys are "
		"connections, connect_rate, rate, each also with\n_per_source, "
		"messages_per_connection "
		"and recipients_per_transaction, and all of them with _per_tenant and "
		"_per_campaign.\nWhat was changed before for that site is over; limits that are "
		"not named are those of the settings. Without limits: what is\nin force.\n\n"
		"  leveret site limit gmail connections=5 rate=100/min --for 2h --reason 'they "
		"complain'\n  leveret site limit gmail --lift",
	.rows = rows,
	.row_count = CONF_COUNT(rows),
	.run = run,
};
