/* leveret suppression undo, held release, held drop: one directive with a filter, whose effect is counted before and waited for after.
 *
 *   follow the table -> count -> dry run: tell
 *                             -> ask -> directive -> each that fitted has changed -> tell */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "leveret/consent.h"
#include "leveret/directing.h"
#include "leveret/suppression_look.h"
#include "leveret/verbs.h"

#define LOOK_MS	   600000
#define SAMPLE_MAX 5

struct undo {
	struct look look;
	enum directive_kind kind;
	const char *done_word; /* "lifted" */
	bool is_dry, is_agreed;
	bool is_sent;
	uint64_t meant_count;
	struct look_cursor left; /* nothing before it is */
};

static void tell(const struct undo *undo, bool is_done)
{
	if (undo->look.as_json)
		(void)printf("{\"count\":%" PRIu64 ",\"%s\":%s}\n", undo->meant_count,
			     undo->done_word, is_done ? "true" : "false");
	else
		(void)printf("%" PRIu64 " %s %s\n", undo->meant_count,
			     is_done ? "suppressions were" : "suppressions would be",
			     undo->done_word);
}

static bool count_one(struct errand *errand, struct bytes key, const struct suppression *entry)
{
	const struct look *look = errand->owner;
	struct undo *undo = look->owner;
	(void)key;
	if (undo->meant_count++ < SAMPLE_MAX && !look->as_json)
		look_print(look, entry);
	return true;
}

static void send_it(struct errand *errand, struct undo *undo)
{
	struct directive directive = {
		.kind = undo->kind,
		.by = bytes_of(directing_user()),
		.has_filter = true,
		.filter = undo->look.filter,
	};
	undo->is_sent = true;
	direct(errand, &directive);
}

static void on_counted(struct errand *errand)
{
	struct look *look = errand->owner;
	struct undo *undo = look->owner;
	if (undo->meant_count > SAMPLE_MAX && !look->as_json)
		(void)printf("... and %" PRIu64 " more\n", undo->meant_count - SAMPLE_MAX);
	if (undo->is_dry || undo->meant_count == 0) {
		tell(undo, !undo->is_dry);
		errand_end(errand, EXIT_DONE);
		return;
	}
	if (!look->as_json)
		tell(undo, false);
	if (!consent_given(undo->is_agreed)) {
		errand_end(errand, EXIT_REFUSED);
		return;
	}
	send_it(errand, undo);
}

static void count(struct errand *errand)
{
	static const struct look_steps steps = {count_one, on_counted};
	look_walk(errand, BYTES_NONE, &steps);
}

static void on_changed(struct errand *errand)
{
	struct look *look = errand->owner;
	struct undo *undo = look->owner;
	if (!undo->is_sent || look_is_any_left(look, &undo->left))
		return;
	tell(undo, true);
	errand_end(errand, EXIT_DONE);
}

static int run(const struct options *options, enum directive_kind kind, const char *done_word)
{
	struct undo undo = {
		.look = {.told = count,
			 .changed = on_changed,
			 .wants_held = kind != DIRECTIVE_UNDO},
		.kind = kind,
		.done_word = done_word,
		.is_dry = options_has(options, "dry-run"),
		.is_agreed = options_has(options, "yes"),
	};
	undo.look.owner = &undo;
	if (!look_has_filter(options) && !options_has(options, "all")) {
		(void)fprintf(stderr, "leveret: say which (see --help), or --all\n");
		return EXIT_USAGE;
	}
	if (!look_filter(options, &undo.look.filter))
		return EXIT_USAGE;
	/* What comes from now on is not meant. */
	if (undo.look.filter.until_wall_ms == 0)
		undo.look.filter.until_wall_ms = clock_wall_ms(clock_system()) + 1;
	return look_run(&undo.look, options, LOOK_MS);
}

static int run_undo(const struct options *options)
{
	return run(options, DIRECTIVE_UNDO, "lifted");
}

static int run_release(const struct options *options)
{
	return run(options, DIRECTIVE_RELEASE_HELD, "released");
}

static int run_drop(const struct options *options)
{
	return run(options, DIRECTIVE_DROP_HELD, "dropped");
}

static const struct option_row rows[] = {
	FILTER_ROWS,
	{"all", 0, NULL, "all of them"},
	{"dry-run", 0, NULL, "only count, and show a few"},
	{"yes", 'y', NULL, "do not ask"},
};
#define ROW_COUNT (FILTER_ROW_COUNT + 3)

const struct verb verb_suppression_undo = {
	.name = "suppression undo",
	.synopsis = "",
	.summary = "lift the suppressions of a false alarm",
	.text = "Lifts what fits all the options given, on every host, and leaves the others "
		"alone. What happened before does not come "
		"back by itself, also when its bounces are read again.\n\n"
		"  leveret suppression undo --since 2h --domain example.com --rule unknown-user "
		"--dry-run",
	.rows = rows,
	.row_count = ROW_COUNT,
	.run = run_undo,
};
const struct verb verb_suppression_held_release = {
	.name = "suppression held release",
	.synopsis = "",
	.summary = "let held suppressions come into force",
	.text = "For those that fit all the options given.",
	.rows = rows,
	.row_count = ROW_COUNT,
	.run = run_release,
};
const struct verb verb_suppression_held_drop = {
	.name = "suppression held drop",
	.synopsis = "",
	.summary = "forget held suppressions",
	.text = "For those that fit all the options given: the bounces were wrong.",
	.rows = rows,
	.row_count = ROW_COUNT,
	.run = run_drop,
};
