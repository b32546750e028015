/* GET /v1/alerts: those that are raised. POST /v1/alerts/{id}/clear: one of them, or all of a name, with their brakes. */
#include "bouncer/http/parts.h"

#define ANSWER_MAX ((size_t)16 << 20)

struct listing {
	struct bouncer_visit *visit;
	struct buf out;
	size_t count;
	enum err err;
};

static void add_one(void *owner, const struct alert_state *state)
{
	struct listing *listing = owner;
	if (listing->err || !visit_may_see(listing->visit, state->tenant))
		return;
	if (listing->count++ > 0)
		listing->err = buf_append_text(&listing->out, ",");
	if (!listing->err)
		listing->err = alert_state_to_json(state, &listing->out);
}

void http_alerts_list(struct api_visit *api)
{
	struct listing listing = {.visit = bouncer_visit_of(api)};
	buf_init(&listing.out, ANSWER_MAX);
	listing.err = buf_append_text(&listing.out, "{\"alerts\":[");
	alerts_each(listing.visit->of->options.alerts, add_one, &listing);
	if (!listing.err)
		listing.err = buf_append_text(&listing.out, "]}\n");
	if (listing.err)
		api_fail(api, listing.err, "there are too many of them");
	else
		api_answer(api, 200, buf_bytes(&listing.out));
	buf_done(&listing.out);
}

/* A brake is the operator's: a tenant does not lift it. */
void http_alerts_clear(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	if (visit_is_confined(visit)) {
		api_refuse(api, 403, "an API key of a tenant clears no alerts");
		return;
	}
	const char *by = arena_printf(api->arena, "API key %s", api->key->settings->name);
	size_t count =
		alerts_clear(visit->of->options.alerts, bytes_of(api->argument), bytes_of(by));
	if (count == 0)
		api_refuse(api, 404, "there is no alert of this id or name that is raised");
	else
		api_answer(api, 200,
			   bytes_of(arena_printf(api->arena, "{\"cleared\":%zu}\n", count)));
}
