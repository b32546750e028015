/* leveret alert list | clear | test. `list` asks every bouncer, the others are directives to the bouncer. */
#include <stdio.h>

#include "bouncer/alerts/alerts.h"
#include "bouncer/asked.h"
#include "leveret/asking.h"
#include "leveret/directing.h"
#include "leveret/verbs.h"

#define LIMIT_MS 20000

/* ---- list ---- */

static int run_list(const struct options *options)
{
	return bouncers_print(options, ASKED_ALERTS);
}

/* ---- clear and test ---- */

static void tell(const struct directing *change)
{
	bool is_test = change->directive.kind == DIRECTIVE_TEST_ALERT;
	if (change->as_json)
		(void)printf("{\"alert\":\"%.*s\",\"asked\":\"%s\"}\n",
			     BYTES_ARGS(change->directive.alert), is_test ? "test" : "clear");
	else
		(void)printf("%.*s: the bouncer is asked to %s it\n",
			     BYTES_ARGS(change->directive.alert), is_test ? "tell" : "clear");
}

static bool is_known(const struct settings *settings, struct bytes name)
{
	struct alert_rules rules;
	bool is_found = false;
	alert_rules_init(&rules, &settings->alerts);
	for (size_t i = 0; i < rules.count; i++)
		is_found = is_found || bytes_is(name, rules.items[i].name);
	alert_rules_done(&rules);
	return is_found;
}

static bool is_id(struct bytes text)
{
	if (text.len != 16)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (bytes_hex_digit(text.data[i]) < 0)
			return false;
	return true;
}

static void begin_change(struct errand *errand)
{
	const struct directing *change = errand->owner;
	struct bytes which = change->directive.alert;
	bool may_be_id = change->directive.kind == DIRECTIVE_CLEAR_ALERT && is_id(which);
	if (!may_be_id && !is_known(errand->settings, which)) {
		(void)fprintf(stderr, "leveret: the settings have no alert \"%.*s\"\n",
			      BYTES_ARGS(which));
		errand_end(errand, EXIT_NOT_FOUND);
		return;
	}
	directing_begin(errand);
}

static int run_change(const struct options *options, enum directive_kind kind)
{
	if (options->argument_count != 1) {
		(void)fprintf(stderr, "leveret: give one alert\n");
		return EXIT_USAGE;
	}
	struct directing change = {
		.directive = {.kind = kind,
			      .alert = bytes_first(bytes_of(options->arguments[0]), 255),
			      .by = bytes_of(directing_user())},
		.told = tell,
		.as_json = options_has(options, "json"),
	};
	struct errand errand = {.begin = begin_change, .owner = &change};
	return errand_run(&errand, options, LIMIT_MS);
}

static int run_clear(const struct options *options)
{
	return run_change(options, DIRECTIVE_CLEAR_ALERT);
}

static int run_test(const struct options *options)
{
	return run_change(options, DIRECTIVE_TEST_ALERT);
}

const struct verb verb_alert_list = {
	.name = "alert list",
	.synopsis = "",
	.summary = "rates that are too high now, of whom, and what follows",
	.text = "One line each: id, name, since when, what is done (`tell`, `brake`, `slow`) and "
		"until when, how many of how many, by which bouncer. All bouncers that run are "
		"asked, from any host.",
	.run = run_list,
};
const struct verb verb_alert_clear = {
	.name = "alert clear",
	.synopsis = "ID|NAME",
	.argument_max = 1,
	.summary = "end an alert, and let its braked mail go on",
	.text = "ID is as `leveret alert list` tells it; a name is all that are raised of it. What "
		"was counted is forgotten: it is raised\nagain only by what comes from now on. "
		"`leveret queue resume --tenant T --campaign C` does the same of a brake.\n\n"
		"  leveret alert clear hard_bounces",
	.run = run_clear,
};
const struct verb verb_alert_test = {
	.name = "alert test",
	.synopsis = "NAME",
	.argument_max = 1,
	.summary = "tell an alert as if it were raised, and do nothing",
	.text = "An event of kind `alert` whose `alert_state` has the state `test` goes to "
		"webhooks "
		"and to whoever follows events.",
	.run = run_test,
};
