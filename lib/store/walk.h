/* A walk over a database in steps, each with a transaction of its own, so that nobody is held up however long it is. What is written
 * between two steps is seen where it lies ahead. Zeroed, it stands at the first key. */
#ifndef LEVERET_LIB_STORE_WALK_H
#define LEVERET_LIB_STORE_WALK_H

#include "lib/store/store.h"

struct store_walk {
	bool has_more;
	/* private */
	uint8_t key[STORE_KEY_MAX];
	size_t key_len;
};
void store_walk_begin(struct store_walk *walk); /* there is more: all of it */
bool store_walk_is_at_start(const struct store_walk *walk);
/* store_each() from where the last step stopped on; has_more tells whether it stopped again. */
enum err store_walk_step(struct store_walk *walk, struct store_txn *txn, int database,
			 bool (*each)(void *owner, struct bytes key, struct bytes value),
			 void *owner) MUST_USE;
/* From `each`, as its answer: the step is over, and the next one begins with this key. Always false. */
bool store_walk_stop(struct store_walk *walk, struct bytes key);

#endif
