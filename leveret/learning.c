/* See learning.h. */
#include "leveret/learning.h"

#include <string.h>
#include <uthash.h>

#include "broker/learned_sites.h"
#include "lib/base/memory.h"
#include "lib/routing/lent.h"

struct entry {
	struct site_lesson lesson;
	struct arena *arena; /* of the lesson */
	uint64_t version;
	bool is_removed;
	UT_hash_handle hh;
};

struct learning {
	struct errand *errand;
	void (*told)(struct errand *errand);
	struct table_follower *follower;
	struct entry *entries;
	bool is_told;
};

static struct entry *find(const struct learning *learning, struct bytes domain)
{
	struct entry *entry;
	HASH_FIND(hh, learning->entries, domain.data, domain.len, entry);
	return entry;
}

static void forget(struct learning *learning, struct entry *entry)
{
	HASH_DEL(learning->entries, entry);
	arena_free(&entry->arena);
	free(entry);
}

static void on_entry(void *owner, const struct table_entry *from, uint64_t position)
{
	struct learning *learning = owner;
	struct entry *entry = find(learning, from->key);
	(void)position;
	if (entry && entry->version >= from->version)
		return;
	if (entry)
		forget(learning, entry);
	entry = memory_new(sizeof *entry);
	entry->arena = arena_new();
	entry->version = from->version;
	entry->lesson.domain = arena_cstr(entry->arena, from->key);
	entry->is_removed = from->value.len == 0 ||
			    directive_decode(entry->arena, arena_copy(entry->arena, from->value),
					     &entry->lesson.directive, NULL) != OK;
	HASH_ADD_KEYPTR(hh, learning->entries, entry->lesson.domain, strlen(entry->lesson.domain),
			entry);
}

static void on_caught_up(void *owner)
{
	struct learning *learning = owner;
	if (learning->is_told)
		return;
	learning->is_told = true;
	learning->told(learning->errand);
}

static bool is_in_force(const struct learning *learning, const struct entry *entry)
{
	return !entry->is_removed && !strchr(entry->lesson.domain, '/') &&
	       entry->lesson.directive.until_wall_ms > loop_wall_ms(learning->errand->loop);
}

/* As broker/learned_sites.h: of two domains that were told of one queue its own row says whose it is. */
static bool is_its_own(const struct learning *learning, const struct entry *entry)
{
	char site[ROUTING_NAME_MAX + 1], key[ROUTING_NAME_MAX + 1];
	if (!bytes_to_cstr(entry->lesson.directive.site, site, sizeof site) || lent_index(site) < 0)
		return true;
	learned_slot_key(lent_index(site), key);
	const struct entry *slot = find(learning, bytes_of(key));
	return slot && !slot->is_removed &&
	       bytes_is(slot->lesson.directive.domain, entry->lesson.domain);
}

const struct site_lesson *learning_of(const struct learning *learning, const char *domain)
{
	const struct entry *entry = find(learning, bytes_of(domain));
	return entry && is_in_force(learning, entry) && is_its_own(learning, entry) ? &entry->lesson
										    : NULL;
}

void learning_each(const struct learning *learning,
		   void (*each)(void *owner, const struct site_lesson *lesson), void *owner)
{
	for (const struct entry *entry = learning->entries; entry; entry = entry->hh.next)
		if (is_in_force(learning, entry))
			each(owner, &entry->lesson);
}

struct learning *learning_new(struct errand *errand, void (*told)(struct errand *errand))
{
	static const struct table_handler handler = {.entry = on_entry, .caught_up = on_caught_up};
	struct learning *learning = memory_new(sizeof *learning);
	learning->errand = errand;
	learning->told = told;
	learning->follower =
		table_follow(errand->broker, LEARNED_SITES_TABLE, 0, &handler, learning);
	return learning;
}

void learning_free(struct learning **learning)
{
	struct learning *freeing = *learning;
	*learning = NULL;
	if (!freeing)
		return;
	table_follower_free(&freeing->follower);
	while (freeing->entries)
		forget(freeing, freeing->entries);
	free(freeing);
}
