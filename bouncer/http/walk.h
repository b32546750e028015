/* Looking through the ledger for the entries that a request means, some keys a turn, so that the loop never waits. */
#ifndef LEVERET_BOUNCER_HTTP_WALK_H
#define LEVERET_BOUNCER_HTTP_WALK_H

#include "bouncer/http/selection.h"

#define WALKS_MAX 8 /* at once; further ones get 503 */

struct walk_handler { /* static */
	/* One that fits, borrowed. False: enough; the walk ends before it. */
	bool (*each)(struct bouncer_visit *visit, const struct suppression *entry);
	/* `next`: the key to go on from; none: everything was seen. The visit is at work until it returns. */
	void (*done)(struct bouncer_visit *visit, enum err err, struct bytes next);
};
/* From `from` on, through at most `key_max` keys (0: all). The visit answers when it is done; nothing is begun, and 503 is the answer,
 * while too many walk. */
void walk_start(struct bouncer_visit *visit, const struct selection *selection, struct bytes from,
		size_t key_max, const struct walk_handler *handler);

#endif
