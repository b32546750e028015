/* leveret suppression import.
 *
 * file -> lines -> directives of up to 500 entries, a few under way at once -> all kept by the broker; the bouncer does the rest
 *
 * Doing it again does no harm; after a failure it may go on from the first line that is not known to be kept. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/suppressions.h"
#include "leveret/directing.h"
#include "leveret/verbs.h"
#include "lib/base/memory.h"
#include "schemas/suppression_csv.h"

#define ENTRIES_MAX   500
#define BYTES_MAX     ((size_t)512 << 10) /* of a directive, about */
#define UNDER_WAY_MAX 8
#define FAULTS_TOLD   10
#define CONNECT_MS    20000
#define PROGRESS_MS   5000

struct import {
	struct errand errand;
	FILE *file;
	struct suppression_csv csv;
	const char *reason;
	struct bytes tenant, stream;
	char *line;
	size_t line_size;
	uint64_t line_number, kept, faulty;
	uint64_t from_line, first_lost_line; /* 0: nothing was lost */
	struct timer *progress;
	size_t under_way;
	bool as_json, is_json, is_csv_chosen, is_at_end, is_dry, has_failed;
	struct task more;
};

/* ---- reading ---- */

static void tell_fault(struct import *import, const char *why)
{
	if (import->faulty++ < FAULTS_TOLD)
		(void)fprintf(stderr, "leveret: line %" PRIu64 ": %s\n", import->line_number, why);
}

static bool looks_like_json(struct bytes line)
{
	line = bytes_strip(line);
	return line.len > 0 && line.data[0] == '{';
}

static enum err read_entry(struct import *import, struct arena *arena, struct bytes line,
			   struct suppression *ret, struct why *why)
{
	char address[SUPPRESSION_ADDRESS_SIZE];
	if (!import->is_csv_chosen)
		import->is_json = looks_like_json(line);
	import->is_csv_chosen = true;
	if (import->is_json && bytes_strip(line).len == 0)
		return E_NOT_FOUND;
	enum err err = import->is_json ? suppression_from_json(arena, bytes_strip(line), ret, why)
				       : suppression_csv_read(&import->csv, arena, line, ret, why);
	if (err)
		return err;
	if (suppression_address(ret->address, false, address))
		return fail(why, E_MALFORMED, "not a mail address");
	ret->address = arena_copy(arena, bytes_of(address));
	ret->is_removed = ret->is_held = false;
	ret->version = 0;
	if (ret->reason.len == 0)
		ret->reason = bytes_of(import->reason);
	if (ret->tenant.len == 0)
		ret->tenant = import->tenant;
	if (ret->stream.len == 0)
		ret->stream = import->stream;
	return OK;
}

/* Of what comes before it only the names of columns count. */
static bool is_passed_over(struct import *import, struct arena *arena, struct bytes line)
{
	struct suppression entry;
	if (import->line_number >= import->from_line)
		return false;
	if (import->line_number == 1)
		(void)read_entry(import, arena, line, &entry, NULL);
	return true;
}

static size_t size_of(const struct suppression *entry)
{
	return entry->address.len + entry->evidence.len + entry->reason.len + entry->tenant.len +
	       entry->stream.len + 100;
}

/* A directory, or a disk that fails: what was read of it is not all. */
static void tell_if_broken(struct import *import)
{
	if (!ferror(import->file))
		return;
	import->has_failed = true;
	(void)fprintf(stderr, "leveret: after line %" PRIu64 ": %s\n", import->line_number,
		      strerror(errno));
}

static size_t read_some(struct import *import, struct arena *arena, struct suppression *entries)
{
	size_t count = 0, bytes = 0;
	while (count < ENTRIES_MAX && bytes < BYTES_MAX) {
		struct why why = {"not an entry"};
		ssize_t len = getline(&import->line, &import->line_size, import->file);
		import->is_at_end = len < 0;
		if (len < 0) {
			tell_if_broken(import);
			break;
		}
		import->line_number++;
		struct bytes line = bytes_from(import->line, (size_t)len);
		if (is_passed_over(import, arena, line)) {
			arena_reset(arena);
			continue;
		}
		enum err err = read_entry(import, arena, line, &entries[count], &why);
		if (err == OK)
			bytes += size_of(&entries[count++]);
		else if (err != E_NOT_FOUND)
			tell_fault(import, why.text);
	}
	return count;
}

/* ---- sending ---- */

static void tell_end(struct import *import)
{
	if (import->as_json)
		(void)printf("{\"imported\":%" PRIu64 ",\"faulty\":%" PRIu64 ",\"dry_run\":%s}\n",
			     import->kept, import->faulty, import->is_dry ? "true" : "false");
	else
		(void)printf("%" PRIu64 " entries %s, %" PRIu64 " lines have faults\n",
			     import->kept, import->is_dry ? "are good" : "were taken",
			     import->faulty);
}

struct part { /* that the broker has not confirmed yet */
	struct import *import;
	uint64_t first_line;
	size_t count;
};

static void on_kept(void *owner, enum err err)
{
	struct part *part = owner;
	struct import *import = part->import;
	import->under_way--;
	if (!err)
		import->kept += part->count;
	else if (import->first_lost_line == 0 || part->first_line < import->first_lost_line)
		import->first_lost_line = part->first_line;
	free(part);
	if (err && !import->has_failed) {
		import->has_failed = true;
		(void)fprintf(stderr, "leveret: the broker did not take a part of the import: %s\n",
			      err_text(err));
	}
	loop_defer(import->errand.loop, &import->more);
}

