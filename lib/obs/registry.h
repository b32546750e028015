/* Inside lib/obs: the numbers behind events and metrics, by family and label values. Thread safe. */
#ifndef LEVERET_LIB_OBS_REGISTRY_H
#define LEVERET_LIB_OBS_REGISTRY_H

#include "lib/obs/metrics.h"

#define REGISTRY_LABELS_MAX 6
#define REGISTRY_VALUE_MAX  64 /* of one label value, NUL included; longer ones are cut */

/* Families are numbered: metrics first, then events. */
#define REGISTRY_METRIC(metric) ((int)(metric))
#define REGISTRY_EVENT(event)	((int)M_COUNT + (int)(event))

void registry_add(int family, const char *const *labels, int64_t delta);
void registry_set(int family, const char *const *labels, int64_t value);
int64_t registry_get(int family, const char *const *labels);
void registry_observe_ms(int family, const char *const *labels, int64_t duration_ms);

#endif
