/* See tap_counts.h. */
#include "workers/taps/tap_counts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

struct heard { /* of one worker, since it began */
	char worker[TAP_WORKER_MAX + 1];
	uint64_t since, line_count, missed_count;
};
struct tap_counts {
	struct heard *workers[TAP_WORKERS_MAX];
	size_t count;
};

static struct heard *find(struct tap_counts *counts, const char *worker)
{
	for (size_t i = 0; i < counts->count; i++)
		if (strcmp(counts->workers[i]->worker, worker) == 0)
			return counts->workers[i];
	if (counts->count == TAP_WORKERS_MAX)
		return NULL;
	struct heard *heard = memory_new(sizeof *heard);
	memcpy(heard->worker, worker, strlen(worker) + 1);
	counts->workers[counts->count++] = heard;
	return heard;
}

uint64_t tap_counts_note(struct tap_counts *counts, const struct tap_head *head,
			 uint64_t line_count)
{
	struct heard *heard = find(counts, head->worker);
	if (!heard)
		return 0;
	if (heard->since != head->since) {
		heard->since = head->since;
		heard->line_count = heard->missed_count = 0;
	}
	heard->line_count += line_count;
	uint64_t all = head->told_count + head->dropped_count;
	uint64_t known = heard->line_count + heard->missed_count;
	if (all <= known)
		return 0;
	heard->missed_count += all - known;
	return all - known;
}

size_t tap_counts_workers(const struct tap_counts *counts)
{
	return counts->count;
}

struct tap_counts *tap_counts_new(void)
{
	return memory_new(sizeof(struct tap_counts));
}

void tap_counts_free(struct tap_counts **counts)
{
	if (!*counts)
		return;
	for (size_t i = 0; i < (*counts)->count; i++)
		free((*counts)->workers[i]);
	free(*counts);
	*counts = NULL;
}
