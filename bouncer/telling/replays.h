/* The replays of this bouncer: one for a webhook at a time, some at once. Used on one loop. */
#ifndef LEVERET_BOUNCER_TELLING_REPLAYS_H
#define LEVERET_BOUNCER_TELLING_REPLAYS_H

#include "bouncer/telling/replay.h"
#include "bouncer/telling/webhooks.h"

#define REPLAYS_MAX 4 /* at once, counting ones too */

struct replays;
struct replays *replays_new(struct loop *loop, struct webhooks *webhooks, const char *directory);
void replays_free(
	struct replays **replays); /* before the webhooks; counting ones end with E_CANCELLED */

/* E_NOT_FOUND: no such webhook. E_REFUSED: it is paused or disabled. E_BLOCKED: it has one already, or too many go on. `counted` (of a dry
 * one; else NULL) comes once, later. */
enum err replays_start(struct replays *replays, struct bytes name, const struct replay_order *order,
		       void (*counted)(void *owner, enum err err, uint64_t count), void *owner,
		       struct why *why) MUST_USE;
/* The last one of a webhook, dry ones aside. False: there was none since the start. */
bool replays_last(const struct replays *replays, const char *name, struct replay_state *ret);

/* What of since, until and kinds is not given as text is 0; until: now. RFC 3339, or how long ago. E_MALFORMED. Pure. */
enum err replay_order_read(struct bytes since, struct bytes until, struct bytes kinds,
			   int64_t now_wall_ms, struct replay_order *ret, struct why *why) MUST_USE;

#endif
