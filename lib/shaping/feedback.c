/* 1/N: a whole round of N sessions has to go well for one more, and badly for one less. */
#include "lib/shaping/feedback.h"

#define PATIENCE_MAX 64

void feedback_start(struct feedback *feedback, const struct feedback_limits *limits)
{
	*feedback = (struct feedback){.sessions = limits->start, .patience = 1};
}

static unsigned between(unsigned number, unsigned least, unsigned most)
{
	return number < least ? least : number > most ? most : number;
}

void feedback_resume(struct feedback *feedback, const struct feedback_limits *limits,
		     unsigned sessions, unsigned ceiling, unsigned patience)
{
	*feedback = (struct feedback){.sessions = between(sessions, 1, limits->most),
				      .ceiling = ceiling,
				      .patience = between(patience, 1, PATIENCE_MAX)};
}

void feedback_probe(struct feedback *feedback)
{
	*feedback = (struct feedback){
		.sessions = 1, .ceiling = feedback->ceiling, .patience = feedback->patience};
}

/* Above the ceiling without trouble: the host allows more than it did. */
static void grow(struct feedback *feedback)
{
	feedback->sessions++;
	feedback->success = 0;
	feedback->failure = 0;
	if (feedback->ceiling && feedback->sessions > feedback->ceiling) {
		feedback->ceiling = 0;
		feedback->patience = 1;
	}
}

void feedback_success(struct feedback *feedback, const struct feedback_limits *limits,
		      unsigned open)
{
	double step = feedback->sessions ? 1.0 / feedback->sessions : 1.0;
	feedback->cohorts = 0;
	if (feedback->sessions == 0)
		feedback_probe(feedback);
	if (feedback->sessions >= limits->most || open + limits->start < feedback->sessions)
		return;
	if (feedback->ceiling && feedback->sessions + 1 >= feedback->ceiling)
		step /= feedback->patience;
	feedback->success += step;
	if (feedback->success >= 1)
		grow(feedback);
}

/* The step down comes at the start of a run of troubles, not at its end: the first already means that N is too many. */
static void shrink(struct feedback *feedback)
{
	if (feedback->ceiling == feedback->sessions && feedback->patience < PATIENCE_MAX)
		feedback->patience *= 2;
	feedback->ceiling = feedback->sessions;
	feedback->failure += 1;
	feedback->success = 0;
	if (feedback->sessions > 1)
		feedback->sessions--;
}

void feedback_trouble(struct feedback *feedback, const struct feedback_limits *limits)
{
	if (feedback->sessions == 0)
		return;
	double step = 1.0 / feedback->sessions;
	feedback->cohorts += step;
	if (feedback->cohorts > limits->cohorts) {
		feedback->sessions = 0;
		return;
	}
	feedback->failure -= step;
	if (feedback->failure < 0)
		shrink(feedback);
}
