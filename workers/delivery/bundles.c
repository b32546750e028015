/* See bundles.h. */
#include "workers/delivery/bundles.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int by_next_hop(const struct addressee *a, const struct addressee *b)
{
	if (a->route != b->route)
		return (uintptr_t)a->route < (uintptr_t)b->route ? -1 : 1;
	return strcmp(a->next_hop, b->next_hop);
}

static int compare(const void *left, const void *right)
{
	const struct addressee *a = left, *b = right;
	int order = by_next_hop(a, b);
	return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

void bundles_sort(struct addressee *addressees, size_t count)
{
	if (count > 1)
		qsort(addressees, count, sizeof *addressees, compare);
}

size_t bundles_run(const struct addressee *addressees, size_t count, size_t recipients_max)
{
	size_t run = 1;
	while (run < count && run < recipients_max &&
	       by_next_hop(&addressees[0], &addressees[run]) == 0)
		run++;
	return run;
}
