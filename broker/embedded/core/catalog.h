/* All queues, by name and by number, the subscribers' patterns, and where a message goes. */
#ifndef LEVERET_BROKER_EMBEDDED_CORE_CATALOG_H
#define LEVERET_BROKER_EMBEDDED_CORE_CATALOG_H

#include "broker/broker.h"
#include "broker/embedded/core/queue.h"
#include "lib/store/store.h"

struct catalog;

#define CATALOG_QUEUES_MAX   10000
#define CATALOG_PATTERNS_MAX 1000 /* of one queue */

/* Reads the queues and patterns that are on disk and makes those that the settings ask for (with changes that are not waited
 * for). E_IO: what is on disk is not ours. */
enum err catalog_open(struct core *core, struct store_txn *txn, struct catalog **ret,
		      struct why *why) MUST_USE;
void catalog_free(struct catalog **catalog);

struct queue *catalog_find(const struct catalog *catalog, const char *name); /* NULL */
struct queue *catalog_by_id(const struct catalog *catalog, uint32_t id);     /* NULL */
struct queue *catalog_first(const struct catalog *catalog); /* go on by queue->next */

/* A subscriber's queue and its pattern. E_REFUSED: the name is one of ours, or not a name; E_FULL: too many queues, or patterns. The caller adds
 * the changes that make it durable. *ret_is_new: the queue did not exist. */
enum err catalog_subscribe(struct catalog *catalog, const char *name, const char *pattern,
			   struct queue **ret, bool *ret_is_new) MUST_USE;
bool catalog_is_subscriber(const struct queue *queue);
void catalog_remove(struct catalog *catalog, struct queue *queue); /* frees it */

/* Queues that a message goes to, in an array of the catalog's that holds until it is asked again; 0: it is unroutable (but for
 * EXCHANGE_RESULTS and EXCHANGE_EVENTS, where it is done). */
size_t catalog_route(struct catalog *catalog, enum exchange exchange, const char *key,
		     struct queue *const **ret);

#endif
