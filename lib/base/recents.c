/* uthash keeps the order in which entries were added; to be used is to be added again. */
#include "lib/base/recents.h"

#include <stdlib.h>

#define uthash_fatal(message) abort()
#include <uthash.h>

#include "lib/base/memory.h"

struct slot {
	UT_hash_handle hh;
	void *entry;
	size_t key_len;
	uint8_t key[];
};

struct recents {
	const struct recents_type *type;
	struct slot *table;
};

static void slot_free(struct recents *recents, struct slot *slot)
{
	if (recents->type->done)
		recents->type->done(slot->entry);
	free(slot->entry);
	free(slot);
}

static struct slot *find(const struct recents *recents, struct bytes key)
{
	struct slot *slot = NULL;
	HASH_FIND(hh, recents->table, key.data, key.len, slot);
	return slot;
}

static void drop(struct recents *recents, struct slot *slot)
{
	HASH_DEL(recents->table, slot);
	slot_free(recents, slot);
}

static void make_room(struct recents *recents)
{
	if (HASH_COUNT(recents->table) < recents->type->max)
		return;
	for (struct slot *slot = recents->table; slot; slot = slot->hh.next)
		if (!recents->type->may_go || recents->type->may_go(slot->entry)) {
			drop(recents, slot);
			return;
		}
}

struct recents *recents_new(const struct recents_type *type)
{
	struct recents *recents = memory_new(sizeof *recents);
	recents->type = type;
	return recents;
}

void recents_free(struct recents **recents)
{
	struct recents *r = *recents;
	if (!r)
		return;
	*recents = NULL;
	struct slot *slot = r->table;
	HASH_CLEAR(hh, r->table);
	while (slot) {
		struct slot *next = slot->hh.next;
		slot_free(r, slot);
		slot = next;
	}
	free(r);
}

void *recents_find(const struct recents *recents, struct bytes key)
{
	struct slot *slot = find(recents, key);
	return slot ? slot->entry : NULL;
}

void *recents_use(struct recents *recents, struct bytes key)
{
	struct slot *slot = find(recents, key);
	if (slot) {
		HASH_DEL(recents->table, slot);
	} else {
		make_room(recents);
		slot = memory_new(sizeof *slot + key.len);
		slot->entry = memory_new(recents->type->size);
		slot->key_len = key.len;
		memcpy(slot->key, key.data, key.len);
	}
	HASH_ADD_KEYPTR(hh, recents->table, slot->key, slot->key_len, slot);
	return slot->entry;
}

void recents_drop(struct recents *recents, struct bytes key)
{
	struct slot *slot = find(recents, key);
	if (slot)
		drop(recents, slot);
}

size_t recents_count(const struct recents *recents)
{
	return HASH_COUNT(recents->table);
}
