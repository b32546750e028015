/* leveret suppression list | show | check | add | remove. Reading follows the replicated table; changing sends a directive to the bouncer,
 * which owns the table, and waits to see it there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leveret/directing.h"
#include "leveret/suppression_look.h"
#include "leveret/verbs.h"
#include "lib/obs/log.h"

#define LIMIT_MS     20000
#define LIST_WAIT_MS 600000

struct subject { /* of verbs on one address */
	struct look look;
	struct bytes tenant, stream;
	char address[SUPPRESSION_ADDRESS_SIZE];
	bool want_removed; /* add, remove: what is waited for */
	const char *reason;
	uint64_t version_before; /* when the directive was sent */
};

/* ---- list ---- */

struct listing {
	struct look look;
	const char *after;
	uint64_t limit;
};

static void print_all(struct errand *errand)
{
	struct look *look = errand->owner;
	const struct listing *listing = look->owner;
	struct look_entry **sorted = look_sorted(look);
	struct bytes after = bytes_of(listing->after);
	uint64_t printed = 0;
	bool is_behind = after.len == 0;
	for (size_t i = 0; i < look->fitting_count && printed < listing->limit; i++) {
		struct suppression suppression;
		if (!look_decode(look, sorted[i], &suppression))
			continue;
		if (is_behind) {
			look_print(look, &suppression);
			printed++;
		}
		is_behind |= bytes_equal(suppression.address, after);
	}
	if (printed == listing->limit && !look->as_json)
		(void)fprintf(stderr, "leveret: at most %" PRIu64 " are listed, of %zu\n",
			      listing->limit, look->fitting_count);
	errand_end(errand, EXIT_DONE);
}

static int list(const struct options *options, bool wants_held)
{
	struct listing listing = {
		.look = {.told = print_all, .wants_held = wants_held},
		.after = options_value(options, "after", ""),
		.limit = UINT64_MAX,
	};
	const char *limit = options_value(options, "limit", NULL);
	listing.look.owner = &listing;
	if (limit && !bytes_to_u64(bytes_of(limit), UINT32_MAX, &listing.limit)) {
		(void)fprintf(stderr, "leveret: --limit %s: expected a number\n", limit);
		return EXIT_USAGE;
	}
	if (!look_filter(options, &listing.look.filter))
		return EXIT_USAGE;
	return look_run(&listing.look, options, LIST_WAIT_MS);
}

static int run_list(const struct options *options)
{
	return list(options, false);
}

static int run_held_list(const struct options *options)
{
	return list(options, true);
}

/* ---- show and check ---- */

static bool print_scope(struct subject *subject, struct bytes tenant, struct bytes stream)
{
	struct suppression suppression;
	struct look_entry *entry = look_find(&subject->look, tenant, stream, subject->address);
	if (!entry || !look_decode(&subject->look, entry, &suppression))
		return false;
	look_print(&subject->look, &suppression);
	return true;
}

/* Of those that a look-up would ask, the narrowest. */
static void print_one(struct errand *errand)
{
	struct look *look = errand->owner;
	struct subject *subject = look->owner;
	bool is_found = print_scope(subject, subject->tenant, subject->stream) ||
			print_scope(subject, subject->tenant, BYTES_NONE) ||
			print_scope(subject, BYTES_NONE, BYTES_NONE);
	if (!is_found)
		(void)fprintf(stderr, "leveret: %s is not suppressed\n", subject->address);
	errand_end(errand, is_found ? EXIT_DONE : EXIT_NOT_FOUND);
}

/* ---- add and remove ---- */

static void tell_outcome(const struct subject *subject, bool is_changed)
{
	char address[SUPPRESSION_ADDRESS_SIZE * 6];
	(void)log_escape_json(bytes_of(subject->address), address, sizeof address);
	if (subject->look.as_json)
		(void)printf("{\"address\":\"%s\",\"suppressed\":%s,\"changed\":%s}\n", address,
			     subject->want_removed ? "false" : "true",
			     is_changed ? "true" : "false");
	else
		(void)printf("%s is %s%s\n", subject->address,
			     subject->want_removed ? "not suppressed" : "suppressed",
			     is_changed ? " now" : " already");
}

static struct look_entry *own_entry(struct subject *subject)
{
	return look_find(&subject->look, subject->tenant, subject->stream, subject->address);
}

static void see_change(struct errand *errand, struct look_entry *changed)
{
	struct look *look = errand->owner;
	struct subject *subject = look->owner;
	struct look_entry *known = own_entry(subject);
	if (changed != known || known->version <= subject->version_before ||
	    known->fits == subject->want_removed)
		return;
	tell_outcome(subject, true);
	errand_end(errand, EXIT_DONE);
}

