/* See walk.h. */
#include "lib/store/walk.h"

#include <string.h>

void store_walk_begin(struct store_walk *walk)
{
	walk->key_len = 0;
	walk->has_more = true;
}

bool store_walk_is_at_start(const struct store_walk *walk)
{
	return walk->key_len == 0;
}

enum err store_walk_step(struct store_walk *walk, struct store_txn *txn, int database,
			 bool (*each)(void *owner, struct bytes key, struct bytes value),
			 void *owner)
{
	uint8_t from[STORE_KEY_MAX]; /* each may stop, which writes the other */
	size_t from_len = walk->key_len;
	memcpy(from, walk->key, from_len);
	walk->has_more = false;
	return store_each(txn, database, bytes_from(from, from_len), each, owner);
}

bool store_walk_stop(struct store_walk *walk, struct bytes key)
{
	memcpy(walk->key, key.data, key.len);
	walk->key_len = key.len;
	walk->has_more = true;
	return false;
}
