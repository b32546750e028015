/* Sending a directive to the bouncer, from a verb: what the bouncer would bury is told on standard error and ends the errand. */
#ifndef LEVERET_LEVERET_DIRECTING_H
#define LEVERET_LEVERET_DIRECTING_H

#include "leveret/program.h"
#include "schemas/schemas.h"

/* As those who read it take it; else why they would not. */
enum err directing_write(const struct directive *directive, struct buf *out,
			 struct why *why) MUST_USE;
/* When the broker has it, the errand waits for the bouncer, whose answer comes through its table. */
void direct(struct errand *errand, const struct directive *directive);

/* A directive that nobody waits for: the errand ends when the broker has it. The errand's owner is this. */
struct directing {
	struct directive directive;
	void (*told)(const struct directing *directing); /* prints what the bouncer is asked */
	bool as_json;
};
void directing_begin(struct errand *errand); /* for errand.begin, or from it */

const char *directing_user(void); /* who runs the verb, for directive.by */
/* What --for says: more than nothing, and at most a hundred years. False: it was told on standard error. */
bool directing_time(const char *text, int64_t *ret_ms) MUST_USE;

#endif
