/* Settings: one YAML file (and its includes) read into plain structs by tables.
 *
 * A section is a struct and a `.def` file with one row per setting; parsing, defaults, bounds, --dump-config, the sample in configs/ and
 * docs/reference.md all come from the row:
 *
 *   X(field, type, default, min, max, reload, secret, help)
 *   X(mail_ms, duration, "5m", "1s", "1h", LIVE, PLAIN, "wait for the reply to MAIL FROM")
 *
 *   struct smtp_timeouts {
 *   #define X(field, type, ...) conf_##type field;
 *   #include "workers/smtp/timeouts.def"
 *   #undef X
 *   };
 *   static const struct conf_field fields[] = {
 *   #define X(...) CONF_ROW(struct smtp_timeouts, __VA_ARGS__)
 *   #include "workers/smtp/timeouts.def"
 *   #undef X
 *   };
 *   const struct conf_section smtp_timeouts_section = {.name = "timeouts", .fields = fields, .field_count = CONF_COUNT(fields), ...};
 *
 * Lists in a default are separated by commas. `include:` at the top of a file lists patterns of further files, relative to it:
 * sections are merged key by key, a value replaces the whole value of an earlier file, and included files come after the one
 * that includes them. Names of map entries are letters, digits, '-' and '_'.
 *
 * All faults of a file are reported in one run, each with file, line, column, setting and what was expected; unknown settings
 * name the nearest known one. Everything read lives in the struct conf and dies with it. Reads files, so: not on a loop. */
#ifndef LEVERET_LIB_CONF_CONF_H
#define LEVERET_LIB_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/base/arena.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"

/* C types of settings, named conf_<type> so that tables can say just <type>. */
struct conf_text_list {
	const char **items;
	size_t count;
};
struct conf_cidr {
	int family; /* AF_INET or AF_INET6 */
	uint8_t address[16];
	unsigned prefix_bits;
};
struct conf_cidr_list {
	struct conf_cidr *items;
	size_t count;
};
struct conf_weights { /* a map name -> weight, or a list of names (weight 1) */
	struct {
		const char *name;
		int64_t weight;
	} * items;
	size_t count;
};

typedef bool conf_flag;	       /* true, false, yes, no */
typedef int64_t conf_number;   /* 20 */
typedef int64_t conf_duration; /* ms: 500ms 20s 5m 2h 3d 1w */
typedef int64_t conf_size;     /* bytes: 25MiB 64KiB 100 */
typedef int64_t conf_percent;  /* 0..100: 20% */
typedef int64_t conf_rate;  /* events in a day: 10/s 600/min 5/h 50/d; 0, written none: no limit */
typedef double conf_factor; /* 1.5 */
typedef const char *conf_text; /* "" when absent */
typedef const char *
	conf_path; /* relative to the file that names it, made absolute; ${NAME} is an environment variable; "" when absent */
typedef const char *conf_hostname; /* letters, digits, hyphens, dots */
typedef const char
	*conf_endpoint; /* "10.0.0.5:25", "[::]:587", "mx.example.com:25"; checked for form */
typedef const char *conf_secret; /* {file: PATH} or {env: NAME}; never printed; "" when absent */
typedef int
	conf_choice; /* one of the words in the row's max, separated by '|'; the value is its index */
typedef struct conf_text_list conf_texts;
typedef struct conf_cidr_list conf_cidrs;
typedef struct conf_weights conf_weighted;

bool conf_cidr_contains(const struct conf_cidr *cidr,
			const struct sockaddr *address); /* v4-mapped v6 counts as v4 */
bool conf_cidrs_contain(const struct conf_cidr_list *list, const struct sockaddr *address);

enum conf_type {
	CONF_flag,
	CONF_number,
	CONF_duration,
	CONF_size,
	CONF_percent,
	CONF_rate,
	CONF_factor,
	CONF_text,
	CONF_path,
	CONF_hostname,
	CONF_endpoint,
	CONF_secret,
	CONF_choice,
	CONF_texts,
	CONF_cidrs,
	CONF_weighted,
};
enum conf_reload { CONF_RESTART, CONF_LIVE };
enum conf_privacy { CONF_PLAIN, CONF_SECRET };

struct conf_field { /* one row */
	const char *name;
	enum conf_type type;
	size_t offset;		  /* in the section's struct */
	const char *default_text; /* NULL: must be given */
	const char *min, *max;	  /* in the setting's own unit; for choice, max lists the words */
	enum conf_reload reload;
	enum conf_privacy privacy;
	const char *help;
};

