/* leveret shaping list, shaping cancel: what shaping rules have put in force in the workers that answer.
 *
 *   question to all workers -> their answers, for a while -> told */
#include <stdio.h>
#include <string.h>

#include "broker/rows_answer.h"
#include "leveret/program.h"
#include "leveret/verbs.h"
#include "workers/shaping_talk.h"

#define LIMIT_MS     20000
#define ANSWERS_MS   2000
#define QUESTION_MAX 400

struct force_errand {
	char question[QUESTION_MAX];
	bool is_list, as_json;
	struct asking *asking;
	struct timer *timer;
	size_t answer_count;
};

static void print_rows(struct force_errand *force, struct bytes answer)
{
	struct bytes rows, key, row;
	uint32_t number;
	bool is_last;
	if (rows_answer_read(answer, &number, &is_last, &rows))
		return;
	for (; rows_answer_next(&rows, &key, &row); force->answer_count++)
		(void)printf("%s%.*s%s", force->as_json && force->answer_count > 0 ? ",\n" : "",
			     BYTES_ARGS(row), force->as_json ? "" : "\n");
}

static void on_answer(void *owner, struct bytes answer)
{
	struct errand *errand = owner;
	struct force_errand *force = errand->owner;
	if (force->is_list)
		print_rows(force, answer);
	else
		force->answer_count++;
}

static void on_time(void *owner)
{
	struct errand *errand = owner;
	const struct force_errand *force = errand->owner;
	if (force->is_list && force->as_json)
		(void)printf("]\n");
	else if (!force->is_list && force->as_json)
		(void)printf("{\"workers\":%zu}\n", force->answer_count);
	else if (!force->is_list && force->answer_count > 0)
		(void)printf("cancelled in %zu worker%s\n", force->answer_count,
			     force->answer_count == 1 ? "" : "s");
	if (!force->is_list && force->answer_count == 0)
		(void)fprintf(stderr, "leveret: no worker that answers has it in force\n");
	errand_end(errand, force->is_list || force->answer_count > 0 ? EXIT_DONE : EXIT_NOT_FOUND);
}

static void begin(struct errand *errand)
{
	struct force_errand *force = errand->owner;
	if (force->is_list && force->as_json)
		(void)printf("[");
	force->asking = broker_ask(errand->broker, bytes_of(force->question), on_answer, errand);
	force->timer = timer_new(errand->loop, on_time, errand);
	timer_start(force->timer, ANSWERS_MS);
}

static void finish(struct errand *errand)
{
	struct force_errand *force = errand->owner;
	asking_free(&force->asking);
	timer_free(&force->timer);
}

static int run_force(const struct options *options, const char *kind, bool is_list)
{
	struct force_errand force = {.is_list = is_list, .as_json = options_has(options, "json")};
	struct errand errand = {.begin = begin, .finish = finish, .owner = &force};
	const char *argument = options->argument_count > 0 ? options->arguments[0] : "";
	if (!is_list && !argument[0]) {
		(void)fprintf(stderr, "leveret shaping cancel: which one? See --help\n");
		return EXIT_USAGE;
	}
	int len = snprintf(force.question, sizeof force.question, "%s\n%s", kind, argument);
	if (len < 0 || (size_t)len >= sizeof force.question)
		return EXIT_USAGE;
	return errand_run(&errand, options, LIMIT_MS);
}

static int run_list(const struct options *options)
{
	return run_force(options, SHAPING_LIST_KIND, true);
}

static int run_cancel(const struct options *options)
{
	return run_force(options, SHAPING_CANCEL_KIND, false);
}

const struct verb verb_shaping_list = {
	.name = "shaping list",
	.synopsis = "[SITE]",
	.argument_max = 1,
	.summary = "what shaping rules have put in force, in every worker, and the replies",
	.text = "One JSON object for each entry of each worker that answers within 2 s: its id "
		"(the same in all workers), what it does, for\nwhom, for how long still, and the "
		"last reply that put it in force.\n\n  leveret shaping list gmail",
	.run = run_list,
};

const struct verb verb_shaping_cancel = {
	.name = "shaping cancel",
	.synopsis = "ID",
	.argument_max = 1,
	.summary = "end what a shaping rule has put in force, in every worker",
	.text = "ID is as `leveret shaping list` tells it. Another such reply puts it in force "
		"again. Exit code 3: no worker has it in force.\n\n  leveret shaping cancel "
		"1f2e3d4c5b",
	.run = run_cancel,
};
