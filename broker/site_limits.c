/* See site_limits.h. There are few, so each question walks over all. */
#include "broker/site_limits.h"

#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/routing/limiting.h"

struct site_limits {
	struct arena *arena; /* of all rows */
	struct site_limit *rows;
	size_t count, room;
};

struct site_limits *site_limits_new(void)
{
	struct site_limits *limits = memory_new(sizeof *limits);
	limits->arena = arena_new();
	return limits;
}

void site_limits_free(struct site_limits **limits)
{
	struct site_limits *freeing = *limits;
	*limits = NULL;
	if (!freeing)
		return;
	arena_free(&freeing->arena);
	free(freeing->rows);
	free(freeing);
}

/* ---- rows ---- */

static struct site_limit *row_of(const struct site_limits *limits, struct bytes site)
{
	for (size_t i = 0; i < limits->count; i++)
		if (bytes_equal(limits->rows[i].directive.site, site))
			return &limits->rows[i];
	return NULL;
}

static struct site_limit *add_row(struct site_limits *limits)
{
	if (limits->count == limits->room) {
		limits->room = limits->room ? 2 * limits->room : 16;
		limits->rows = memory_grow(limits->rows, limits->room, sizeof *limits->rows);
	}
	struct site_limit *row = &limits->rows[limits->count++];
	row->version = 0;
	return row;
}

void site_limits_note(struct site_limits *limits, const struct table_entry *entry)
{
	struct directive directive;
	if (directive_decode(limits->arena, arena_copy(limits->arena, entry->value), &directive,
			     NULL) ||
	    directive.kind != DIRECTIVE_LIMIT)
		return;
	struct site_limit *row = row_of(limits, directive.site);
	if (!row)
		row = add_row(limits);
	if (row->version < entry->version)
		*row = (struct site_limit){directive, entry->version};
}

static bool note_each(void *owner, const struct table_entry *entry)
{
	const struct bytes mark = bytes_from(DIRECTIVE_LIMIT_KEY, sizeof DIRECTIVE_LIMIT_KEY);
	if (entry->key.len < mark.len || !bytes_equal(bytes_from(entry->key.data, mark.len), mark))
		return false;
	site_limits_note(owner, entry);
	return true;
}

void site_limits_read(struct site_limits *limits, struct replica *directives)
{
	struct site_limits read = {.arena = arena_new()};
	enum err err = replica_each(directives,
				    bytes_from(DIRECTIVE_LIMIT_KEY, sizeof DIRECTIVE_LIMIT_KEY),
				    read.arena, note_each, &read);
	struct site_limits *old = err ? &read : limits;
	arena_free(&old->arena);
	free(old->rows);
	if (!err)
		*limits = read;
}

/* ---- questions ---- */

const struct site_limit *site_limits_at(const struct site_limits *limits, size_t index)
{
	return index < limits->count ? &limits->rows[index] : NULL;
}

const struct site_limit *site_limits_of(const struct site_limits *limits, struct bytes site)
{
	return row_of(limits, site);
}

bool site_limit_is_in_force(const struct site_limit *limit, int64_t now_wall_ms)
{
	const struct directive *directive = &limit->directive;
	return directive->limits.len > 0 &&
	       (directive->until_wall_ms == 0 || directive->until_wall_ms > now_wall_ms);
}

void site_limits_fill(const struct site_limits *limits, const char *site, int64_t now_wall_ms,
		      struct site_settings *into)
{
	const struct site_limit *row = row_of(limits, bytes_of(site));
	if (row && site_limit_is_in_force(row, now_wall_ms) &&
	    limiting_apply(row->directive.limits, into, NULL))
		return;
}