#define CONF_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CONF_ROW(owner, field, type, default_text, min, max, reload, privacy, help)                \
	{#field, CONF_##type,	offsetof(owner, field), default_text, min,                         \
	 max,	 CONF_##reload, CONF_##privacy,		help},

/* How a section sits in its parent. */
enum conf_shape {
	CONF_ONE, /* `node: {...}` -> struct inside the parent */
	CONF_MAP, /* `sites: {gmail: {...}}` -> struct conf_items; the key goes to the child's first member, const char *name */
	CONF_LIST, /* `routes: [{...}, ...]` -> struct conf_items */
};
struct conf_items {
	void *items; /* array of the section's struct */
	size_t count;
};
/* The i-th item as its type: CONF_ITEM(&settings->sites, struct site_settings, i) */
#define CONF_ITEM(list, type, i) (&((type *)(list)->items)[i])

struct conf;
struct conf_section;

/* Settings that are built into the program: a text in the form of a file. */
struct conf_layer {
	const char *name, *text;
};

struct conf_child { /* a section inside another one */
	const struct conf_section *section;
	size_t offset; /* in the parent's struct */
};

struct conf_section {
	const char *name; /* key in the file */
	const char *help;
	enum conf_shape shape;
	size_t size; /* of the section's struct */
	const struct conf_field *fields;
	size_t field_count;
	const struct conf_child *children;
	size_t child_count;
	/* CONF_MAP: an entry of this name gives the defaults of all the others, field by field; NULL: none. It is created when absent. */
	const char *inherit_from;
	/* CONF_MAP: an entry of this name is created when absent, and gives the others nothing. NULL: none. */
	const char *always;
	/* CONF_MAP: an entry that the root's complete() made, and no file gives: not dumped. NULL: none is. */
	bool (*is_made)(const void *entry);
	/* Of the root only: the n-th text that lies under what the files say, setting by setting; name NULL: none, and nothing more. May
	 * ask the conf for what the files say, by conf_is_given() and conf_lists(). NULL: none. */
	struct conf_layer (*layer)(const struct conf *conf, size_t n);
	/* Of the root only: fills in defaults that depend on other settings, after the whole file is read and before any check. What
	 * is allocated from the arena lives as long as the conf. NULL: none. */
	void (*complete)(struct arena *arena, void *section);
	/* Checks that one row cannot express, on one struct of this section (one entry of a map or list); called after the whole file is
	 * read, children before their parent. NULL: none. Reports by conf_fault(). Settings with faults hold their defaults, and a
	 * required one that is absent holds an empty value, so that a check can go on; texts are never NULL. */
	void (*check)(struct conf *conf, const void *section, const char *path);
};

/* Reads `path` (and includes) by `root`. On E_MALFORMED or E_NOT_FOUND the faults are in the conf all the same: print them. */
enum err conf_load(const char *path, const struct conf_section *root,
		   struct conf **ret_conf) MUST_USE;
enum err conf_load_text(const char *text, const struct conf_section *root,
			struct conf **ret_conf) MUST_USE; /* for tests; "" gives the defaults */
void conf_free(struct conf **conf);
/* The root section's struct, filled; NULL when a file could not be read as YAML at all. */
const void *conf_root(const struct conf *conf);

/* Report a fault or a warning at a setting, by its path: "sites.gmail.connections". The line is found from the path. */
void conf_fault(struct conf *conf, const char *path, const char *format, ...) PRINTF_LIKE(3, 4);
void conf_warn(struct conf *conf, const char *path, const char *format, ...) PRINTF_LIKE(3, 4);
/* Does a file give this setting, be it with its default? */
bool conf_is_given(const struct conf *conf, const char *path);
/* Does a file give this setting as this word, or as a list with it? */
bool conf_lists(const struct conf *conf, const char *path, const char *word);
/* Where a setting stands: "leveret.yaml:12", with the entry it inherits from looked at too; "default" when nowhere. In `out`. */
void conf_origin(const struct conf *conf, const char *path, char *out, size_t size);
size_t conf_fault_count(const struct conf *conf);
size_t conf_warning_count(const struct conf *conf);
/* Each fault: `file:line:column: error: setting: what was expected`, the source line, and a caret; warnings among them.
 * as_json: one object {"faults": [{"file", "line", "column", "severity", "setting", "message"}, ...]}. */
void conf_print_faults(const struct conf *conf, FILE *out, bool as_json);

/* Every setting in force as YAML that conf_load reads again; of a secret only the place it came from, marked `# (hidden)`, and a
 * password inside an URL as stars. with_origin adds `# file:line` or `# default`. */
void conf_dump(const struct conf *conf, FILE *out, bool with_origin);
/* From the tables alone: a commented sample, and the reference page in Markdown. */
void conf_write_sample(const struct conf_section *root, FILE *out);
void conf_write_reference(const struct conf_section *root, FILE *out);

#endif
