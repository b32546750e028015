/* The command line: one row per option of a verb; parsing and --help come from the rows. */
#ifndef LEVERET_LEVERET_OPTIONS_H
#define LEVERET_LEVERET_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes of every verb (docs/verbs.md). */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_REFUSED = 4,
	EXIT_NO_SERVER = 5
};

struct option_row {
	const char *name;     /* "config", given as --config */
	char letter;	      /* 'c', given as -c; 0: none */
	const char *argument; /* "FILE"; NULL: a flag */
	const char *help;
};

#define OPTIONS_MAX 64 /* values of one command line */

struct options {
	struct {
		const char *name, *value; /* value "" for a flag */
	} given[OPTIONS_MAX];
	size_t given_count;
	const char *const *arguments; /* what is left, NULL-terminated */
	size_t argument_count;
};

struct verb {
	const char *name; /* "broker status" */
	const char *synopsis;
	const char *summary; /* one line, for the list of verbs */
	const char *text;    /* paragraphs and examples, for its own --help */
	const struct option_row *rows;
	size_t row_count;
	size_t argument_max;			   /* further ones are a mistake */
	int (*run)(const struct options *options); /* gives an enum exit_code */
};

/* Rows that every verb has: --help, --config, --json. */
extern const struct option_row common_rows[];
extern const size_t common_row_count;

/* False when the line is wrong: told on standard error. argv starts after the verb's words. */
bool options_parse(const struct verb *verb, int argc, char **argv, struct options *ret);
bool options_has(const struct options *options, const char *name);
const char *options_value(const struct options *options, const char *name,
			  const char *otherwise); /* the last given */
/* At most 2^32 - 1. False: it is no number, told on standard error. */
bool options_number(const struct options *options, const char *name, uint64_t otherwise,
		    uint64_t *ret);
size_t options_values(const struct options *options, const char *name,
		      const char *ret[OPTIONS_MAX]); /* all, in order */
void options_print_help(const struct verb *verb, FILE *out);

#endif
