/* Inside of a webhook.
 *
 *   webhook.c       its life: subscribed, taking, paused, disabled
 *   webhook_fill.c  leases become requests, and are settled when these are done
 *   webhook_send.c  requests are posted, one by one or some at once, and what follows from the answers */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_INNER_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_INNER_H

#include "bouncer/telling/subscription.h"
#include "bouncer/telling/webhook.h"
#include "bouncer/telling/webhook_request.h"

struct webhook {
	struct webhook_options options;
	struct webhook_line line;
	struct webhook_state state;
	char queue[QUEUE_NAME_MAX];
	struct subscription *subscription;
	bool is_subscribed;
	struct consumer *consumer;
	struct timer *fill, *backoff;
	struct timer *airing; /* while it is not on: when what is too old is looked for again */
	struct webhook_request *open;
	struct webhook_requests ready, posted;
	size_t posted_count;
	unsigned failures; /* one after the other */
	size_t held_count, held_bytes;
	bool is_stopped;
	bool is_airing; /* not on, and leases are taken to drop those that are too old */
};

static inline int64_t webhook_wall_ms(const struct webhook *webhook)
{
	return loop_wall_ms(webhook->options.loop);
}
unsigned webhook_prefetch(const struct webhook *webhook);
void webhook_tell_change(struct webhook *webhook, bool is_mode);
/* Leases are taken while they can be worked on. */
void webhook_heed_room(struct webhook *webhook);
/* What is too old is looked for again later, not now. */
void webhook_air_again(struct webhook *webhook);

/* webhook_fill.c */
void webhook_take_lease(void *owner, struct lease *lease); /* owner: the webhook */
void webhook_fill_over(void *owner);			   /* the same */
void webhook_close_open(struct webhook *webhook);
void webhook_end_request(struct webhook_request *request, enum hold_end end);
void webhook_give_back_ready(struct webhook *webhook, enum hold_end end);

/* webhook_send.c */
void webhook_post_ready(struct webhook *webhook);
void webhook_backoff_over(void *owner); /* the webhook */

#endif
