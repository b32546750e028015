/* leveret campaign recall: a directive to the bouncer, and its answer from the table of directives. */
#include <stdio.h>
#include <string.h>

#include "leveret/directing.h"
#include "leveret/program.h"
#include "leveret/verbs.h"
#include "lib/base/clock.h"
#include "lib/obs/log.h"

#define LIMIT_MS  20000
#define NAME_ROOM (SCHEMA_NAME_MAX * 6 + 1)

struct recall {
	struct directive directive;
	uint8_t key[SUPPRESSION_KEY_MAX];
	size_t key_len;
	struct table_follower *follower;
	bool as_json, is_sent;
};

static void tell(const struct recall *recall)
{
	const struct directive *directive = &recall->directive;
	char campaign[NAME_ROOM], until[CLOCK_RFC3339_SIZE];
	(void)log_escape_json(directive->campaign, campaign, sizeof campaign);
	clock_rfc3339(directive->until_wall_ms, until);
	if (recall->as_json)
		(void)printf("{\"campaign\":\"%s\",\"accepted_until\":\"%s\"}\n", campaign, until);
	else
		(void)printf("%.*s is recalled: what was accepted until %s and has not left will "
			     "not leave\n",
			     BYTES_ARGS(directive->campaign), until);
}

static void on_entry(void *owner, const struct table_entry *entry, uint64_t position)
{
	struct errand *errand = owner;
	const struct recall *recall = errand->owner;
	(void)position;
	if (!bytes_equal(entry->key, bytes_from(recall->key, recall->key_len)) ||
	    entry->version < (uint64_t)recall->directive.until_wall_ms)
		return;
	tell(recall);
	errand_end(errand, EXIT_DONE);
}

static void on_caught_up(void *owner)
{
	struct errand *errand = owner;
	struct recall *recall = errand->owner;
	if (!recall->is_sent)
		direct(errand, &recall->directive);
	recall->is_sent = true;
}

static void begin(struct errand *errand)
{
	static const struct table_handler handler = {.entry = on_entry, .caught_up = on_caught_up};
	struct recall *recall = errand->owner;
	recall->directive.until_wall_ms = loop_wall_ms(errand->loop);
	recall->follower = table_follow(errand->broker, "directives", 0, &handler, errand);
}

static void finish(struct errand *errand)
{
	struct recall *recall = errand->owner;
	table_follower_free(&recall->follower);
}

static int run(const struct options *options)
{
	if (options->argument_count != 1) {
		(void)fprintf(stderr, "leveret: give one campaign\n");
		return EXIT_USAGE;
	}
	struct recall recall = {
		.directive = {.kind = DIRECTIVE_RECALL,
			      .tenant = bytes_of(options_value(options, "tenant", "")),
			      .campaign = bytes_of(options->arguments[0]),
			      .by = bytes_of(directing_user())},
		.as_json = options_has(options, "json"),
	};
	recall.key_len = directive_key(&recall.directive, recall.key);
	struct errand errand = {.begin = begin, .finish = finish, .owner = &recall};
	return errand_run(&errand, options, LIMIT_MS);
}

static const struct option_row rows[] = {
	{"tenant", 't', "NAME", "whose campaign (default: mail that has no tenant)"}};

const struct verb verb_campaign_recall = {
	.name = "campaign recall",
	.synopsis = "CAMPAIGN",
	.argument_max = 1,
	.summary = "let what is left of a campaign not leave",
	.text = "Asks the bouncer to recall the campaign and waits until the table says so: mail "
		"of "
		"it that was\naccepted before and has not left gives `cancelled` results, on every "
		"worker within 2 s. What is\naccepted later is sent.",
	.rows = rows,
	.row_count = 1,
	.run = run,
};
