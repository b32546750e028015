/* leveret suppression export: the table, as it stands, as CSV or a JSON object per line. */
#include <stdio.h>
#include <string.h>

#include "leveret/suppression_look.h"
#include "leveret/verbs.h"
#include "schemas/suppression_csv.h"

#define EXPORT_MS 3600000

struct export
{
	struct look look;
	struct buf out;
	bool is_csv;
};

static bool write_entry(struct errand *errand, struct bytes key, const struct suppression *entry)
{
	const struct look *look = errand->owner;
	struct export *export = look->owner;
	(void)key;
	buf_clear(&export->out);
	bool is_good = export->is_csv ? suppression_csv_write(entry, &export->out) == OK
				      : suppression_to_json(entry, &export->out) == OK &&
						buf_append(&export->out, BYTES("\n")) == OK;
	if (is_good)
		(void)fwrite(buf_bytes(&export->out).data, 1, buf_bytes(&export->out).len, stdout);
	return !ferror(stdout);
}

static void end_export(struct errand *errand)
{
	errand_end(errand, fflush(stdout) || ferror(stdout) ? EXIT_FAILED : EXIT_DONE);
}

static void export_all(struct errand *errand)
{
	static const struct look_steps steps = {write_entry, end_export};
	const struct look *look = errand->owner;
	const struct export *export = look->owner;
	if (export->is_csv)
		(void)printf("%s\n", suppression_csv_names);
	look_walk(errand, BYTES_NONE, &steps);
}

static int run_export(const struct options *options)
{
	const char *format = options_value(options, "format", "csv");
	struct export export = {
		.look = {.told = export_all},
		.is_csv = strcmp(format, "csv") == 0,
	};
	export.look.owner = &export;
	if (!export.is_csv && strcmp(format, "ndjson") != 0) {
		(void)fprintf(stderr, "leveret: --format %s: expected csv or ndjson\n", format);
		return EXIT_USAGE;
	}
	if (!look_filter(options, &export.look.filter))
		return EXIT_USAGE;
	buf_init(&export.out, 1 << 20);
	int code = look_run(&export.look, options, EXPORT_MS);
	buf_done(&export.out);
	return code;
}

static const struct option_row export_rows[] = {
	FILTER_ROWS,
	{"format", 'f', "FORMAT", "csv (the default) or ndjson"},
};

const struct verb verb_suppression_export = {
	.name = "suppression export",
	.synopsis = "",
	.summary = "the suppressions in force, for other programs",
	.text = "Writes what fits the options to standard output, as `suppression import` reads "
		"it.",
	.rows = export_rows,
	.row_count = FILTER_ROW_COUNT + 1,
	.run = run_export,
};
