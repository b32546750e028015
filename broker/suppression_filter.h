/* Which suppressions an operator means. Pure: a verb counts with it what the bouncer then changes by it. */
#ifndef LEVERET_BROKER_SUPPRESSION_FILTER_H
#define LEVERET_BROKER_SUPPRESSION_FILTER_H

#include "schemas/schemas.h"

bool suppression_filter_fits(const struct suppression_filter *filter,
			     const struct suppression *suppression);

#endif
