/* leveret queue bounce | drop | move | flush: what is done with each message that fits.
 *
 *   count all that fit -> dry run: tell
 *                      -> ask -> do it -> tell     (--yes: at once) */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leveret/consent.h"
#include "leveret/directing.h"
#include "leveret/queue_act.h"
#include "leveret/verbs.h"
#include "lib/conf/units.h"
#include "lib/loop/loop.h"

struct change {
	struct walk walk;
	const struct act *act;
	struct act_wish wish;
	uint64_t message_count, recipient_count;
	bool is_dry, is_agreed, as_json, is_acting;
};

/* ---- each message ---- */

/* Recipients that fit, and those that do not. */
static void divide(const struct walk *walk, struct taken *taken,
		   const struct delivery_request *mail, struct delivery_request *fitting,
		   struct delivery_request *rest)
{
	struct recipient *all =
		arena_zalloc(taken->arena, 2 * mail->recipient_count, sizeof(struct recipient));
	*fitting = *rest = *mail;
	fitting->recipients = all;
	rest->recipients = all + mail->recipient_count;
	fitting->recipient_count = rest->recipient_count = 0;
	for (size_t i = 0; i < mail->recipient_count; i++) {
		struct delivery_request *its =
			selection_fits_recipient(&walk->selection, &mail->recipients[i]) ? fitting
											 : rest;
		its->recipients[its->recipient_count++] = mail->recipients[i];
	}
}

static bool look(struct walk *walk, struct taken *taken, struct delivery_request *mail)
{
	struct change *change = walk->owner;
	struct delivery_request fitting, rest;
	if (change->act->is_fit && !change->act->is_fit(&change->wish, mail))
		return false;
	divide(walk, taken, mail, &fitting, &rest);
	change->message_count++;
	change->recipient_count += fitting.recipient_count;
	if (change->is_acting)
		change->act->apply(&change->wish, walk, taken, &fitting, &rest);
	return change->is_acting;
}

/* ---- counting, asking, telling ---- */

static void tell(const struct change *change, bool is_done)
{
	if (change->as_json)
		(void)printf("{\"messages\":%" PRIu64 ",\"recipients\":%" PRIu64 ",\"%s\":%s}\n",
			     change->message_count, change->recipient_count, change->act->done_word,
			     is_done ? "true" : "false");
	else
		(void)printf("%" PRIu64 " messages for %" PRIu64 " recipients %s %s\n",
			     change->message_count, change->recipient_count,
			     is_done ? "were" : "would be", change->act->done_word);
}

static int done(struct walk *walk)
{
	struct change *change = walk->owner;
	if (change->is_acting || change->is_dry || change->message_count == 0) {
		tell(change, !change->is_dry);
		return EXIT_DONE;
	}
	if (!change->as_json)
		tell(change, false);
	if (!consent_given(false))
		return EXIT_REFUSED;
	change->message_count = change->recipient_count = 0;
	change->is_acting = true;
	walk_again(walk);
	return -1;
}

/* ---- the lines ---- */

static bool read_age(const struct options *options, struct selection *selection)
{
	const char *age = options_value(options, "older-than", NULL);
	int64_t age_ms = 0;
	if (!age)
		return true;
	if (!units_parse_duration(age, &age_ms)) {
		(void)fprintf(stderr,
			      "leveret: --older-than takes a time like 30m or 2d, not \"%s\"\n",
			      age);
		return false;
	}
	selection->accepted_before_wall_ms = clock_wall_ms(clock_system()) - age_ms;
	return true;
}

static bool says_what(const struct options *options)
{
	static const char *const selectors[] = {"pool",	  "site",	"tenant", "campaign",
						"domain", "older-than", "all"};
	for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++)
		if (options_has(options, selectors[i]))
			return true;
	return options->argument_count > 0;
}

static bool pool_is_known(const struct settings *settings, const char *name)
{
	const struct conf_items *pools = &settings->routing.pools;
	for (size_t i = 0; i < pools->count; i++)
		if (strcmp(CONF_ITEM(pools, struct pool_settings, i)->name, name) == 0)
			return true;
	(void)fprintf(stderr, "leveret: there is no pool \"%s\"\n", name);
	return false;
}

/* A domain of the tail has no queue of its own to be suspended. */
static int choose(const struct settings *settings, const struct options *options, void *owner)
{
	struct change *change = owner;
	struct directive subject = {.kind = DIRECTIVE_SUSPEND};
	if (change->act == &act_move && !pool_is_known(settings, change->wish.to_pool))
		return EXIT_NOT_FOUND;
	int code = suspending_subject(settings, options,
				      options->argument_count > 0 ? options->arguments[0] : NULL,
				      &subject);
	struct selection *selection = &change->walk.selection;
	selection->pool = subject.pool;
	selection->site = subject.site;
	selection->tenant = subject.tenant;
	selection->campaign = subject.campaign;
	selection->domain = bytes_of(options_value(options, "domain", ""));
	change->walk.subject = (struct directive){
		.kind = DIRECTIVE_SUSPEND,
		.pool = subject.pool,
		.site = suspension_site_is_domain(subject.site) ? BYTES(SUSPENSION_TAIL)
								: subject.site,
		.by = bytes_of(directing_user()),
		.reason = bytes_of(change->wish.reason),
	};
	return code;
}

