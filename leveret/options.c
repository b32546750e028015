/* Command lines by table, on getopt_long. */
#include "leveret/options.h"

#include <getopt.h>
#include <string.h>

#include "lib/base/bytes.h"

#define ROWS_MAX 32

const struct option_row common_rows[] = {
	{"config", 'c', "FILE",
	 "settings file (default: $LEVERET_CONFIG, else /etc/leveret/leveret.yaml)"},
	{"json", 'j', NULL, "print JSON"},
	{"help", 'h', NULL, "print this help"},
};
const size_t common_row_count = sizeof common_rows / sizeof common_rows[0];

static const struct option_row *row_at(const struct verb *verb, size_t index)
{
	return index < verb->row_count ? &verb->rows[index] : &common_rows[index - verb->row_count];
}

static size_t rows_of(const struct verb *verb)
{
	return verb->row_count + common_row_count;
}

/* getopt_long's own tables; `val` is the row's index plus one, letters are found by search. */
static void build_tables(const struct verb *verb, struct option table[ROWS_MAX + 1],
			 char letters[ROWS_MAX * 2 + 1])
{
	size_t len = 0;
	memset(table, 0, (ROWS_MAX + 1) * sizeof *table);
	for (size_t i = 0; i < rows_of(verb) && i < ROWS_MAX; i++) {
		const struct option_row *row = row_at(verb, i);
		table[i] =
			(struct option){row->name, row->argument ? required_argument : no_argument,
					NULL, 0x100 + (int)i};
		if (!row->letter)
			continue;
		letters[len++] = row->letter;
		if (row->argument)
			letters[len++] = ':';
	}
	letters[len] = '\0';
}

static const struct option_row *row_of(const struct verb *verb, int value)
{
	if (value >= 0x100)
		return row_at(verb, (size_t)(value - 0x100));
	for (size_t i = 0; i < rows_of(verb); i++)
		if (row_at(verb, i)->letter == value)
			return row_at(verb, i);
	return NULL;
}

bool options_parse(const struct verb *verb, int argc, char **argv, struct options *ret)
{
	struct option table[ROWS_MAX + 1];
	char letters[ROWS_MAX * 2 + 1];
	build_tables(verb, table, letters);
	*ret = (struct options){0};
	optind = 1;
	for (int value; (value = getopt_long(argc, argv, letters, table, NULL)) != -1;) {
		const struct option_row *row = row_of(verb, value);
		if (!row || ret->given_count == OPTIONS_MAX) {
			(void)fprintf(stderr, "Try: leveret %s --help\n", verb->name);
			return false;
		}
		ret->given[ret->given_count].name = row->name;
		ret->given[ret->given_count].value = optarg ? optarg : "";
		ret->given_count++;
	}
	ret->arguments = (const char *const *)(argv + optind);
	ret->argument_count = (size_t)(argc - optind);
	if (ret->argument_count > verb->argument_max && !options_has(ret, "help")) {
		(void)fprintf(stderr, "leveret %s: \"%s\" is one argument too many\n", verb->name,
			      ret->arguments[verb->argument_max]);
		return false;
	}
	return true;
}

bool options_has(const struct options *options, const char *name)
{
	return options_value(options, name, NULL) != NULL;
}

const char *options_value(const struct options *options, const char *name, const char *otherwise)
{
	const char *value = otherwise;
	for (size_t i = 0; i < options->given_count; i++)
		if (strcmp(options->given[i].name, name) == 0)
			value = options->given[i].value;
	return value;
}

bool options_number(const struct options *options, const char *name, uint64_t otherwise,
		    uint64_t *ret)
{
	const char *text = options_value(options, name, NULL);
	*ret = otherwise;
	if (!text || bytes_to_u64(bytes_of(text), UINT32_MAX, ret))
		return true;
	(void)fprintf(stderr, "leveret: --%s %s: expected a number\n", name, text);
	return false;
}

size_t options_values(const struct options *options, const char *name, const char *ret[OPTIONS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < options->given_count; i++)
		if (strcmp(options->given[i].name, name) == 0)
			ret[count++] = options->given[i].value;
	return count;
}

static void print_row(const struct option_row *row, FILE *out)
{
	char left[64], letter[8] = "    ";
	if (row->letter)
		(void)snprintf(letter, sizeof letter, "-%c, ", row->letter);
	(void)snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->argument ? " " : "",
		       row->argument ? row->argument : "");
	(void)fprintf(out, "  %-26s %s\n", left, row->help);
}

void options_print_help(const struct verb *verb, FILE *out)
{
	(void)fprintf(out, "leveret %s %s\n\n%s\n", verb->name, verb->synopsis, verb->text);
	(void)fprintf(out, "\nOptions:\n");
	for (size_t i = 0; i < rows_of(verb); i++)
		print_row(row_at(verb, i), out);
}
