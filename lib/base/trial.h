/* What crash tests may ask of a build made for them (-DLEVERET_TRIALS=ON, as the dev preset is): to die at a named point, or to
 * behave wrongly in a named way, so that a test can show that it would notice. Other builds hold none of it.
 *
 *   LEVERET_CRASH=committed:3   kill -9 of the process at the third passing of that point
 *   LEVERET_MUTANT=nosync       the named mutants (comma between) are on */
#ifndef LEVERET_LIB_BASE_TRIAL_H
#define LEVERET_LIB_BASE_TRIAL_H

#include <stdbool.h>

#ifdef LEVERET_TRIALS
void trial_crash_point(const char *name);
bool trial_mutant(const char *name);
#define CRASH_POINT(name) trial_crash_point(name)
#define MUTANT(name)	  trial_mutant(name)
#else
#define CRASH_POINT(name) ((void)0)
#define MUTANT(name)	  false
#endif

#endif
