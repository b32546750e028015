/* What bouncers know of one address, asked over the broker from any host: answered in milliseconds, however long the table is. */
#ifndef LEVERET_LEVERET_SUPPRESSION_ASK_H
#define LEVERET_LEVERET_SUPPRESSION_ASK_H

#include "bouncer/suppressions/standing.h"
#include "leveret/program.h"

struct suppression_ask {
	/* given; borrowed while it runs */
	bool is_exact; /* of that place only, as a change is made there; else as mail to it would be looked up */
	const char *address;
	struct bytes tenant, stream;
	/* Once for each asking. NULL: no bouncer answered; else what the best of them told, borrowed until the next asking. */
	void (*told)(struct errand *errand, const struct standing *standing);
	/* while it runs */
	struct errand *errand;
	struct asking *asking;
	struct timer *quiet;
	struct arena *arena;
	struct standing best;
	bool has_answer, is_over, is_second;
};

/* Asks; again when it was told, but not from inside that call. */
void suppression_ask_now(struct suppression_ask *ask, struct errand *errand);
void suppression_ask_done(
	struct suppression_ask *ask); /* before the loop ends; one never begun is allowed */

#endif
