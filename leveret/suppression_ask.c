/* question -> the first answer of a bouncer that can know all -> told
 *          -> other answers, and none for a while              -> the best of them is told
 *          -> no answer, also when it is asked once more       -> told nothing */
#include "leveret/suppression_ask.h"

#include "bouncer/asked.h"

/* A listener drops what comes too fast, so it is asked once more. */
#define FIRST_MS 1000 /* for the first answer, each time */
#define QUIET_MS 400  /* for a better one */

static void tell(struct suppression_ask *ask)
{
	ask->is_over = true;
	timer_stop(ask->quiet);
	ask->told(ask->errand, ask->has_answer ? &ask->best : NULL);
}

/* Of what is not in the whole table, or is a removal there, another bouncer has no evidence to tell. */
static bool is_enough(const struct standing *standing)
{
	return standing->is_table_whole &&
	       (standing->is_own || !standing->is_known || standing->entry.is_removed);
}

static void on_answer(void *owner, struct bytes answer)
{
	struct suppression_ask *ask = owner;
	struct standing standing;
	if (ask->is_over || standing_read(ask->arena, answer, &standing))
		return;
	if (!ask->has_answer || standing_tells_more(&ask->best, &standing))
		ask->best = standing;
	ask->has_answer = true;
	if (is_enough(&ask->best))
		tell(ask);
	else
		timer_start(ask->quiet, QUIET_MS);
}

static void ask_once(struct suppression_ask *ask)
{
	const char *text = arena_printf(ask->arena, ASKED_SUPPRESSION "\n%s\n%s\n%.*s\n%.*s",
					ask->is_exact ? "at" : "find", ask->address,
					BYTES_ARGS(ask->tenant), BYTES_ARGS(ask->stream));
	asking_free(&ask->asking);
	ask->asking = broker_ask(ask->errand->broker, bytes_of(text), on_answer, ask);
	timer_start(ask->quiet, FIRST_MS);
}

static void on_quiet(void *owner)
{
	struct suppression_ask *ask = owner;
	if (ask->has_answer || ask->is_second) {
		tell(ask);
		return;
	}
	ask->is_second = true;
	ask_once(ask);
}

void suppression_ask_now(struct suppression_ask *ask, struct errand *errand)
{
	suppression_ask_done(ask);
	ask->errand = errand;
	ask->is_over = ask->has_answer = ask->is_second = false;
	ask->arena = arena_new();
	ask->quiet = timer_new(errand->loop, on_quiet, ask);
	ask_once(ask);
}

void suppression_ask_done(struct suppression_ask *ask)
{
	asking_free(&ask->asking);
	timer_free(&ask->quiet);
	arena_free(&ask->arena);
}
