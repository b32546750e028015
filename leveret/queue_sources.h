/* The queues that an export takes from: what is known of each, and which is next. */
#ifndef LEVERET_LEVERET_QUEUE_SOURCES_H
#define LEVERET_LEVERET_QUEUE_SOURCES_H

#include <stdio.h>
#include <sys/queue.h>

#include "broker/broker.h"
#include "leveret/queue_export.h"

struct queue_source {
	char name[QUEUE_NAME_MAX];
	int64_t ready;	/* when it was looked at last */
	bool has_given; /* since it was taken from */
	bool is_stuck;	/* it holds messages and gives none */
	uint64_t count; /* exported from it */
	STAILQ_ENTRY(queue_source) next;
};

struct queue_sources { /* its owner fills options and inits the list */
	const struct queue_export_options *options;
	bool has_looked; /* warnings come at the first look only */
	size_t consumed_count;
	int64_t unacked_count;
	STAILQ_HEAD(, queue_source) list;
};

/* One queue of a look, and the look's end. The first look warns of what will not come along. */
void queue_sources_note(struct queue_sources *sources, const struct queue_status *status);
void queue_sources_looked(struct queue_sources *sources);
/* The next one behind `after` (NULL: the first) that holds messages and gives them; NULL: none. */
struct queue_source *queue_sources_next(const struct queue_sources *sources,
					const struct queue_source *after);
/* False when there is none. */
bool queue_sources_tell_stuck(const struct queue_sources *sources);
void queue_sources_tell(const struct queue_sources *sources, uint64_t count, FILE *out);
void queue_sources_done(struct queue_sources *sources);

#endif
