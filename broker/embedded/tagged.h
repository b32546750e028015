/* Finds what a tag of packet.h stands for. The item is embedded in its owner; the table owns nothing. */
#ifndef LEVERET_BROKER_EMBEDDED_TAGGED_H
#define LEVERET_BROKER_EMBEDDED_TAGGED_H

#include <stddef.h>
#include <stdint.h>

struct tagged {
	uint64_t tag; /* never 0 */
	void *owner;
	struct tagged *next;
};

struct tagged_table {
	struct tagged **slots;
	size_t slot_count; /* a power of two; 0 while empty */
	size_t count;
};

void tagged_add(struct tagged_table *table, struct tagged *item);  /* tag and owner are set */
void *tagged_find(const struct tagged_table *table, uint64_t tag); /* its owner; NULL: unknown */
void tagged_remove(struct tagged_table *table, struct tagged *item);
void tagged_done(struct tagged_table *table);

#endif