static int run(const struct options *options, const struct act *act)
{
	struct change change = {
		.act = act,
		.walk = {.takes_queues = act->takes_queues,
			 .takes_waiting = true,
			 .pauses = true,
			 .choose = choose,
			 .look = look,
			 .done = done},
		.wish = {.to_pool = options_value(options, "to-pool", ""),
			 .reason = options_value(options, "reason", act->done_word),
			 .takes_scheduled = options_has(options, "scheduled")},
		.is_dry = options_has(options, "dry-run"),
		.is_agreed = options_has(options, "yes"),
		.as_json = options_has(options, "json"),
	};
	change.walk.owner = &change;
	change.is_acting = change.is_agreed && !change.is_dry;
	if (!says_what(options)) {
		(void)fprintf(stderr, "leveret: say which: a queue, --pool, --site, --tenant, "
				      "--campaign, --domain, --older-than, or --all\n");
		return EXIT_USAGE;
	}
	if (!read_age(options, &change.walk.selection))
		return EXIT_USAGE;
	if (!change.is_dry && !change.is_agreed && !isatty(STDIN_FILENO))
		return consent_given(false) ? EXIT_DONE : EXIT_REFUSED;
	return walk_run(&change.walk, options);
}

static int run_bounce(const struct options *options)
{
	return run(options, &act_bounce);
}

static int run_drop(const struct options *options)
{
	return run(options, &act_drop);
}

static int run_move(const struct options *options)
{
	if (options_has(options, "to-pool"))
		return run(options, &act_move);
	(void)fprintf(stderr, "leveret: say --to-pool\n");
	return EXIT_USAGE;
}

static int run_flush(const struct options *options)
{
	return run(options, &act_flush);
}

#define CHANGE_ROWS                                                                                \
	{"pool", 'p', "NAME", "what leaves from this pool"},                                       \
		{"site", 's', "NAME",                                                              \
		 "what goes to this site, to \"tail\", or to a domain of it"},                     \
		{"tenant", 't', "NAME", "mail of this tenant"},                                    \
		{"campaign", 0, "NAME", "mail of this campaign"},                                  \
		{"domain", 'd', "NAME", "recipients of this domain only"},                         \
		{"older-than", 0, "TIME", "accepted so long ago, as 2d"},                          \
		{"all", 0, NULL, "all mail that is to be delivered"},                              \
		{"dry-run", 0, NULL, "only count"},                                                \
	{                                                                                          \
		"yes", 'y', NULL, "do not ask"                                                     \
	}

static const struct option_row bounce_rows[] = {
	CHANGE_ROWS, {"reason", 0, "TEXT", "what the results say (default: bounced)"}};
static const struct option_row drop_rows[] = {CHANGE_ROWS};
static const struct option_row move_rows[] = {CHANGE_ROWS,
					      {"to-pool", 0, "NAME", "the pool it leaves from"}};
static const struct option_row flush_rows[] = {
	CHANGE_ROWS, {"scheduled", 0, NULL, "also what its sender wants to leave later"}};

#define WALK_TEXT                                                                                  \
	"\nFor what fits all that is given, in the queues and where it waits for its next "        \
	"attempt. Workers leave the queues alone\nmeanwhile; what they are sending is not "        \
	"touched.\n\n"

const struct verb verb_queue_bounce = {
	.name = "queue bounce",
	.synopsis = "[QUEUE]",
	.argument_max = 1,
	.summary = "give mail up: each recipient gets a bounced result",
	.text = "The results have the step `operator`, code 550 5.7.1 and the reason." WALK_TEXT
		"  leveret queue bounce --site slow.example --older-than 2d --dry-run\n"
		"  leveret queue bounce deliver.default.gmail --campaign spring --yes",
	.rows = bounce_rows,
	.row_count = CONF_COUNT(bounce_rows),
	.run = run_bounce,
};
const struct verb verb_queue_drop = {
	.name = "queue drop",
	.synopsis = "[QUEUE]",
	.argument_max = 1,
	.summary = "forget mail: nobody is told",
	.text = "There is no result of it, so its sender never hears what became of it: bounce is "
		"kinder." WALK_TEXT "  leveret queue drop --tenant test --dry-run",
	.rows = drop_rows,
	.row_count = CONF_COUNT(drop_rows),
	.run = run_drop,
};
const struct verb verb_queue_move = {
	.name = "queue move",
	.synopsis = "[QUEUE]",
	.argument_max = 1,
	.summary = "let mail leave from another pool",
	.text = "What waits goes on waiting for its time." WALK_TEXT
		"  leveret queue move deliver.default.gmail --to-pool bulk --yes",
	.rows = move_rows,
	.row_count = CONF_COUNT(move_rows),
	.run = run_move,
};
const struct verb verb_queue_flush = {
	.name = "queue flush",
	.synopsis = "[QUEUE]",
	.argument_max = 1,
	.summary = "try waiting mail now",
	.text = "What was tried before, or put off, goes to its queue at once. Attempts are "
		"counted as ever.\n\n  leveret queue flush --site gmail --yes",
	.rows = flush_rows,
	.row_count = CONF_COUNT(flush_rows),
	.run = run_flush,
};
