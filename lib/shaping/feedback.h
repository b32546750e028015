/* How many sessions a source may have with a site, learned from how they go: Postfix's feedback (2.5 and later) with 1/N both ways,
 * and a memory of where trouble began. Pure: no clock, no rules. Reasons: docs/design/shaping.md.
 *
 *   success: a session did its work (said once per session that got past its greeting, EHLO and TLS, or per message on a long one)
 *   trouble: a session did not get that far: refused, timed out, 421 at greeting, EHLO or TLS
 *
 * What a host says of rates at MAIL, RCPT or DATA is another thing: pace.h. */
#ifndef LEVERET_LIB_SHAPING_FEEDBACK_H
#define LEVERET_LIB_SHAPING_FEEDBACK_H

#include <stdbool.h>

struct feedback_limits {
	unsigned start; /* sessions to begin with: 2 to 5 */
	unsigned most;
	double cohorts; /* failed rounds in a row after which the site counts as dead */
};

struct feedback {
	unsigned sessions;	 /* that may be open; 0: dead */
	double success, failure; /* what is missing to the next step up, to the next step down */
	double cohorts;		 /* rounds of `sessions` that failed without one success between */
	unsigned ceiling;	 /* sessions at which trouble last began; 0: none known */
	unsigned patience;	 /* how much slower it grows to the ceiling than elsewhere */
};

/* With what was learned before: at least one session, at most as many as the limits allow. */
void feedback_resume(struct feedback *feedback, const struct feedback_limits *limits,
		     unsigned sessions, unsigned ceiling, unsigned patience);
void feedback_start(struct feedback *feedback, const struct feedback_limits *limits);
/* open: sessions that are in use now. Nobody who uses few is given more. */
void feedback_success(struct feedback *feedback, const struct feedback_limits *limits,
		      unsigned open);
void feedback_trouble(struct feedback *feedback, const struct feedback_limits *limits);
static inline bool feedback_is_dead(const struct feedback *feedback)
{
	return feedback->sessions == 0;
}
/* After a pause the dead site is tried with one session. */
void feedback_probe(struct feedback *feedback);

#endif
