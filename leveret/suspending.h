/* Suspensions as verbs see and change them: the rows of the table of directives, followed until they are all there, and new rows
 * behind them. */
#ifndef LEVERET_LEVERET_SUSPENDING_H
#define LEVERET_LEVERET_SUSPENDING_H

#include "broker/recalls.h"
#include "broker/site_limits.h"
#include "broker/suspensions.h"
#include "leveret/program.h"

struct suspending { /* its owner fills told and owner; the errand's owner is this */
	void (*told)(struct errand *errand); /* `rows` is complete; once */
	void *owner;
	struct suspensions *rows;
	struct site_limits *limits; /* complete with them */
	/* private */
	struct table_follower *follower;
	size_t pending;
	enum err err;
	bool is_told;
	void (*kept)(struct errand *errand);
};

void suspending_begin(struct errand *errand);  /* for errand.begin */
void suspending_finish(struct errand *errand); /* for errand.finish */
/* Append a SUSPEND, RESUME or LIMIT (copied), whatever stood there before. When the broker has kept all that were, `kept` comes; if it did not
 * keep one that is told on standard error and ends the errand. */
void suspending_append(struct errand *errand, const struct directive *directive,
		       void (*kept)(struct errand *errand));

/* What is meant, from --pool, --site, --tenant and --campaign, and a queue's name ("deliver.default.gmail", "default.tail"; NULL: none).
 * 0, or the exit code, told on standard error. Texts live as long as the settings and the options. */
int suspending_subject(const struct settings *settings, const struct options *options,
		       const char *queue, struct directive *ret);

/* The pool and site of a queue of deliveries, borrowed from the settings or its name; false for other queues. */
bool suspending_subject_of(const struct routing_settings *routing, const char *queue,
			   struct suspension_subject *ret);

/* "pool default, site gmail"; the same as members of a JSON object, with by, reason, until and since. */
#define SUSPENSION_TEXT_SIZE 4000
void suspension_text(const struct directive *directive, char out[SUSPENSION_TEXT_SIZE]);
void suspension_print(const struct suspension *suspension);
void suspension_print_json(const struct suspension *suspension);

#endif
