/* A question to every bouncer, from any host, and their answers (bouncer/asked.h): asked until none has come for a while. */
#ifndef LEVERET_LEVERET_ASKING_H
#define LEVERET_LEVERET_ASKING_H

#include "leveret/program.h"

struct bouncers_question {
	const char *text;
	/* Borrowed. Gives how many more answers are to come of what was begun: 1 for "?", -1 for its end; 0 for all others. */
	int (*answered)(void *owner, struct bytes answer);
	void *owner;
};
/* Gives EXIT_DONE when any answered, EXIT_NO_SERVER when none did, or why it could not be asked. */
int bouncers_ask(const struct options *options, const struct bouncers_question *question);
/* Asks for lines, as JSON or as text, and prints them as they come; that none answered is told. */
int bouncers_print(const struct options *options, const char *kind);

#endif
