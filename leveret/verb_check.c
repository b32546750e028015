/* leveret check: everything that can be said of a settings file without starting. */
#include <stdio.h>
#include <string.h>

#include "leveret/program.h"
#include "leveret/settings.h"
#include "leveret/verbs.h"

static int tell(const struct conf *conf, const char *path, bool as_json, bool is_strict)
{
	size_t faults = conf_fault_count(conf), warnings = conf_warning_count(conf);
	conf_print_faults(conf, as_json ? stdout : stderr, as_json);
	if (!as_json && faults == 0)
		(void)printf("%s: good%s\n", path, warnings > 0 ? ", with warnings" : "");
	return faults > 0 || (is_strict && warnings > 0) ? EXIT_FAILED : EXIT_DONE;
}

static int run_check(const struct options *options)
{
	if (options_has(options, "sample")) {
		conf_write_sample(&settings_root, stdout);
		return EXIT_DONE;
	}
	if (options_has(options, "reference")) {
		settings_write_reference(stdout);
		return EXIT_DONE;
	}
	const char *path =
		options->argument_count > 0 ? options->arguments[0] : program_config_path(options);
	struct conf *conf = NULL;
	const struct settings *settings = NULL;
	enum err err = settings_load(path, &conf, &settings);
	if (err == OK && options_has(options, "dump-config"))
		conf_dump(conf, stdout, options_has(options, "origin"));
	else if (err == OK)
		settings_check_environment(conf);
	int code = EXIT_DONE;
	if (err != OK || !options_has(options, "dump-config"))
		code = tell(conf, path, options_has(options, "json"),
			    options_has(options, "strict"));
	if (err == E_NOT_FOUND)
		code = EXIT_NOT_FOUND;
	conf_free(&conf);
	return code;
}

static const struct option_row rows[] = {
	{"dump-config", 0, NULL, "print every setting in force, as YAML"},
	{"origin", 0, NULL, "with --dump-config: where each value comes from"},
	{"strict", 0, NULL, "warnings fail too"},
	{"sample", 0, NULL, "print a commented sample file"},
	{"reference", 0, NULL, "print the reference of all settings, log events and metrics"},
};

const struct verb verb_check = {
	.name = "check",
	.synopsis = "[FILE]",
	.argument_max = 1,
	.summary = "check a settings file; print all settings",
	.text = "Reads FILE and its includes as a role would at start, and tells every fault with "
		"its file, line, setting and what\n"
		"was expected: unknown settings, bad values, missing files, unknown pools, "
		"addresses that this host does not have.\n\n"
		"  leveret check /etc/leveret/leveret.yaml\n"
		"  leveret check --dump-config --origin",
	.rows = rows,
	.row_count = sizeof rows / sizeof rows[0],
	.run = run_check,
};
