/* leveret results follow, leveret events follow; leveret results unfollow is verb_unfollow.c. */
#include "leveret/follow.h"
#include "leveret/program.h"
#include "leveret/verbs.h"

static const struct option_row results_rows[] = {
	{"queue", 'q', "NAME",
	 "whose results: followers of one name share them (default: by what is selected)"},
	{"event", 'e', "EVENT",
	 "delivered, deferred, bounced, expired, suppressed or cancelled; may be given several "
	 "times"},
	{"pool", 'p', "POOL", "only of this pool"},
	{"site", 's', "SITE", "only of this site"},
	{"pattern", 0, "TOPIC",
	 "instead of these: keys <event>.<pool>.<site>, * for one word, # for any"},
	{"once", 0, NULL, "end when no result came for 2 s"},
	{"limit", 'n', "N",
	 "end after N results, or a few more: what came together stays together"},
	{"from-now", 0, NULL, "pass over results made before"},
};

static int run_results(const struct options *options)
{
	return follow_run(options, false);
}

const struct verb verb_results_follow = {
	.name = "results follow",
	.synopsis = "",
	.summary = "what became of every message, as lines of JSON",
	.text = "Prints a line of JSON for each result: delivered, deferred, bounced, expired, "
		"suppressed. A result is gone from the broker only\n"
		"when standard output took its line, so that nothing is missed over a kill, a full "
		"pipe or a broker that was away: start it again,\n"
		"and what was not taken comes again. Some may come twice: drop repeats by id, "
		"recipient, attempt and event.\n\n"
		"The results gather in a durable queue, NAME, also while nobody follows. "
		"Followers with different names each get all;\n"
		"those with one name share. A name keeps every selection it was ever started "
		"with. leveret results unfollow NAME ends it.\n\n"
		"  leveret results follow | my-loader\n"
		"  leveret results follow --event bounced --site gmail --queue gmail-bounces",
	.rows = results_rows,
	.row_count = sizeof results_rows / sizeof results_rows[0],
	.run = run_results,
};

/* ---- events ---- */

static int run_events(const struct options *options)
{
	return follow_run(options, true);
}

static const struct option_row events_rows[] = {
	{"queue", 'q', "NAME",
	 "whose events: followers of one name share them (default: by what is selected)"},
	{"kind", 'k', "KIND",
	 "delivered, bounced, complained, suppression_added, alert, shaping_fired, ...; may be "
	 "given several times"},
	{"pattern", 0, "TOPIC",
	 "instead of these: keys event.<kind>.<pool>.<site>, * for one word, # for any"},
	{"once", 0, NULL, "end when no event came for 2 s"},
	{"limit", 'n', "N", "end after N events, or a few more: what came together stays together"},
	{"from-now", 0, NULL, "pass over events told before"},
};

const struct verb verb_events_follow = {
	.name = "events follow",
	.synopsis = "",
	.summary = "what the bouncer and shaping rules tell, as lines of JSON",
	.text = "Prints a line of JSON for each event: results with their class, complaints, "
		"suppressions, alerts, shaping rules that fired\n"
		"(docs/bounces.md). It is followed as results are: leveret results follow --help. "
		"Drop repeats by id.\n"
		"leveret results unfollow NAME deletes its queue.\n\n"
		"  leveret events follow | my-loader\n"
		"  leveret events follow --kind shaping_fired --kind shaping_ended --queue shaping",
	.rows = events_rows,
	.row_count = sizeof events_rows / sizeof events_rows[0],
	.run = run_events,
};
