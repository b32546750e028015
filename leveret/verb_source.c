/* leveret source list: the addresses that mail leaves from, and what is suspended of each. */
#include <stdio.h>
#include <string.h>

#include "leveret/suspending.h"
#include "leveret/verbs.h"
#include "lib/obs/log.h"

#define LIMIT_MS  20000
#define NAME_ROOM (ROUTING_NAME_MAX * 6 + 1)

static bool is_of(const struct suspension *row, const struct source_settings *source, int64_t now)
{
	return bytes_is(row->directive.source, source->name) && suspension_is_in_force(row, now);
}

static void print_text(const struct errand *errand, const struct source_settings *source)
{
	const struct suspending *suspending = errand->owner;
	const struct suspension *row;
	(void)printf("%-24s %-40s %s\n", source->name, source->address, source->helo);
	for (size_t i = 0; (row = suspensions_at(suspending->rows, i)); i++) {
		if (!is_of(row, source, loop_wall_ms(errand->loop)))
			continue;
		(void)printf("  suspended: ");
		suspension_print(row);
	}
}

static void print_json(const struct errand *errand, const struct source_settings *source)
{
	const struct suspending *suspending = errand->owner;
	const struct suspension *row;
	const char *between = "";
	char name[NAME_ROOM], address[NAME_ROOM], helo[NAME_ROOM];
	(void)log_escape_json(bytes_of(source->name), name, sizeof name);
	(void)log_escape_json(bytes_of(source->address), address, sizeof address);
	(void)log_escape_json(bytes_of(source->helo), helo, sizeof helo);
	(void)printf("{\"source\":\"%s\",\"address\":\"%s\",\"helo\":\"%s\",\"suspended\":[", name,
		     address, helo);
	for (size_t i = 0; (row = suspensions_at(suspending->rows, i)); i++) {
		if (!is_of(row, source, loop_wall_ms(errand->loop)))
			continue;
		(void)printf("%s", between);
		suspension_print_json(row);
		between = ",";
	}
	(void)printf("]}");
}

static void list_now(struct errand *errand)
{
	const struct suspending *suspending = errand->owner;
	const bool *as_json = suspending->owner;
	const struct conf_items *sources = &errand->settings->routing.sources;
	if (*as_json)
		(void)printf("[");
	for (size_t i = 0; i < sources->count; i++) {
		const struct source_settings *source =
			CONF_ITEM(sources, struct source_settings, i);
		if (!*as_json) {
			print_text(errand, source);
			continue;
		}
		(void)printf("%s", i > 0 ? ",\n" : "");
		print_json(errand, source);
	}
	if (*as_json)
		(void)printf("]\n");
	errand_end(errand, EXIT_DONE);
}

static int run(const struct options *options)
{
	bool as_json = options_has(options, "json");
	struct suspending suspending = {.told = list_now, .owner = &as_json};
	struct errand errand = {
		.begin = suspending_begin, .finish = suspending_finish, .owner = &suspending};
	return errand_run(&errand, options, LIMIT_MS);
}

const struct verb verb_source_list = {
	.name = "source list",
	.synopsis = "",
	.summary = "the addresses that mail leaves from, and what is suspended",
	.text = "Address and EHLO name are as in the settings; empty ones are the system's choice "
		"and node.hostname.",
	.run = run,
};
