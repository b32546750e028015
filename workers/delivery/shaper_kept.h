/* What a shaper has in force and has learned, in the store of this host, for its next start; other workers of the host that start later
 * begin with it too. What changed is written about every second: a crash loses no more. Lives on the shaper's loop. A NULL keeps nothing. */
#ifndef LEVERET_WORKERS_DELIVERY_SHAPER_KEPT_H
#define LEVERET_WORKERS_DELIVERY_SHAPER_KEPT_H

#include "lib/shaping/force.h"
#include "lib/store/store.h"
#include "workers/delivery/learned.h"

#define SHAPING_DATABASE "shaping"

struct shaper_kept;
struct shaper_kept *shaper_kept_new(struct loop *loop, struct store *store);
void shaper_kept_free(struct shaper_kept **kept); /* waits for its writes */

/* Puts in force again what its time is not over of, if its rule is still there. */
void shaper_kept_load(struct shaper_kept *kept, const struct shaping_rules *rules,
		      struct shaping_force *force);
/* Writes what has changed since the last call. */
void shaper_kept_save(struct shaper_kept *kept, const struct shaping_force *force,
		      const struct learned_set *learned);
/* An entry is over, by shaper_entry_id(). */
void shaper_kept_drop(struct shaper_kept *kept, uint64_t id);
/* A new one begins with what was learned before. */
void shaper_kept_recall(struct shaper_kept *kept, struct learned *learned);

#endif
