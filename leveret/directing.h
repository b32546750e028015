/* Sending a directive to the bouncer, from a verb: what the bouncer would bury is told on standard error and ends the errand. When the
 * broker has it, the errand waits for the bouncer, whose answer comes through its table. */
#ifndef LEVERET_LEVERET_DIRECTING_H
#define LEVERET_LEVERET_DIRECTING_H

#include "leveret/program.h"
#include "schemas/schemas.h"

void direct(struct errand *errand, const struct directive *directive);
const char *directing_user(void); /* who runs the verb, for directive.by */
/* What --for says: more than nothing, and at most a hundred years. False: it was told on standard error. */
bool directing_time(const char *text, int64_t *ret_ms) MUST_USE;

#endif
