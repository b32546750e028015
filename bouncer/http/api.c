#include "bouncer/http/openapi.h"
#include "bouncer/http/parts.h"
#include "lib/base/memory.h"

#define HEAD_BYTES_MAX ((size_t)32 << 10)

struct api_listener {
	struct api_door *door;
	struct api_endpoint *endpoints; /* of `all`, those it serves */
};

static void describe(struct api_visit *visit)
{
	api_answer(visit, 200, bytes_from(bouncer_openapi, bouncer_openapi_size));
}

/* A path of its own comes before one with {id} that it would fit. */
static const struct api_endpoint all[] = {
	{"GET", "/v1/openapi.json", 0, SERVE_ANY, describe},
	{"GET", "/v1/suppressions", API_READ, SERVE_SUPPRESSIONS, http_suppressions_list},
	{"GET", "/v1/suppressions/export", API_READ, SERVE_SUPPRESSIONS, http_suppressions_export},
	{"POST", "/v1/suppressions/bulk", API_SUPPRESS, SERVE_SUPPRESSIONS, http_suppressions_bulk},
	{"POST", "/v1/suppressions/undo", API_SUPPRESS, SERVE_SUPPRESSIONS, http_suppressions_undo},
	{"GET", "/v1/suppressions/{id}", API_READ, SERVE_SUPPRESSIONS, http_suppressions_get},
	{"PUT", "/v1/suppressions/{id}", API_SUPPRESS, SERVE_SUPPRESSIONS, http_suppressions_put},
	{"DELETE", "/v1/suppressions/{id}", API_SUPPRESS, SERVE_SUPPRESSIONS,
	 http_suppressions_delete},
	{"GET", "/v1/alerts", API_READ, SERVE_ALERTS, http_alerts_list},
	{"POST", "/v1/alerts/{id}/clear", API_RECALL, SERVE_ALERTS, http_alerts_clear},
	{"GET", "/v1/events", API_EVENTS, SERVE_EVENTS, http_events_follow},
	{"GET", "/v1/webhooks", API_WEBHOOKS, SERVE_WEBHOOKS, http_webhooks_list},
	{"POST", "/v1/webhooks", API_WEBHOOKS, SERVE_WEBHOOKS, http_webhooks_post},
	{"POST", "/v1/webhooks/{id}/test", API_WEBHOOKS, SERVE_WEBHOOKS, http_webhooks_test},
	{"POST", "/v1/webhooks/{id}/secret", API_WEBHOOKS, SERVE_WEBHOOKS, http_webhooks_secret},
	{"POST", "/v1/webhooks/{id}/pause", API_WEBHOOKS, SERVE_WEBHOOKS, http_webhooks_pause},
	{"POST", "/v1/webhooks/{id}/resume", API_WEBHOOKS, SERVE_WEBHOOKS, http_webhooks_resume},
	{"POST", "/v1/webhooks/{id}/replay", API_WEBHOOKS, SERVE_WEBHOOKS, http_webhooks_replay},
	{"GET", "/v1/webhooks/{id}", API_WEBHOOKS, SERVE_WEBHOOKS, http_webhooks_get},
	{"PUT", "/v1/webhooks/{id}", API_WEBHOOKS, SERVE_WEBHOOKS, http_webhooks_put},
	{"DELETE", "/v1/webhooks/{id}", API_WEBHOOKS, SERVE_WEBHOOKS, http_webhooks_delete},
	{"DELETE", "/v1/events/{id}", API_EVENTS, SERVE_EVENTS, http_events_forget},
};

/* ---- a visit ---- */

static void on_begun(struct api_visit *api)
{
	bouncer_visit_of(api)->of = api_door_owner(api->door);
}

void bouncer_visit_begin(struct bouncer_visit *visit)
{
	visit->is_at_work = true;
	LIST_INSERT_HEAD(&visit->of->at_work, visit, next);
}

void bouncer_visit_end(struct bouncer_visit *visit)
{
	visit->is_at_work = false;
	visit->left = NULL;
	LIST_REMOVE(visit, next);
	if (visit->api.is_gone)
		api_visit_free(&visit->api);
}

static void on_gone(struct api_visit *api)
{
	struct bouncer_visit *visit = bouncer_visit_of(api);
	if (!visit->is_at_work)
		api_visit_free(api);
	else if (visit->left)
		visit->left(visit);
}

static void on_drained(void *owner)
{
	struct bouncer_api *api = owner;
	if (++api->drained_count == api->listener_count)
		api->options.drained(api->options.owner);
}

static const struct api_handler handler = {
	.visit_size = sizeof(struct bouncer_visit),
	.begun = on_begun,
	.gone = on_gone,
	.drained = on_drained,
};

