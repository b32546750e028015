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

#define TABLE_MS 600000 /* for ten million entries, and a bouncer that is busy */

struct subject { /* of verbs on one address */
	struct look look;
	struct bytes tenant, stream;
	char address[SUPPRESSION_ADDRESS_SIZE];
	bool want_removed; /* add, remove: what is waited for */
	const char *reason;
	bool is_sent; /* the directive */
};

/* ---- list ---- */

struct listing {
	struct look look;
	struct look_cursor behind, last;
	uint64_t limit, count;
};

static bool print_entry(struct errand *errand, struct bytes key, const struct suppression *entry)
{
	struct look *look = errand->owner;
	struct listing *listing = look->owner;
	if (listing->count == listing->limit) {
		listing->count++;
		return false;
	}
	listing->count++;
	memcpy(listing->last.key, key.data, key.len);
	listing->last.len = key.len;
	look_print(look, entry);
	return true;
}

static void end_list(struct errand *errand)
{
	const struct look *look = errand->owner;
	const struct listing *listing = look->owner;
	if (listing->count > listing->limit) {
		(void)fprintf(stderr, "leveret: there are more: --after ");
		for (size_t i = 0; i < listing->last.len; i++)
			(void)fprintf(stderr, "%02x", listing->last.key[i]);
		(void)fprintf(stderr, "\n");
	}
	errand_end(errand, EXIT_DONE);
}

static void print_all(struct errand *errand)
{
	static const struct look_steps steps = {print_entry, end_list};
	const struct look *look = errand->owner;
	const struct listing *listing = look->owner;
	look_walk(errand, bytes_from(listing->behind.key, listing->behind.len), &steps);
}

/* What an earlier list has told, or the address of an entry, which need not stand there any more. */
static bool parse_after(const struct options *options, bool wants_held, struct look_cursor *ret)
{
	struct bytes text = bytes_of(options_value(options, "after", ""));
	char address[SUPPRESSION_ADDRESS_SIZE];
	struct suppression place = {
		.tenant = bytes_of(options_value(options, "tenant", "")),
		.stream = bytes_of(options_value(options, "stream", "")),
		.is_held = wants_held,
	};
	if (text.len == 0)
		return true;
	if (suppression_address(text, false, address) == OK) {
		place.address = bytes_of(address);
		ret->len = suppression_entry_key(&place, ret->key);
		return true;
	}
	if (text.len % 2 != 0 || text.len / 2 > STORE_KEY_MAX)
		return false;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = bytes_hex_digit(text.data[i]), low = bytes_hex_digit(text.data[i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret->key[i / 2] = (uint8_t)(high << 4 | low);
	}
	ret->len = text.len / 2;
	return true;
}

static int list(const struct options *options, bool wants_held)
{
	struct listing listing = {
		.look = {.told = print_all, .wants_held = wants_held},
		.limit = UINT64_MAX,
	};
	const char *limit = options_value(options, "limit", NULL);
	listing.look.owner = &listing;
	if (limit && !bytes_to_u64(bytes_of(limit), UINT32_MAX, &listing.limit)) {
		(void)fprintf(stderr, "leveret: --limit %s: expected a number\n", limit);
		return EXIT_USAGE;
	}
	if (!parse_after(options, wants_held, &listing.behind)) {
		(void)fprintf(
			stderr,
			"leveret: --after %s: expected what an earlier list told, or an address\n",
			options_value(options, "after", ""));
		return EXIT_USAGE;
	}
	if (!look_filter(options, &listing.look.filter))
		return EXIT_USAGE;
	return look_run(&listing.look, options, TABLE_MS);
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
	if (!look_get(&subject->look, tenant, stream, subject->address, &suppression))
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

static bool is_suppressed(struct subject *subject)
{
	struct suppression suppression;
	return look_get(&subject->look, subject->tenant, subject->stream, subject->address,
			&suppression);
}

static void see_change(struct errand *errand)
{
	struct look *look = errand->owner;
	struct subject *subject = look->owner;
	if (!subject->is_sent || is_suppressed(subject) == subject->want_removed)
		return;
	tell_outcome(subject, true);
	errand_end(errand, EXIT_DONE);
}

static void send_directive(struct errand *errand)
{
	struct look *look = errand->owner;
	struct subject *subject = look->owner;
	if (is_suppressed(subject) != subject->want_removed) {
		tell_outcome(subject, false);
		errand_end(errand, EXIT_DONE);
		return;
	}
	subject->is_sent = true;
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
	subject->look.filter.prefix = bytes_of(subject->address);
	subject->tenant = bytes_of(options_value(options, "tenant", ""));
	subject->stream = bytes_of(options_value(options, "stream", ""));
	return look_run(&subject->look, options, TABLE_MS);
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
	{"after", 0, "CURSOR",
	 "the page behind it: what the page before told, or an address (with its tenant and "
	 "stream)"},
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
