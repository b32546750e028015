/* Gauges and histograms, and the Prometheus text of everything (event counters included). Rows in lib/obs/metrics.def.
 * Thread safe: numbers are atomic. Labels come from closed sets; a family holds at most METRIC_SERIES_MAX label sets, further
 * ones are counted under label values "other". */
#ifndef LEVERET_LIB_OBS_METRICS_H
#define LEVERET_LIB_OBS_METRICS_H

#include <stdint.h>

#include "lib/base/buf.h"

#define METRIC_SERIES_MAX 1000

enum metric {
#define X(name, type, labels, help) M_##name,
#include "lib/obs/metrics.def"
#undef X
	M_COUNT
};

/* `labels` holds one value per label of the row, in its order; NULL for a row without labels. */
void metric_set(enum metric metric, const char *const *labels, int64_t value); /* gauge */
void metric_add(enum metric metric, const char *const *labels,
		int64_t delta); /* gauge or counter */
int64_t metric_get(enum metric metric,
		   const char *const *labels); /* gauge or counter; 0 when it was never set */
void metric_observe_ms(enum metric metric, const char *const *labels,
		       int64_t duration_ms); /* histogram, exported in s */

/* The exposition text, with HELP and TYPE on each family. E_FULL when out's maximum is too small. */
enum err metrics_write(struct buf *out) MUST_USE;

#endif
