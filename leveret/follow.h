/* leveret results follow, leveret events follow: lines of JSON of what is told, each acknowledged when standard output took it. */
#ifndef LEVERET_LEVERET_FOLLOW_H
#define LEVERET_LEVERET_FOLLOW_H

#include "leveret/options.h"

/* The exit code. */
int follow_run(const struct options *options, bool is_of_events);

#endif
