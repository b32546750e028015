#include "leveret/asking.h"

#include <stdio.h>

#include "leveret/verbs.h"
#include "lib/base/memory.h"

#define LIMIT_MS 20000
#define FIRST_MS 2000	/* for the first answer */
#define QUIET_MS 400	/* for another one */
#define BEGUN_MS 600000 /* for the end of what takes long */

struct asking_bouncers {
	const struct bouncers_question *question;
	struct asking *asking;
	struct timer *quiet;
	size_t count;
	int begun;
};

static void on_answer(void *owner, struct bytes answer)
{
	struct errand *errand = owner;
	struct asking_bouncers *asking = errand->owner;
	asking->count++;
	asking->begun += asking->question->answered(asking->question->owner, answer);
	timer_start(asking->quiet, asking->begun > 0 ? BEGUN_MS : QUIET_MS);
}

static void on_quiet(void *owner)
{
	struct errand *errand = owner;
	const struct asking_bouncers *asking = errand->owner;
	errand_end(errand, asking->count > 0 ? EXIT_DONE : EXIT_NO_SERVER);
}

static void begin(struct errand *errand)
{
	struct asking_bouncers *asking = errand->owner;
	errand_has_no_limit(errand);
	asking->quiet = timer_new(errand->loop, on_quiet, errand);
	timer_start(asking->quiet, FIRST_MS);
	asking->asking =
		broker_ask(errand->broker, bytes_of(asking->question->text), on_answer, errand);
}

static void finish(struct errand *errand)
{
	struct asking_bouncers *asking = errand->owner;
	asking_free(&asking->asking);
	timer_free(&asking->quiet);
}

int bouncers_ask(const struct options *options, const struct bouncers_question *question)
{
	struct asking_bouncers asking = {.question = question};
	struct errand errand = {.begin = begin, .finish = finish, .owner = &asking};
	return errand_run(&errand, options, LIMIT_MS);
}

static int print_answer(void *owner, struct bytes answer)
{
	(void)owner;
	(void)printf("%.*s", BYTES_ARGS(answer));
	return 0;
}

int bouncers_print(const struct options *options, const char *kind)
{
	char text[80];
	(void)snprintf(text, sizeof text, "%s\n%s", kind,
		       options_has(options, "json") ? "json" : "text");
	const struct bouncers_question question = {.text = text, .answered = print_answer};
	int code = bouncers_ask(options, &question);
	if (code == EXIT_NO_SERVER)
		(void)fprintf(stderr, "leveret: no bouncer answered\n");
	return code;
}
