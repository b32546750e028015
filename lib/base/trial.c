/* Crash points and mutants, as the environment asks. Only in builds with LEVERET_TRIALS. The environment is read at every passing,
 * so that a test may set it in a child it has forked; nobody changes it while threads run. */
#include "lib/base/trial.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_ulong passings; /* of the one point that is asked for */

static bool is_word(const char *word, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(word, name, length) == 0;
}

void trial_crash_point(const char *name)
{
	const char *wanted = getenv("LEVERET_CRASH");
	if (!wanted)
		return;
	size_t length = strcspn(wanted, ":");
	if (!is_word(wanted, length, name))
		return;
	unsigned long nth = wanted[length] ? strtoul(wanted + length + 1, NULL, 10) : 1;
	if (atomic_fetch_add(&passings, 1) + 1 == nth)
		(void)raise(SIGKILL); /* as sudden as a power cut, but for what the kernel keeps */
}

bool trial_mutant(const char *name)
{
	const char *list = getenv("LEVERET_MUTANT");
	while (list && *list) {
		size_t length = strcspn(list, ",");
		if (is_word(list, length, name))
			return true;
		list += length + (list[length] == ',');
	}
	return false;
}
