/* See queue_sources.h. */
#include "leveret/queue_sources.h"

#include <inttypes.h>
#include <string.h>

#include "leveret/moving.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define TABLES "leveret.table."

/* ---- looking ---- */

static bool is_wanted(const struct queue_export_options *options, const char *name)
{
	if (options->queue_count == 0)
		return moving_takes(name);
	for (size_t i = 0; i < options->queue_count; i++)
		if (strcmp(options->queues[i], name) == 0 ||
		    (strcmp(options->queues[i], QUEUE_WAITING) == 0 && queue_is_waiting(name)))
			return true;
	return false;
}

static struct queue_source *source_of(struct queue_sources *sources, const char *name)
{
	struct queue_source *source;
	STAILQ_FOREACH(source, &sources->list, next)
	{
		if (strcmp(source->name, name) == 0)
			return source;
	}
	source = memory_new(sizeof *source);
	(void)snprintf(source->name, sizeof source->name, "%s", name);
	STAILQ_INSERT_TAIL(&sources->list, source, next);
	return source;
}

static void warn_of_follower(const struct queue_status *status)
{
	if (status->ready > 0 && strncmp(status->name, TABLES, strlen(TABLES)) != 0)
		(void)fprintf(stderr,
			      "leveret: warning: %s stays behind with %" PRId64
			      " messages: let its follower read them first\n",
			      status->name, status->ready);
}

static void note_source(struct queue_sources *sources, const struct queue_status *status)
{
	struct queue_source *source = source_of(sources, status->name);
	source->ready = status->ready;
	if (source->ready == 0)
		source->is_stuck = false; /* who took them is done */
	if (sources->has_looked)
		return;
	sources->consumed_count += status->consumers > 0;
	sources->unacked_count += status->unacked > 0 ? status->unacked : 0;
}

void queue_sources_note(struct queue_sources *sources, const struct queue_status *status)
{
	if (is_wanted(sources->options, status->name))
		note_source(sources, status);
	else if (!sources->has_looked && sources->options->queue_count == 0)
		warn_of_follower(status);
}

void queue_sources_looked(struct queue_sources *sources)
{
	if (!sources->has_looked && sources->consumed_count > 0)
		(void)fprintf(stderr,
			      "leveret: warning: %zu of the queues are being consumed: stop "
			      "ingest, workers and "
			      "bouncer first, or they go on with what is being exported\n",
			      sources->consumed_count);
	if (!sources->has_looked && sources->unacked_count > 0)
		(void)fprintf(stderr,
			      "leveret: warning: %" PRId64
			      " messages are held by somebody, and not exported "
			      "while they are\n",
			      sources->unacked_count);
	sources->has_looked = true;
}

struct queue_source *queue_sources_next(const struct queue_sources *sources,
					const struct queue_source *after)
{
	struct queue_source *source =
		after ? STAILQ_NEXT(after, next) : STAILQ_FIRST(&sources->list);
	while (source && (source->ready <= 0 || source->is_stuck))
		source = STAILQ_NEXT(source, next);
	return source;
}

/* ---- telling ---- */

bool queue_sources_tell_stuck(const struct queue_sources *sources)
{
	const struct queue_source *source;
	bool is_any = false;
	STAILQ_FOREACH(source, &sources->list, next)
	{
		if (!source->is_stuck)
			continue;
		(void)fprintf(stderr,
			      "leveret: %s holds %" PRId64
			      " messages that it does not give: does a worker take them?\n",
			      source->name, source->ready);
		is_any = true;
	}
	return is_any;
}

static void tell_json(const struct queue_sources *sources, uint64_t count, FILE *out)
{
	const struct queue_source *source;
	const char *between = "";
	(void)fprintf(out, "{\"exported\":%" PRIu64 ",\"queues\":{", count);
	STAILQ_FOREACH(source, &sources->list, next)
	{
		char name[QUEUE_NAME_MAX * 6];
		if (source->count == 0)
			continue;
		(void)log_escape_json(bytes_of(source->name), name, sizeof name);
		(void)fprintf(out, "%s\"%s\":%" PRIu64, between, name, source->count);
		between = ",";
	}
	(void)fprintf(out, "}}\n");
}

void queue_sources_tell(const struct queue_sources *sources, uint64_t count, FILE *out)
{
	const struct queue_source *source;
	if (sources->options->as_json) {
		tell_json(sources, count, out);
		return;
	}
	(void)fprintf(out, "exported %" PRIu64 " messages\n", count);
	STAILQ_FOREACH(source, &sources->list, next)
	{
		if (source->count > 0)
			(void)fprintf(out, "%10" PRIu64 " %s\n", source->count, source->name);
	}
}

void queue_sources_done(struct queue_sources *sources)
{
	for (struct queue_source *source; (source = STAILQ_FIRST(&sources->list));) {
		STAILQ_REMOVE_HEAD(&sources->list, next);
		free(source);
	}
}
