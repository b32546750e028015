/* The endpoints of the HTTP door, and what they ask for beside what every API asks for (lib/api/door.h). */
#include "ingest/http_door.h"

#include <stdio.h>

#include "ingest/http/openapi.h"
#include "ingest/http_visit.h"
#include "lib/base/memory.h"

#define HEAD_BYTES_MAX ((size_t)32 << 10)

static struct visit *visit_of(struct api_visit *api)
{
	return (struct visit *)api;
}

static void describe(struct api_visit *api)
{
	api_answer(api, 200, bytes_from(openapi_document, openapi_document_size));
}

#define ENDPOINT(run)                                                                              \
	static void run##_for(struct api_visit *api)                                               \
	{                                                                                          \
		run(visit_of(api));                                                                \
	}
ENDPOINT(http_send_message)
ENDPOINT(http_send_transmission)
ENDPOINT(http_look_up_message)
ENDPOINT(http_recall_campaign)
#undef ENDPOINT

static const struct api_endpoint endpoints[] = {
	{"GET", "/v1/openapi.json", 0, 0, describe},
	{"POST", "/v1/messages", API_SEND, TAKES_MAIL | SPENDS, http_send_message_for},
	{"POST", "/v1/transmissions", API_SEND, TAKES_MAIL | SPENDS | AS_SPARKPOST,
	 http_send_transmission_for},
	{"GET", "/v1/messages/{id}", API_READ, 0, http_look_up_message_for},
	{"DELETE", "/v1/campaigns/{id}", API_RECALL, SPENDS, http_recall_campaign_for},
};

/* ---- a visit ---- */

static void check_rate(struct visit *visit)
{
	int64_t wait_ms =
		api_key_wait_ms(visit->api.key, loop_now_ms(visit->door->options.node.loop));
	char seconds[24];
	if (wait_ms == 0)
		return;
	(void)snprintf(seconds, sizeof seconds, "%lld", (long long)(wait_ms + 999) / 1000);
	api_refuse_with(&visit->api, 429,
			"the API key has sent to as many recipients as it may in a minute",
			(struct http_field){"Retry-After", seconds});
}

static bool can_take_mail(struct visit *visit)
{
	switch (acceptor_check(visit->door->options.acceptor)) {
	case OK:
		return true;
	case E_FULL:
		visit_refuse(visit, 503, "busy, try again later");
		return false;
	default:
		visit_refuse(visit, 503, "no mail can be kept now, try again later");
		return false;
	}
}

static void on_begun(struct api_visit *api)
{
	struct visit *visit = visit_of(api);
	visit->door = api_door_owner(api->door);
	if ((api->endpoint->traits & TAKES_MAIL) && !can_take_mail(visit))
		return;
	if (api->endpoint->traits & SPENDS)
		check_rate(visit);
}

static void on_complete(struct api_visit *api)
{
	if (!(api->endpoint->traits & TAKES_MAIL) || !http_replay(visit_of(api)))
		api->endpoint->run(api);
}

static void on_freeing(struct api_visit *api)
{
	struct visit *visit = visit_of(api);
	acceptance_forget(&visit->acceptance);
	idempotent_end(&visit->idempotent);
	mail_free(&visit->intake.mail);
}

void visit_release(struct visit *visit)
{
	if (visit->api.is_gone && !visit->is_at_work && !visit->acceptance && !visit->is_keeping)
		api_visit_free(&visit->api);
}

static void on_gone(struct api_visit *api)
{
	struct visit *visit = visit_of(api);
	if (!visit->idempotent)
		acceptance_forget(&visit->acceptance);
	http_recall_forget(visit->recall);
	visit_release(visit);
}

static void on_drained(void *owner)
{
	const struct http_door *door = owner;
	door->options.drained(door->options.owner);
}

static const struct api_handler handler = {
	.visit_size = sizeof(struct visit),
	.begun = on_begun,
	.complete = on_complete,
	.gone = on_gone,
	.freeing = on_freeing,
	.drained = on_drained,
};

/* ---- the listener ---- */

void http_door_reload(struct http_door *door)
{
	api_door_reload(door->api);
}

enum err http_door_open(const struct http_door_options *options, struct http_door **ret,
			struct why *why)
{
	const struct listener_settings *listener = options->listener;
	struct http_door *door = memory_new(sizeof *door);
	const struct api_door_options api = {
		.loop = options->node.loop,
		.listener = listener->name,
		.address = listener->address,
		.allow_from = &listener->allow_from,
		.certificate = listener->tls == LISTENER_TLS_OFF ? NULL : listener->certificate,
		.certificates = options->certificates,
		.api_keys = options->api_keys,
		.service =
			{
				.connections_max = (unsigned)listener->max_connections,
				.connections_per_ip_max =
					(unsigned)listener->max_connections_per_ip,
				.head_bytes_max = HEAD_BYTES_MAX,
				.head_ms = listener->command_timeout,
				.body_ms = listener->message_timeout,
				.idle_ms = listener->data_timeout,
				.answer_ms = listener->answer_timeout,
			},
		.request_max = (size_t)listener->max_request_size,
		.memory_max = (uint64_t)listener->max_request_memory,
		.endpoints = endpoints,
		.endpoint_count = CONF_COUNT(endpoints),
		.handler = &handler,
		.owner = door,
	};
	door->options = *options;
	door->offload = offload_new(options->node.loop, 1);
	enum err err = api_door_open(&api, &door->api, why);
	if (err == OK)
		*ret = door;
	else
		http_door_free(&door);
	return err;
}

void http_door_stop(struct http_door *door)
{
	api_door_stop(door->api);
}

void http_door_free(struct http_door **door)
{
	if (!*door)
		return;
	if ((*door)->api)
		api_door_close((*door)->api);
	offload_free(&(*door)->offload); /* visits that are at work end with it */
	api_door_free(&(*door)->api);
	free(*door);
	*door = NULL;
}
