/* What a result says of its recipient. Pure.
 *
 * Wrongly suppressing an address harms more than one more bounce, so what is not said of this one recipient by its own host is never
 * hard: a reply to the content counts for one recipient only where it names it, as all recipients of a transaction share it. The class that
 * a shaping rule gave (`classify`) is taken, and judged in the same way. */
#ifndef LEVERET_BOUNCER_CLASSIFICATION_JUDGE_H
#define LEVERET_BOUNCER_CLASSIFICATION_JUDGE_H

#include "lib/report/classifier.h"
#include "schemas/schemas.h"

/* False for results that no reply belongs to (delivered, suppressed, cancelled): there is nothing to judge. */
bool judge_result(const struct classifier *classifier, const struct result *result,
		  struct bounce_verdict *ret);

#endif
