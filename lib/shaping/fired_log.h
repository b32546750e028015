/* A rule that fired, as the log has it: at the worker that had the reply, or at the bouncer for an alert. */
#ifndef LEVERET_LIB_SHAPING_FIRED_LOG_H
#define LEVERET_LIB_SHAPING_FIRED_LOG_H

#include "lib/shaping/judge.h"

void shaping_log_fired(const struct shaping_fired *fired, const struct shaping_facts *facts);

#endif
