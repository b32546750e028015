/* There are few, so each question walks over all. */
#include "broker/suspensions.h"

#include "lib/base/arena.h"
#include "lib/base/memory.h"

struct suspensions {
	struct arena *arena; /* of all rows */
	struct suspension *rows;
	size_t count, room;
};

struct suspensions *suspensions_new(void)
{
	struct suspensions *suspensions = memory_new(sizeof *suspensions);
	suspensions->arena = arena_new();
	return suspensions;
}

void suspensions_free(struct suspensions **suspensions)
{
	struct suspensions *freeing = *suspensions;
	*suspensions = NULL;
	if (!freeing)
		return;
	arena_free(&freeing->arena);
	free(freeing->rows);
	free(freeing);
}

/* ---- rows ---- */

static struct suspension *row_of(const struct suspensions *suspensions, struct bytes key)
{
	for (size_t i = 0; i < suspensions->count; i++)
		if (bytes_equal(suspensions->rows[i].key, key))
			return &suspensions->rows[i];
	return NULL;
}

static struct suspension *add_row(struct suspensions *suspensions)
{
	if (suspensions->count == suspensions->room) {
		suspensions->room = suspensions->room ? 2 * suspensions->room : 16;
		suspensions->rows = memory_grow(suspensions->rows, suspensions->room,
						sizeof *suspensions->rows);
	}
	return &suspensions->rows[suspensions->count++];
}

void suspensions_note(struct suspensions *suspensions, const struct table_entry *entry)
{
	struct directive directive;
	struct suspension *row = row_of(suspensions, entry->key);
	if (row && row->version >= entry->version)
		return;
	if (directive_decode(suspensions->arena, arena_copy(suspensions->arena, entry->value),
			     &directive, NULL) ||
	    (directive.kind != DIRECTIVE_SUSPEND && directive.kind != DIRECTIVE_RESUME))
		return;
	if (!row)
		row = add_row(suspensions);
	*row = (struct suspension){directive, entry->version,
				   arena_copy(suspensions->arena, entry->key)};
}

/* Keys of suspensions begin with their kind, or are hashed, as those of others may be. */
static bool may_be_ours(struct bytes key)
{
	return (key.len > 1 && key.data[0] == '1' && key.data[1] == 0) || key.data[0] == 0xff;
}

static bool note_each(void *owner, const struct table_entry *entry)
{
	struct suspensions *reading = owner;
	struct directive directive;
	if (!may_be_ours(entry->key))
		return false;
	if (directive_decode(reading->arena, entry->value, &directive, NULL) == OK &&
	    directive.kind == DIRECTIVE_SUSPEND)
		*add_row(reading) =
			(struct suspension){.directive = directive, .version = entry->version};
	return true;
}

void suspensions_read(struct suspensions *suspensions, struct replica *directives)
{
	struct suspensions read = {.arena = arena_new()};
	enum err err = replica_each(directives, bytes_from("1", 2), read.arena, note_each, &read);
	if (!err)
		err = replica_each(directives, bytes_from("\xff", 1), read.arena, note_each, &read);
	struct suspensions *old = err ? &read : suspensions;
	arena_free(&old->arena);
	free(old->rows);
	if (!err)
		*suspensions = read;
}

const struct suspension *suspensions_at(const struct suspensions *suspensions, size_t index)
{
	return index < suspensions->count ? &suspensions->rows[index] : NULL;
}

const struct suspension *suspensions_same(const struct suspensions *suspensions,
					  const struct directive *directive)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct directive same = *directive;
	same.kind = DIRECTIVE_SUSPEND;
	return row_of(suspensions, bytes_from(key, directive_key(&same, key)));
}

/* ---- questions ---- */

bool suspension_is_in_force(const struct suspension *suspension, int64_t now_wall_ms)
{
	const struct directive *directive = &suspension->directive;
	return directive->kind == DIRECTIVE_SUSPEND &&
	       (directive->until_wall_ms == 0 || directive->until_wall_ms > now_wall_ms);
}

bool suspension_site_is_domain(struct bytes site)
{
	return bytes_find(site, '.') >= 0;
}

bool suspension_stops_queues(const struct suspension *suspension)
{
	const struct directive *directive = &suspension->directive;
	return directive->source.len == 0 && directive->tenant.len == 0 &&
	       directive->campaign.len == 0 && !suspension_site_is_domain(directive->site);
}

static bool fits(struct bytes wanted, struct bytes is)
{
	return wanted.len == 0 || bytes_equal(wanted, is);
}

static bool fits_site(struct bytes wanted, struct bytes is)
{
	return fits(wanted, is) ||
	       (bytes_is(wanted, SUSPENSION_TAIL) && suspension_site_is_domain(is));
}

static bool fits_campaign(const struct directive *wanted, const struct suspension_subject *is)
{
	if (wanted->campaign.len == 0)
		return fits(wanted->tenant, is->tenant);
	return bytes_equal(wanted->campaign, is->campaign) &&
	       bytes_equal(wanted->tenant, is->tenant);
}

static bool lasts_longer(const struct directive *a, const struct directive *b)
{
	return b->until_wall_ms != 0 &&
	       (a->until_wall_ms == 0 || a->until_wall_ms > b->until_wall_ms);
}

const struct suspension *suspensions_find(const struct suspensions *suspensions,
					  const struct suspension_subject *subject,
					  int64_t now_wall_ms)
{
	const struct suspension *found = NULL;
	for (size_t i = 0; i < suspensions->count; i++) {
		const struct suspension *row = &suspensions->rows[i];
		const struct directive *wanted = &row->directive;
		if (suspension_is_in_force(row, now_wall_ms) && fits(wanted->pool, subject->pool) &&
		    fits_site(wanted->site, subject->site) &&
		    fits(wanted->source, subject->source) && fits_campaign(wanted, subject) &&
		    (!found || lasts_longer(wanted, &found->directive)))
			found = row;
	}
	return found;
}
