/* One webhook: a queue of its own that gets the events it wants, and requests made of what comes from it. What its endpoint has not
 * taken stays in the queue, so that one that is slow or away holds up nobody else. Used on one loop.
 *
 * An event's lease is acknowledged when the requests it went into were answered by 2xx: told once at least, and again after a crash. */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_H

#include "bouncer/telling/webhook_settings.h"
#include "bouncer/telling/webhook_state.h"
#include "broker/broker.h"
#include "lib/net/resolver.h"

#define WEBHOOK_QUEUE_PREFIX "webhook."
#define WEBHOOK_BYTES_MAX    ((size_t)8 << 20) /* of the leases it holds, about */

struct webhook_options {
	struct loop *loop;
	struct broker *broker;
	struct resolver *resolver;
	const struct webhook_settings *settings;
	struct webhook_state state; /* as it was kept */
	/* The state is another. is_mode: it was disabled, which is to be kept at once and told. */
	void (*changed)(void *owner, const struct webhook_settings *settings,
			const struct webhook_state *state, bool is_mode);
	/* Its queue gets its events: once, and before any is posted. */
	void (*subscribed)(void *owner, const struct webhook_settings *settings);
	void *owner;
};

struct webhook;
struct webhook *webhook_new(const struct webhook_options *options);
/* Nothing is sent any more; leases go back. Before the broker is closed. */
void webhook_stop(struct webhook *webhook);
void webhook_free(struct webhook **webhook);

const struct webhook_settings *webhook_settings(const struct webhook *webhook);
const struct webhook_state *webhook_state(const struct webhook *webhook);
bool webhook_is_subscribed(const struct webhook *webhook);
void webhook_set_mode(struct webhook *webhook, enum webhook_mode mode, int64_t since_wall_ms);

#endif
