/* Inside of the bouncer's HTTP API: a request on its way, and the endpoints. */
#ifndef LEVERET_BOUNCER_HTTP_PARTS_H
#define LEVERET_BOUNCER_HTTP_PARTS_H

#include "bouncer/http/api.h"
#include "bouncer/suppressions/sweep.h"
#include "lib/api/door.h"
#include "lib/loop/offload.h"

struct followers;

struct bouncer_api {
	struct bouncer_api_options options;
	struct api_keys *keys;
	struct api_listener *listeners;
	size_t listener_count, drained_count;
	struct offload *offload; /* for bodies that take long to read */
	struct followers *followers;
	size_t walk_count; /* requests that walk the ledger now */
	int ledger_database;
	bool is_closed;
	LIST_HEAD(, bouncer_visit) at_work;
};

struct bouncer_visit {
	struct api_visit api; /* first */
	struct bouncer_api *of;
	bool is_at_work; /* somebody will call bouncer_visit_end() */
	/* The client left while it is at work, or the API is closed (is_closed), which may come behind it. NULL: the work goes on. */
	void (*left)(struct bouncer_visit *visit);
	void *work;			/* of whoever is at work */
	void *result;			/* what it is for */
	LIST_ENTRY(bouncer_visit) next; /* of those at work */
};

static inline struct bouncer_visit *bouncer_visit_of(struct api_visit *api)
{
	return (struct bouncer_visit *)api;
}
/* Work that answers later: begin it, and end it once, behind the answer. */
void bouncer_visit_begin(struct bouncer_visit *visit);
void bouncer_visit_end(struct bouncer_visit *visit);

/* Whose entries a request may see and change: those of the key's tenant; of a key without one, everybody's. */
struct bytes visit_tenant(const struct bouncer_visit *visit);
bool visit_is_confined(const struct bouncer_visit *visit);
bool visit_may_see(const struct bouncer_visit *visit, struct bytes tenant);

/* Completes what a client gives; E_MALFORMED, E_REFUSED (another tenant). Texts go to the visit's arena. */
enum err entry_complete(struct bouncer_visit *visit, const char *origin, struct suppression *entry,
			struct why *why) MUST_USE;

/* A JSON object with what the path says already, which is not to stand in it; in the visit's arena. The value is as long as an address at most. */
struct bytes json_with(struct bouncer_visit *visit, const char *name, struct bytes value,
		       struct bytes body);

/* Endpoints. */
void http_suppressions_get(struct api_visit *visit);
void http_suppressions_put(struct api_visit *visit);
void http_suppressions_delete(struct api_visit *visit);
void http_suppressions_list(struct api_visit *visit);
void http_suppressions_export(struct api_visit *visit);
void http_suppressions_bulk(struct api_visit *visit);
void http_suppressions_undo(struct api_visit *visit);
void http_alerts_list(struct api_visit *visit);
void http_alerts_clear(struct api_visit *visit);
void http_events_follow(struct api_visit *visit);
void http_events_forget(struct api_visit *visit);
void http_webhooks_list(struct api_visit *visit);
void http_webhooks_get(struct api_visit *visit);
void http_webhooks_post(struct api_visit *visit);
void http_webhooks_put(struct api_visit *visit);
void http_webhooks_delete(struct api_visit *visit);
void http_webhooks_secret(struct api_visit *visit);
void http_webhooks_test(struct api_visit *visit);
void http_webhooks_pause(struct api_visit *visit);
void http_webhooks_resume(struct api_visit *visit);
void http_webhooks_replay(struct api_visit *visit);

/* The webhook of the path, when the key may see it; else 404 was answered. */
bool webhook_of_path(struct bouncer_visit *visit, struct webhook_view *ret);
/* One that there is, with its secret when it is shown (NULL: not). */
void webhook_answer(struct bouncer_visit *visit, struct bytes name, const char *secret);

struct followers *followers_new(struct bouncer_api *api);
/* Those who wait are answered, with nothing. */
void followers_stop(struct followers *followers);
void followers_free(struct followers **followers); /* before the broker is closed */

#endif
