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

size_t bundles_cut(struct addressee *addressees, size_t count, size_t recipients_max,
		   struct bundle_cut *cuts)
{
	size_t cut_count = 0;
	if (count > 1)
		qsort(addressees, count, sizeof *addressees, compare);
	for (size_t i = 0; i < count; i++) {
		struct bundle_cut *last = cut_count > 0 ? &cuts[cut_count - 1] : NULL;
		if (last && last->count < recipients_max &&
		    by_next_hop(&addressees[last->first], &addressees[i]) == 0)
			last->count++;
		else
			cuts[cut_count++] = (struct bundle_cut){.first = i, .count = 1};
	}
	return cut_count;
}