struct bytes visit_tenant(const struct bouncer_visit *visit)
{
	return bytes_of(visit->api.key->settings->tenant);
}

bool visit_is_confined(const struct bouncer_visit *visit)
{
	return visit_tenant(visit).len > 0;
}

bool visit_may_see(const struct bouncer_visit *visit, struct bytes tenant)
{
	return !visit_is_confined(visit) || bytes_equal(visit_tenant(visit), tenant);
}

/* ---- the listeners ---- */

static size_t choose(struct api_listener *listener, unsigned serves)
{
	size_t count = 0;
	listener->endpoints = memory_array(CONF_COUNT(all), sizeof *listener->endpoints);
	for (size_t i = 0; i < CONF_COUNT(all); i++)
		if (all[i].traits & serves)
			listener->endpoints[count++] = all[i];
	return count;
}

static enum err open_listener(struct bouncer_api *api,
			      const struct bouncer_listener_settings *settings,
			      struct api_listener *ret, struct why *why)
{
	size_t endpoint_count = choose(ret, bouncer_listener_serves(settings));
	const struct api_door_options options = {
		.loop = api->options.node.loop,
		.listener = settings->name,
		.address = settings->address,
		.allow_from = &settings->allow_from,
		.certificate = settings->tls == API_TLS_OFF ? NULL : settings->certificate,
		.certificates = api->options.certificates,
		.api_keys = api->keys,
		.service =
			{
				.connections_max = (unsigned)settings->max_connections,
				.connections_per_ip_max =
					(unsigned)settings->max_connections_per_ip,
				.head_bytes_max = HEAD_BYTES_MAX,
				.head_ms = settings->command_timeout,
				.body_ms = settings->message_timeout,
				.idle_ms = settings->data_timeout,
				.answer_ms = settings->answer_timeout,
			},
		.request_max = (size_t)settings->max_request_size,
		.memory_max = (uint64_t)settings->max_request_memory,
		.endpoints = ret->endpoints,
		.endpoint_count = endpoint_count,
		.handler = &handler,
		.owner = api,
	};
	return api_door_open(&options, &ret->door, why);
}

enum err bouncer_api_open(const struct bouncer_api_options *options, struct bouncer_api **ret,
			  struct why *why)
{
	struct bouncer_api *api = memory_new(sizeof *api);
	const struct conf_items *listeners = options->listeners;
	api->options = *options;
	if (listeners->count > 0)
		api->keys = api_keys_new(options->api_keys);
	api->ledger_database = store_database(options->store, LEDGER_DATABASE);
	api->offload = offload_new(options->node.loop, 1);
	api->followers = followers_new(api);
	api->listeners = memory_array(listeners->count + 1, sizeof *api->listeners);
	for (size_t i = 0; i < listeners->count; i++) {
		const struct bouncer_listener_settings *settings =
			CONF_ITEM(listeners, struct bouncer_listener_settings, i);
		enum err err =
			open_listener(api, settings, &api->listeners[api->listener_count++], why);
		if (err != OK) {
			bouncer_api_close(api);
			bouncer_api_free(&api);
			return err;
		}
	}
	*ret = api;
	return OK;
}

void bouncer_api_reload(struct bouncer_api *api)
{
	for (size_t i = 0; i < api->listener_count; i++)
		api_door_reload(api->listeners[i].door);
}

void bouncer_api_stop(struct bouncer_api *api)
{
	for (size_t i = 0; i < api->listener_count; i++)
		api_door_stop(api->listeners[i].door);
	followers_stop(api->followers);
	if (api->listener_count == 0)
		api->options.drained(api->options.owner);
}

void bouncer_api_close(struct bouncer_api *api)
{
	api->is_closed = true;
	followers_stop(api->followers);
	for (size_t i = 0; i < api->listener_count; i++)
		if (api->listeners[i].door)
			api_door_close(api->listeners[i].door);
	struct bouncer_visit *next;
	for (struct bouncer_visit *visit = LIST_FIRST(&api->at_work); visit; visit = next) {
		next = LIST_NEXT(visit, next);
		if (visit->left)
			visit->left(visit);
	}
	followers_free(&api->followers);
	offload_free(&api->offload);
}

void bouncer_api_free(struct bouncer_api **api)
{
	struct bouncer_api *freeing = *api;
	*api = NULL;
	if (!freeing)
		return;
	for (size_t i = 0; i < freeing->listener_count; i++) {
		api_door_free(&freeing->listeners[i].door);
		free(freeing->listeners[i].endpoints);
	}
	free(freeing->listeners);
	api_keys_free(&freeing->keys);
	free(freeing);
}