static bool send_part(struct import *import, struct arena *arena, struct suppression *entries,
		      size_t count, uint64_t first_line)
{
	struct directive directive = {
		.kind = DIRECTIVE_IMPORT,
		.by = bytes_of(directing_user()),
		.suppressions = entries,
		.suppression_count = count,
	};
	struct buf out;
	struct directive checked;
	struct why why = {"too large"};
	buf_init(&out, 16 << 20);
	bool is_good = directive_encode(&directive, &out) == OK &&
		       directive_decode(arena, buf_bytes(&out), &checked, &why) == OK;
	if (is_good) {
		const struct publication publication = {
			.exchange = EXCHANGE_INBOUND, .key = "directive", .head = buf_bytes(&out)};
		struct part *part = memory_new(sizeof *part);
		*part = (struct part){import, first_line, count};
		import->under_way++;
		broker_publish(import->errand.broker, &publication, on_kept, part);
	} else {
		(void)fprintf(stderr, "leveret: up to line %" PRIu64 ": %s\n", import->line_number,
			      why.text);
		import->has_failed = true;
	}
	buf_done(&out);
	return is_good;
}

static void send_more(void *owner)
{
	struct import *import = owner;
	struct suppression entries[ENTRIES_MAX];
	while (import->under_way < UNDER_WAY_MAX && !import->is_at_end && !import->has_failed) {
		struct arena *arena = arena_new();
		uint64_t first_line = import->line_number + 1;
		size_t count = read_some(import, arena, entries);
		if (count > 0)
			(void)send_part(import, arena, entries, count, first_line);
		arena_free(&arena);
	}
	if (import->under_way > 0)
		return;
	timer_free(&import->progress);
	if (import->first_lost_line > 0)
		(void)fprintf(stderr, "leveret: go on with --from-line %" PRIu64 "\n",
			      import->first_lost_line);
	tell_end(import);
	errand_end(&import->errand,
		   import->has_failed || import->faulty > 0 ? EXIT_FAILED : EXIT_DONE);
}

static void tell_progress(void *owner)
{
	struct import *import = owner;
	(void)fprintf(stderr, "leveret: line %" PRIu64 ", %" PRIu64 " entries were taken\n",
		      import->line_number, import->kept);
	timer_start(import->progress, PROGRESS_MS);
}

static void begin(struct errand *errand)
{
	struct import *import = errand->owner;
	errand_has_no_limit(errand);
	import->progress = timer_new(errand->loop, tell_progress, import);
	timer_start(import->progress, PROGRESS_MS);
	import->more = (struct task){.run = send_more, .owner = import};
	loop_defer(errand->loop, &import->more);
}

static int try_all(struct import *import)
{
	struct suppression entries[ENTRIES_MAX];
	while (!import->is_at_end) {
		struct arena *arena = arena_new();
		import->kept += read_some(import, arena, entries);
		arena_free(&arena);
	}
	tell_end(import);
	return import->has_failed || import->faulty > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int run_import(const struct options *options)
{
	struct import import = {
		.errand = {.begin = begin, .waits_for = "the broker"},
		.reason = options_value(options, "reason", "import"),
		.tenant = bytes_of(options_value(options, "tenant", "")),
		.stream = bytes_of(options_value(options, "stream", "")),
		.is_dry = options_has(options, "dry-run"),
		.as_json = options_has(options, "json"),
	};
	const char *name = options->argument_count > 0 ? options->arguments[0] : "-";
	const char *from = options_value(options, "from-line", "1");
	if (!bytes_to_u64(bytes_of(from), UINT64_MAX, &import.from_line)) {
		(void)fprintf(stderr, "leveret: --from-line %s: expected a number\n", from);
		return EXIT_USAGE;
	}
	import.errand.owner = &import;
	import.file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	if (!import.file) {
		(void)fprintf(stderr, "leveret: %s: cannot be read\n", name);
		return EXIT_FAILED;
	}
	int code =
		import.is_dry ? try_all(&import) : errand_run(&import.errand, options, CONNECT_MS);
	if (import.file != stdin)
		(void)fclose(import.file);
	free(import.line);
	return code;
}

static const struct option_row import_rows[] = {
	{"reason", 'r', "WORD", "of entries that give none (default: import)"},
	{"tenant", 't', "NAME", "of entries that give none"},
	{"stream", 0, "POOL", "of entries that give none"},
	{"from-line", 0, "NUMBER", "go on there, after an import that did not come to its end"},
	{"dry-run", 0, NULL, "only read the file, and tell its faults"},
};
const struct verb verb_suppression_import = {
	.name = "suppression import",
	.synopsis = "[FILE]",
	.argument_max = 1,
	.summary = "suppress the addresses of a file",
	.text = "Reads CSV or a JSON object per line (docs/suppressions.md), from FILE or standard "
		"input. An address may be given as the "
		"SHA-256 of its canonical form, as 64 hexadecimal digits. What is in force already "
		"stays as it is. Lines with faults are "
		"told and left out, and the exit code is 1. It ends when the broker has all of it; "
		"the bouncer does it as soon as it runs. How far it is is told every 5 s on "
		"standard error. An import may be repeated: what stands already stays.",
	.rows = import_rows,
	.row_count = sizeof import_rows / sizeof import_rows[0],
	.run = run_import,
};
