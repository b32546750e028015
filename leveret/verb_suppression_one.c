/* leveret suppression show | check | add | remove: verbs on one address. The bouncers are asked, which own the table.
 *
 *   show, check: ask -> print
 *   add, remove: ask -> as it is wanted: end; else directive to the bouncer -> ask again until it is so, in the table too
 *   nobody answers, or nobody can know yet: the whole table is read (suppression_look.h), which takes as long as it is long */
#include <stdio.h>
#include <string.h>

#include "leveret/directing.h"
#include "leveret/suppression_ask.h"
#include "leveret/suppression_look.h"
#include "leveret/verbs.h"
#include "lib/obs/log.h"

#define TABLE_MS      600000 /* for ten million entries, and a bouncer that is busy */
#define AGAIN_MS      20     /* each wait is twice the one before */
#define AGAIN_LONG_MS 1000

struct subject {
	struct suppression_ask ask;
	struct look look; /* its filter and as_json hold for both ways */
	struct bytes tenant, stream;
	char address[SUPPRESSION_ADDRESS_SIZE];
	bool want_removed; /* add, remove: what is waited for */
	const char *reason;
	bool is_sent; /* the directive */
	struct timer *again;
	int64_t again_ms;
	const char *why_table; /* NULL: it need not be read */
};

/* ---- what both ways share ---- */

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

static void end_shown(struct errand *errand, const struct subject *subject, bool is_found)
{
	if (!is_found)
		(void)fprintf(stderr, "leveret: %s is not suppressed\n", subject->address);
	errand_end(errand, is_found ? EXIT_DONE : EXIT_NOT_FOUND);
}

static void end_changed(struct errand *errand, const struct subject *subject, bool is_changed)
{
	tell_outcome(subject, is_changed);
	errand_end(errand, EXIT_DONE);
}

