/* The table "webhooks" as the bouncer keeps it: what the HTTP API made, and which webhooks are paused or disabled, the same on every
 * bouncer. Used on one loop. */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_TABLE_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_TABLE_H

#include "broker/broker.h"
#include "lib/base/arena.h"
#include "lib/store/store.h"
#include "schemas/schemas.h"

struct webhook_table;
/* The store has REPLICA_DATABASES. `changed` comes later, whenever rows came. */
struct webhook_table *webhook_table_new(struct broker *broker, struct loop *loop,
					struct store *store, void (*changed)(void *owner),
					void *owner);
void webhook_table_free(struct webhook_table **table); /* after the broker was closed */

/* All rows, in the arena; what cannot be read is passed over. E_IO. */
enum err webhook_table_read(struct webhook_table *table, struct arena *arena,
			    struct webhook_row **ret_rows, size_t *ret_count) MUST_USE;
/* E_NOT_FOUND */
enum err webhook_table_find(struct webhook_table *table, struct arena *arena, struct bytes name,
			    struct webhook_row *ret) MUST_USE;

/* A change of it is not in this host's copy yet. */
bool webhook_table_is_changing(const struct webhook_table *table, struct bytes name);

/* `done` comes once: OK when the broker keeps it and this host's copy has it. The row's version is given here. */
void webhook_table_put(struct webhook_table *table, const struct webhook_row *row,
		       void (*done)(void *owner, enum err err), void *owner);
void webhook_table_remove(struct webhook_table *table, struct bytes name,
			  void (*done)(void *owner, enum err err), void *owner);

#endif
