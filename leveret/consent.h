/* Before a verb destroys something: on a terminal somebody is asked; in a script --yes must have been said. */
#ifndef LEVERET_LEVERET_CONSENT_H
#define LEVERET_LEVERET_CONSENT_H

#include <stdbool.h>

/* False: told on standard error, or answered with no. */
bool consent_given(bool has_said_yes);

#endif
