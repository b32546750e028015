/* This node's copy of a replicated table, in LMDB: follows the table and answers look-ups at once, on any thread.
 * Several processes of a host may share the store: an entry is applied only over a lower version of its key. */
#ifndef LEVERET_BROKER_REPLICA_H
#define LEVERET_BROKER_REPLICA_H

#include "broker/broker.h"
#include "lib/store/store.h"

struct replica;

/* Databases the store must have been opened with, for a table "suppressions". */
#define REPLICA_DATABASES "table.suppressions", "table.positions"

/* `caught_up` (NULL allowed) is called once per connection to the broker, when the copy is complete. */
struct replica *replica_new(struct broker *broker, struct loop *loop, struct store *store, const char *table, void (*caught_up)(void *owner),
			    void *owner);
void replica_free(struct replica **replica);
bool replica_is_complete(const struct replica *replica); /* it was caught up at least once */

/* The value of a key, copied into out (max `size`); E_NOT_FOUND when absent or removed. */
enum err replica_get(struct replica *replica, struct bytes key, uint8_t *out, size_t size, size_t *ret_len) MUST_USE;

#endif
