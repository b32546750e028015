/* One request to a webhook: its host is looked up, its addresses are checked, the connection goes to what was checked and nowhere
 * else. Redirects are not followed. Used on one loop. */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_POST_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_POST_H

#include "bouncer/telling/webhook_rules.h"
#include "bouncer/telling/webhook_settings.h"
#include "lib/net/http_client.h"
#include "lib/net/resolver.h"
#include "lib/net/url_target.h"

struct webhook_line { /* what the requests of one webhook have in common; settings and resolver are borrowed */
	struct loop *loop;
	struct resolver *resolver;
	struct http_client *client;
	const struct webhook_settings *settings;
	struct url_target target;
	struct webhook_key keys[2];
	size_t key_count;
};
/* The settings were checked. */
void webhook_line_open(struct webhook_line *line, struct loop *loop, struct resolver *resolver,
		       const struct webhook_settings *settings);
void webhook_line_close(struct webhook_line *line);

struct webhook_outcome {
	enum err err;
	long status; /* 0: no answer */
	int64_t retry_after_s;
	const char *why; /* of a failure; borrowed during `done` */
};
struct webhook_post;
/* The body is borrowed until it is done or cancelled. `done` comes once, from the loop, later. */
struct webhook_post *
webhook_post_start(struct webhook_line *line, const char *id, struct bytes body,
		   void (*done)(void *owner, const struct webhook_outcome *outcome), void *owner);
void webhook_post_cancel(struct webhook_post **post); /* not from its done; NULL is accepted */

#endif
