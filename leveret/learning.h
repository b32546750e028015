/* What was learned of domains, as verbs see it: the table of learned sites, followed until it is all there. */
#ifndef LEVERET_LEVERET_LEARNING_H
#define LEVERET_LEVERET_LEARNING_H

#include "leveret/program.h"
#include "schemas/schemas.h"

struct learning;
/* `told` comes once, from the loop. */
struct learning *learning_new(struct errand *errand, void (*told)(struct errand *errand));
void learning_free(struct learning **learning); /* before the broker is closed */

/* Of a canonical domain; NULL: nothing is known, or it has expired. Borrowed. */
struct site_lesson {
	const char *domain;
	struct directive directive; /* LEARN */
};
const struct site_lesson *learning_of(const struct learning *learning, const char *domain);
/* Those in force, in no order. */
void learning_each(const struct learning *learning,
		   void (*each)(void *owner, const struct site_lesson *lesson), void *owner);

#endif
