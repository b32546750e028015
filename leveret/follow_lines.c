/* See follow_lines.h. */
#include "leveret/follow_lines.h"

#include <string.h>

#include "schemas/schemas.h"

#define EVENT_START "event."

void follow_lines_init(struct follow_lines *lines, size_t room)
{
	*lines = (struct follow_lines){.arena = arena_new()};
	buf_init(&lines->text, FOLLOW_LINES_MAX + room);
}

void follow_lines_done(struct follow_lines *lines)
{
	buf_done(&lines->text);
	arena_free(&lines->arena);
}

static enum err end_line(struct follow_lines *lines, enum err err)
{
	if (!err)
		err = buf_append(&lines->text, BYTES("\n"));
	if (!err)
		lines->count++;
	return err;
}

static enum err add_results(struct follow_lines *lines, const struct result_batch *batch)
{
	enum err err = OK;
	for (size_t i = 0; i < batch->count && !err; i++)
		if (batch->results[i].at_wall_ms >= lines->from_wall_ms)
			err = end_line(lines, result_to_json(&batch->results[i], &lines->text));
	return err;
}

static enum err add_events(struct follow_lines *lines, const struct bouncer_event_batch *batch)
{
	enum err err = OK;
	for (size_t i = 0; i < batch->count && !err; i++)
		if (batch->events[i].at_wall_ms >= lines->from_wall_ms)
			err = end_line(lines,
				       bouncer_event_to_json(&batch->events[i], &lines->text));
	return err;
}

/* ret_added: what became of a batch that could be read. */
static enum err decode(struct follow_lines *lines, const struct lease *lease, enum err *ret_added,
		       struct why *why)
{
	struct result_batch results;
	struct bouncer_event_batch events;
	enum err err;
	if (strncmp(lease_key(lease), EVENT_START, strlen(EVENT_START)) == 0) {
		err = bouncer_event_batch_decode(lines->arena, lease_body(lease), &events, why);
		*ret_added = err ? OK : add_events(lines, &events);
	} else {
		err = result_batch_decode(lines->arena, lease_body(lease), &results, why);
		*ret_added = err ? OK : add_results(lines, &results);
	}
	return err;
}

enum err follow_lines_add(struct follow_lines *lines, const struct lease *lease, struct why *why)
{
	size_t len_before = lines->text.len;
	uint64_t count_before = lines->count;
	enum err added, err;
	arena_reset(lines->arena);
	err = decode(lines, lease, &added, why);
	if (!err && added) {
		lines->text.len = len_before;
		lines->count = count_before;
		err = fail(why, E_TOO_BIG, "its lines are longer than %zu bytes", FOLLOW_LINES_MAX);
	}
	return err;
}
