/* A request of a webhook in the making: events as a JSON array, and the leases they came with. Used on one loop.
 *
 *   lease -> hold -> its events in one request or more -> each posted -> the last one settles the lease */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_REQUEST_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_REQUEST_H

#include <sys/queue.h>

#include "bouncer/telling/webhook_post.h"
#include "broker/broker.h"
#include "lib/base/buf.h"
#include "schemas/schemas.h"

#define REQUEST_BODY_MAX ((size_t)1 << 20)
#define EVENT_JSON_MAX	 ((size_t)4 << 20)

enum hold_end { /* in order of what wins */
		HOLD_DONE,
		HOLD_BACK,  /* to the queue at once */
		HOLD_AGAIN, /* to the queue, for later */
		HOLD_BURY,
};

struct hold { /* a lease */
	struct lease *lease;
	size_t bytes;
	size_t parts; /* requests that have events of it; one more while they are made */
	enum hold_end end;
	int64_t oldest_wall_ms; /* of its events */
};

struct webhook_request {
	struct webhook *webhook;
	struct webhook_post *post; /* NULL: waits */
	char id[WEBHOOK_ID_SIZE];
	struct buf body;
	size_t count; /* events */
	struct hold **holds;
	size_t hold_count;
	int64_t begun_at_ms;
	TAILQ_ENTRY(webhook_request) next;
};
TAILQ_HEAD(webhook_requests, webhook_request);

struct webhook_request *webhook_request_new(struct webhook *webhook, int64_t now_ms);
void webhook_request_free(struct webhook_request *request);
/* False: there is no room, or for an event alone none in any request. */
bool webhook_request_add(struct webhook_request *request, struct hold *hold,
			 const struct bouncer_event *event);
void webhook_request_close(struct webhook_request *request); /* its body is whole; it has its id */
int64_t webhook_request_oldest_wall_ms(const struct webhook_request *request);

#endif
