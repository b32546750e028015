/* leveret results unfollow: a follower's queue goes, so that nothing gathers for it any more. */
#include <stdio.h>

#include "leveret/following.h"
#include "leveret/program.h"
#include "leveret/verbs.h"

#define LIMIT_MS 10000

struct unfollow {
	struct following following;
	bool drops_messages;
};

static void on_unsubscribed(void *owner, enum err err)
{
	struct errand *errand = owner;
	const struct unfollow *unfollow = errand->owner;
	const char *name = unfollow->following.queue;
	int code = EXIT_FAILED;
	if (err == OK) {
		code = EXIT_DONE;
	} else if (err == E_NOT_FOUND) {
		(void)fprintf(stderr, "leveret: nobody follows as \"%s\"\n", name);
		code = EXIT_NOT_FOUND;
	} else if (err == E_BLOCKED || err == E_FULL || err == E_REFUSED) {
		(void)fprintf(stderr, "leveret: \"%s\" %s\n", name,
			      err == E_BLOCKED ? "is being followed now"
			      : err == E_FULL  ? "holds results that nobody took: follow them, or "
						 "give --force to drop them"
					       : "may not be deleted by this user of the broker");
		code = EXIT_REFUSED;
	} else {
		(void)fprintf(stderr, "leveret: the broker did not answer: %s\n", err_text(err));
	}
	errand_end(errand, code);
}

static void unsubscribe(struct errand *errand)
{
	const struct unfollow *unfollow = errand->owner;
	broker_unsubscribe(errand->broker, unfollow->following.queue, unfollow->drops_messages,
			   on_unsubscribed, errand);
}

static int run_unfollow(const struct options *options)
{
	struct why why = {""};
	struct unfollow unfollow = {.drops_messages = options_has(options, "force")};
	struct errand errand = {.begin = unsubscribe, .owner = &unfollow};
	const char *name = options->argument_count > 0 ? options->arguments[0] : "";
	if (following_name(name, &unfollow.following, &why) != OK) {
		(void)fprintf(stderr, "leveret: %s\n", why.text);
		return EXIT_USAGE;
	}
	return errand_run(&errand, options, LIMIT_MS);
}

static const struct option_row unfollow_rows[] = {
	{"force", 0, NULL, "drop the results that nobody took"},
};

const struct verb verb_results_unfollow = {
	.name = "results unfollow",
	.synopsis = "NAME",
	.argument_max = 1,
	.summary = "stop gathering results for a follower",
	.text = "Deletes the queue NAME. Exit code 3 when there is none, 4 when somebody "
		"follows it now, or when it holds results and\n"
		"--force is not given.",
	.rows = unfollow_rows,
	.row_count = sizeof unfollow_rows / sizeof unfollow_rows[0],
	.run = run_unfollow,
};