static void send_directive(struct errand *errand)
{
	struct look *look = errand->owner;
	struct subject *subject = look->owner;
	const struct look_entry *known = own_entry(subject);
	bool is_so = known && known->fits;
	if (is_so != subject->want_removed) {
		tell_outcome(subject, false);
		errand_end(errand, EXIT_DONE);
		return;
	}
	subject->version_before = known ? known->version : 0;
	struct directive directive = {
		.kind = subject->want_removed ? DIRECTIVE_UNSUPPRESS : DIRECTIVE_SUPPRESS,
		.by = bytes_of(directing_user()),
		.has_suppression = true,
		.suppression = {.address = bytes_of(subject->address),
				.tenant = subject->tenant,
				.stream = subject->stream,
				.reason = bytes_of(subject->reason),
				.origin = BYTES("operator"),
				.created_wall_ms = loop_wall_ms(errand->loop)},
	};
	direct(errand, &directive);
}

static int run_on_address(const struct options *options, struct subject *subject)
{
	if (options->argument_count != 1) {
		(void)fprintf(stderr, "leveret: give one address\n");
		return EXIT_USAGE;
	}
	if (suppression_address(bytes_of(options->arguments[0]), false, subject->address) != OK) {
		(void)fprintf(stderr, "leveret: \"%s\" is not a mail address\n",
			      options->arguments[0]);
		return EXIT_USAGE;
	}
	subject->look.owner = subject;
	subject->tenant = bytes_of(options_value(options, "tenant", ""));
	subject->stream = bytes_of(options_value(options, "stream", ""));
	return look_run(&subject->look, options, LIMIT_MS);
}

static int run_show(const struct options *options)
{
	return run_on_address(options, &(struct subject){.look = {.told = print_one}});
}

static int run_add(const struct options *options)
{
	struct subject subject = {.look = {.told = send_directive, .changed = see_change},
				  .reason = options_value(options, "reason", "manual")};
	return run_on_address(options, &subject);
}

static int run_remove(const struct options *options)
{
	struct subject subject = {.look = {.told = send_directive, .changed = see_change},
				  .reason = options_value(options, "reason", "manual"),
				  .want_removed = true};
	return run_on_address(options, &subject);
}

static const struct option_row list_rows[] = {
	FILTER_ROWS,
	{"after", 0, "ADDRESS", "the page behind this address"},
	{"limit", 'n', "COUNT", "so many of them"},
};
#define LIST_ROW_COUNT (FILTER_ROW_COUNT + 2)
#define WHOSE_ROWS                                                                                 \
	{"tenant", 't', "NAME", "of that tenant; without: of everybody's mail"},                   \
	{                                                                                          \
		"stream", 0, "POOL", "of the mail from that pool only"                             \
	}
static const struct option_row show_rows[] = {WHOSE_ROWS};
static const struct option_row change_rows[] = {
	{"reason", 'r', "WORD", "why, kept with the entry (default: manual)"}, WHOSE_ROWS};

const struct verb verb_suppression_list = {
	.name = "suppression list",
	.synopsis = "",
	.summary = "addresses that get no mail",
	.text = "One line per suppressed address, in their order: address, reason, origin, since "
		"when, evidence. "
		"With --json one object per line. Options choose: all that are given must fit.",
	.rows = list_rows,
	.row_count = LIST_ROW_COUNT,
	.run = run_list,
};
const struct verb verb_suppression_held_list = {
	.name = "suppression held list",
	.synopsis = "",
	.summary = "suppressions that wait for an operator",
	.text = "There were more in an hour than bouncer.safety.max_suppressions, so a provider "
		"may have bounced good addresses. Until "
		"they are released, mail goes to them.",
	.rows = list_rows,
	.row_count = LIST_ROW_COUNT,
	.run = run_held_list,
};
const struct verb verb_suppression_show = {
	.name = "suppression show",
	.synopsis = "ADDRESS",
	.argument_max = 1,
	.summary = "why an address gets no mail",
	.text = "Prints the entry of an address, in any of its spellings. Exit code 3 when it is "
		"not suppressed.",
	.rows = show_rows,
	.row_count = 2,
	.run = run_show,
};
const struct verb verb_suppression_check = {
	.name = "suppression check",
	.synopsis = "ADDRESS",
	.argument_max = 1,
	.summary = "does an address get mail? the same as show",
	.text = "Prints the entry that stops mail to the address. Exit code 3 when it is not "
		"suppressed.",
	.rows = show_rows,
	.row_count = 2,
	.run = run_show,
};
const struct verb verb_suppression_add = {
	.name = "suppression add",
	.synopsis = "ADDRESS",
	.argument_max = 1,
	.summary = "send no more mail to an address",
	.text = "Asks the bouncer to suppress the address and waits until the table says so; every "
		"ingest and worker heeds it within 2 s.",
	.rows = change_rows,
	.row_count = 3,
	.run = run_add,
};
const struct verb verb_suppression_remove = {
	.name = "suppression remove",
	.synopsis = "ADDRESS",
	.argument_max = 1,
	.summary = "mail an address again",
	.text = "Asks the bouncer to remove the suppression of the address and waits until the "
		"table says so.",
	.rows = change_rows,
	.row_count = 3,
	.run = run_remove,
};
