/* A bounded table of entries by a key of bytes, in the order of their last use: when it is full, the one unused longest makes room.
 * The entry is the owner's struct, zeroed at birth. Pure, but for memory. */
#ifndef LEVERET_LIB_BASE_RECENTS_H
#define LEVERET_LIB_BASE_RECENTS_H

#include "lib/base/bytes.h"

struct recents;

struct recents_type {
	size_t size;			   /* of an entry */
	size_t max;			   /* entries; all of them may still be kept by may_go */
	bool (*may_go)(const void *entry); /* make room; NULL: any may */
	void (*done)(void *entry);	   /* what it holds is freed; NULL: nothing */
};

struct recents *recents_new(const struct recents_type *type);	     /* borrowed: static */
void recents_free(struct recents **recents);			     /* NULL is accepted */
void *recents_find(const struct recents *recents, struct bytes key); /* NULL: not there */
/* The entry of the key, made where there is none, now the one used last. Valid until it is dropped or makes room. */
void *recents_use(struct recents *recents, struct bytes key);
void recents_drop(struct recents *recents, struct bytes key);
size_t recents_count(const struct recents *recents);

#endif
