/* States of webhooks on their way into the store: together, soon after requests, at once when a mode changes. Used on one loop. */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_STATES_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_STATES_H

#include "bouncer/telling/webhook_state.h"
#include "lib/store/store.h"

struct webhook_states;
/* `each` is asked for one after the other: the name and state at an index; false behind the last. */
struct webhook_states *webhook_states_new(struct loop *loop, struct store *store,
					  bool (*each)(void *owner, size_t index, const char **name,
						       struct webhook_state *ret),
					  void *owner);
void webhook_states_free(struct webhook_states **states); /* what is to be written is written */

struct webhook_state webhook_states_read(const struct webhook_states *states, const char *name);
void webhook_states_write(struct webhook_states *states, bool is_now);

#endif