static void send_directive(struct errand *errand, struct subject *subject)
{
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

/* ---- bouncers are asked ---- */

static void read_table_instead(struct errand *errand, const char *why)
{
	struct subject *subject = errand->owner;
	subject->why_table = why;
	errand_end(errand, EXIT_NO_SERVER);
}

static bool is_in_force(const struct errand *errand, const struct standing *standing)
{
	return standing_is_in_force(standing, loop_wall_ms(errand->loop));
}

static void on_shown(struct errand *errand, const struct standing *standing)
{
	const struct subject *subject = errand->owner;
	bool is_found = standing && is_in_force(errand, standing);
	if (!standing) {
		read_table_instead(errand, "no bouncer answered");
		return;
	}
	if (!is_found && !standing->is_table_whole) {
		read_table_instead(errand, "the bouncer does not know all of it yet");
		return;
	}
	if (is_found)
		look_print(&subject->look, &standing->entry);
	end_shown(errand, subject, is_found);
}

static void ask_again(void *owner)
{
	struct errand *errand = owner;
	struct subject *subject = errand->owner;
	suppression_ask_now(&subject->ask, errand);
}

static void ask_later(struct errand *errand)
{
	struct subject *subject = errand->owner;
	timer_start(subject->again, subject->again_ms);
	subject->again_ms *= 2;
	if (subject->again_ms > AGAIN_LONG_MS)
		subject->again_ms = AGAIN_LONG_MS;
}

/* What nobody knows of is not suppressed when all is known; else its removal is to be seen. */
static bool is_as_wanted(const struct errand *errand, const struct standing *standing)
{
	const struct subject *subject = errand->owner;
	if (!subject->want_removed)
		return is_in_force(errand, standing);
	return !is_in_force(errand, standing) && (standing->is_known || standing->is_table_whole);
}

static void on_asked_after(struct errand *errand, const struct standing *standing)
{
	const struct subject *subject = errand->owner;
	bool is_done = standing && is_as_wanted(errand, standing) &&
		       (standing->is_in_table || !standing->is_known);
	if (is_done)
		end_changed(errand, subject, true);
	else
		ask_later(errand);
}

static void on_asked_before(struct errand *errand, const struct standing *standing)
{
	struct subject *subject = errand->owner;
	if (!standing) {
		read_table_instead(errand, "no bouncer answered");
		return;
	}
	if (is_as_wanted(errand, standing)) {
		end_changed(errand, subject, false);
		return;
	}
	subject->ask.told = on_asked_after;
	send_directive(errand, subject);
	ask_later(errand);
}

static void begin(struct errand *errand)
{
	struct subject *subject = errand->owner;
	subject->again = timer_new(errand->loop, ask_again, errand);
	subject->again_ms = AGAIN_MS;
	suppression_ask_now(&subject->ask, errand);
}

static void finish(struct errand *errand)
{
	struct subject *subject = errand->owner;
	suppression_ask_done(&subject->ask);
	timer_free(&subject->again);
}

/* ---- the table is read ---- */

static bool table_has(struct subject *subject, struct bytes tenant, struct bytes stream,
		      struct suppression *ret)
{
	return look_get(&subject->look, tenant, stream, subject->address, ret);
}

/* Of those that a look-up would ask, the narrowest. */
static void print_one(struct errand *errand)
{
	struct look *look = errand->owner;
	struct subject *subject = look->owner;
	struct suppression found;
	bool is_found = table_has(subject, subject->tenant, subject->stream, &found) ||
			table_has(subject, subject->tenant, BYTES_NONE, &found) ||
			table_has(subject, BYTES_NONE, BYTES_NONE, &found);
	if (is_found)
		look_print(look, &found);
	end_shown(errand, subject, is_found);
}

static bool is_suppressed(struct subject *subject)
{
	struct suppression found;
	return table_has(subject, subject->tenant, subject->stream, &found);
}

static void see_change(struct errand *errand)
{
	struct look *look = errand->owner;
	struct subject *subject = look->owner;
	if (subject->is_sent && is_suppressed(subject) != subject->want_removed)
		end_changed(errand, subject, true);
}

static void change_one(struct errand *errand)
{
	struct look *look = errand->owner;
	struct subject *subject = look->owner;
	if (is_suppressed(subject) != subject->want_removed)
		end_changed(errand, subject, false);
	else
		send_directive(errand, subject);
}

/* ---- the verbs ---- */

static bool is_line(struct bytes text)
{
	return bytes_find(text, '\n') < 0;
}

static bool read_options(const struct options *options, struct subject *subject)
{
	subject->tenant = bytes_of(options_value(options, "tenant", ""));
	subject->stream = bytes_of(options_value(options, "stream", ""));
	if (options->argument_count != 1)
		(void)fprintf(stderr, "leveret: give one address\n");
	else if (suppression_address(bytes_of(options->arguments[0]), false, subject->address))
		(void)fprintf(stderr, "leveret: \"%s\" is not a mail address\n",
			      options->arguments[0]);
	else if (!is_line(subject->tenant) || !is_line(subject->stream))
		(void)fprintf(stderr, "leveret: names of tenants and pools are one line\n");
	else
		return true;
	return false;
}

static int run_on_address(const struct options *options, struct subject *subject)
{
	struct errand errand = {.begin = begin, .finish = finish, .owner = subject};
	if (!read_options(options, subject))
		return EXIT_USAGE;
	subject->ask.address = subject->address;
	subject->ask.tenant = subject->tenant;
	subject->ask.stream = subject->stream;
	subject->look.owner = subject;
	subject->look.filter.prefix = bytes_of(subject->address);
	subject->look.as_json = options_has(options, "json");
	int code = errand_run(&errand, options, TABLE_MS);
	if (!subject->why_table)
		return code;
	(void)fprintf(stderr, "leveret: %s: the whole table is read instead\n", subject->why_table);
	return look_run(&subject->look, options, TABLE_MS);
}

static int run_show(const struct options *options)
{
	struct subject subject = {.ask = {.told = on_shown}, .look = {.told = print_one}};
	return run_on_address(options, &subject);
}

static int run_change(const struct options *options, bool want_removed)
{
	struct subject subject = {.ask = {.told = on_asked_before, .is_exact = true},
				  .look = {.told = change_one, .changed = see_change},
				  .reason = options_value(options, "reason", "manual"),
				  .want_removed = want_removed};
	return run_on_address(options, &subject);
}

static int run_add(const struct options *options)
{
	return run_change(options, false);
}

static int run_remove(const struct options *options)
{
	return run_change(options, true);
}

#define HOW                                                                                        \
	" Bouncers are asked, from any host; where none answers, the whole table is read, which "  \
	"may take minutes."
#define WHOSE_ROWS                                                                                 \
	{"tenant", 't', "NAME", "of that tenant; without: of everybody's mail"},                   \
	{                                                                                          \
		"stream", 0, "POOL", "of the mail from that pool only"                             \
	}
static const struct option_row show_rows[] = {WHOSE_ROWS};
static const struct option_row change_rows[] = {
	{"reason", 'r', "WORD", "why, kept with the entry (default: manual)"}, WHOSE_ROWS};

const struct verb verb_suppression_show = {
	.name = "suppression show",
	.synopsis = "ADDRESS",
	.argument_max = 1,
	.summary = "why an address gets no mail",
	.text = "Prints the entry of an address, in any of its spellings. Exit code 3 when it is "
		"not suppressed." HOW,
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
		"suppressed." HOW,
	.rows = show_rows,
	.row_count = 2,
	.run = run_show,
};
const struct verb verb_suppression_add = {
	.name = "suppression add",
	.synopsis = "ADDRESS",
	.argument_max = 1,
	.summary = "send no more mail to an address",
	.text = "Asks the bouncer to suppress the address and waits until the table has it; every "
		"ingest and worker heeds it within 2 s." HOW,
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
		"table has it." HOW,
	.rows = change_rows,
	.row_count = 3,
	.run = run_remove,
};
