/* See tagged.h. Tags are counted up, so their low bits spread over the slots by themselves. */
#include "broker/embedded/tagged.h"

#include "lib/base/memory.h"

#define SLOTS_MIN 64

static struct tagged **slot_of(const struct tagged_table *table, uint64_t tag)
{
	return &table->slots[tag & (table->slot_count - 1)];
}

static void insert(struct tagged_table *table, struct tagged *item)
{
	struct tagged **slot = slot_of(table, item->tag);
	item->next = *slot;
	*slot = item;
}

static void grow(struct tagged_table *table)
{
	struct tagged_table old = *table;
	table->slot_count = old.slot_count > 0 ? old.slot_count * 2 : SLOTS_MIN;
	table->slots = memory_array(table->slot_count, sizeof(struct tagged *));
	for (size_t i = 0; i < old.slot_count; i++) {
		for (struct tagged *item = old.slots[i], *next; item; item = next) {
			next = item->next;
			insert(table, item);
		}
	}
	free(old.slots);
}

void tagged_add(struct tagged_table *table, struct tagged *item)
{
	if (table->count >= table->slot_count)
		grow(table);
	insert(table, item);
	table->count++;
}

void *tagged_find(const struct tagged_table *table, uint64_t tag)
{
	if (table->count == 0)
		return NULL;
	struct tagged *item = *slot_of(table, tag);
	while (item && item->tag != tag)
		item = item->next;
	return item ? item->owner : NULL;
}

void tagged_remove(struct tagged_table *table, struct tagged *item)
{
	struct tagged **link = slot_of(table, item->tag);
	while (*link != item)
		link = &(*link)->next;
	*link = item->next;
	table->count--;
}

void tagged_done(struct tagged_table *table)
{
	free(table->slots);
	*table = (struct tagged_table){0};
}
