/* The bouncer role: consumes results, turns an unambiguous bad-mailbox bounce into a suppression, owns the suppressions table
 * (its LMDB is the truth, the table carries it to every node), and obeys operators' directives on it. Recalls of campaigns go through it into the
 * table of directives. Lives on one loop. */
#ifndef LEVERET_BOUNCER_BOUNCER_H
#define LEVERET_BOUNCER_BOUNCER_H

#include "broker/node.h"

struct bouncer_settings { /* the `bouncer:` section */
#define X(field, type, ...) conf_##type field;
#include "bouncer/bouncer.def"
#undef X
};
extern const struct conf_section bouncer_section;

struct bouncer_options {
	struct node node;
	const struct bouncer_settings *settings;
};

struct bouncer;
enum err bouncer_start(const struct bouncer_options *options, struct bouncer **ret,
		       struct why *why) MUST_USE;
void bouncer_stop(struct bouncer *bouncer, void (*stopped)(void *owner), void *owner);
void bouncer_free(struct bouncer **bouncer);

#endif
