/* A kind: told -- fires again --> told, and kept for later -- its minute is over, or it is in force anew --> told
 *         told -- its minute is over --> forgotten */
#include "workers/delivery/firings.h"

#include <sys/queue.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#define BUCKETS 1024

struct kind {
	uint64_t key;
	int64_t told_ms;
	struct arena *arena;	    /* of the texts; NULL: nothing is kept */
	struct shaping_event later; /* its count: how often it fired since it was told */
	LIST_ENTRY(kind) next;
};
LIST_HEAD(kind_list, kind);

struct firings {
	struct kind_list buckets[BUCKETS];
	size_t count;
	uint64_t seed;
};

struct firings *firings_new(void)
{
	struct firings *firings = memory_new(sizeof *firings);
	random_bytes(&firings->seed, sizeof firings->seed);
	for (size_t i = 0; i < BUCKETS; i++)
		LIST_INIT(&firings->buckets[i]);
	return firings;
}

static void forget(struct firings *firings, struct kind *kind)
{
	LIST_REMOVE(kind, next);
	firings->count--;
	arena_free(&kind->arena);
	free(kind);
}

void firings_free(struct firings **firings)
{
	struct firings *freeing = *firings;
	*firings = NULL;
	for (size_t i = 0; freeing && i < BUCKETS; i++)
		while (!LIST_EMPTY(&freeing->buckets[i]))
			forget(freeing, LIST_FIRST(&freeing->buckets[i]));
	free(freeing);
}

/* What is in force has an id that says for whom; else it is a delivery of this source to this site. */
static uint64_t key_of(const struct firings *firings, const struct shaping_event *event)
{
	uint64_t hash = hash_bytes(firings->seed ^ HASH_START, event->rule);
	hash = hash_bytes(hash * 31, event->action);
	if (event->id.len > 0)
		return hash_bytes(hash * 31, event->id);
	hash = hash_bytes(hash * 31, event->site);
	return hash_bytes(hash * 31, event->source);
}

static struct kind *find(const struct firings *firings, uint64_t key)
{
	struct kind *kind;
	LIST_FOREACH(kind, &firings->buckets[key % BUCKETS], next)
	if (kind->key == key)
		return kind;
	return NULL;
}

/* ---- keeping for later ---- */

static void copy_texts(struct arena *arena, struct shaping_event *event)
{
	struct bytes *const texts[] = {&event->id,	 &event->action, &event->scope,
				       &event->rule,	 &event->site,	 &event->source,
				       &event->host,	 &event->tenant, &event->campaign,
				       &event->argument, &event->step,	 &event->enhanced,
				       &event->text,	 &event->reason, &event->worker};
	for (size_t i = 0; i < sizeof texts / sizeof(struct bytes *); i++)
		*texts[i] = arena_copy(arena, *texts[i]);
}

static void keep(struct kind *kind, const struct shaping_event *event)
{
	if (!kind->arena) {
		kind->arena = arena_new();
		kind->later = *event;
		copy_texts(kind->arena, &kind->later);
		return;
	}
	kind->later.value = event->value;
	kind->later.until_wall_ms = event->until_wall_ms;
	kind->later.replies = event->replies;
	kind->later.count += event->count;
}

/* What was over, and is in force again, is news. */
static bool is_new(const struct shaping_event *event)
{
	return event->replies == 1;
}

static void tell_with_kept(struct kind *kind, struct shaping_event *event, int64_t now_ms)
{
	if (kind->arena)
		event->count += kind->later.count;
	arena_free(&kind->arena);
	kind->told_ms = now_ms;
}

enum firing firings_note(struct firings *firings, struct shaping_event *event, int64_t now_ms)
{
	uint64_t key = key_of(firings, event);
	struct kind *kind = find(firings, key);
	if (kind && is_new(event)) {
		tell_with_kept(kind, event, now_ms);
		return FIRING_NOW;
	}
	if (kind) {
		keep(kind, event);
		return FIRING_LATER;
	}
	if (firings->count == FIRINGS_MAX)
		return FIRING_DROPPED;
	kind = memory_new(sizeof *kind);
	kind->key = key;
	kind->told_ms = now_ms;
	LIST_INSERT_HEAD(&firings->buckets[key % BUCKETS], kind, next);
	firings->count++;
	return FIRING_NOW;
}

/* ---- telling ---- */

void firings_due(struct firings *firings, int64_t now_ms,
		 void (*each)(void *owner, const struct shaping_event *event), void *owner)
{
	struct kind *kind, *next;
	for (size_t i = 0; i < BUCKETS; i++)
		for (kind = LIST_FIRST(&firings->buckets[i]); kind; kind = next) {
			next = LIST_NEXT(kind, next);
			if (now_ms - kind->told_ms < FIRINGS_EVERY_MS)
				continue;
			if (!kind->arena) {
				forget(firings, kind);
				continue;
			}
			each(owner, &kind->later);
			arena_free(&kind->arena);
			kind->told_ms = now_ms;
		}
}

size_t firings_count(const struct firings *firings)
{
	return firings->count;
}
