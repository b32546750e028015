#include "lib/api/door_parts.h"

#include <string.h>

#include "lib/api/pem.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define LOOK_MS 60000

/* ---- the head ---- */

/* `*ret_argument` is what stands for {id}. */
static bool matches(const struct api_endpoint *endpoint, const char *path, struct arena *arena,
		    const char **ret_argument)
{
	const char *open = strchr(endpoint->path, '{');
	if (!open)
		return strcmp(endpoint->path, path) == 0;
	const char *behind = strchr(open, '}') + 1;
	size_t before = (size_t)(open - endpoint->path), after = strlen(behind);
	size_t len = strlen(path);
	if (len <= before + after || strncmp(endpoint->path, path, before) != 0 ||
	    strcmp(path + len - after, behind) != 0)
		return false;
	*ret_argument = arena_printf(arena, "%.*s", (int)(len - before - after), path + before);
	return true;
}

static bool find_endpoint(struct api_visit *visit)
{
	const struct api_door_options *options = &visit->door->options;
	const char *path = http_exchange_path(visit->exchange), *allowed = NULL;
	for (size_t i = 0; i < options->endpoint_count; i++) {
		const struct api_endpoint *endpoint = &options->endpoints[i];
		if (!matches(endpoint, path, visit->arena, &visit->argument))
			continue;
		allowed = !allowed
				  ? endpoint->method
				  : arena_printf(visit->arena, "%s, %s", allowed, endpoint->method);
		if (strcmp(endpoint->method, http_exchange_method(visit->exchange)) == 0) {
			visit->endpoint = endpoint;
			return true;
		}
	}
	if (allowed)
		api_refuse_with(visit, 405, "not what can be done with this path",
				(struct http_field){"Allow", allowed});
	else
		api_refuse(visit, 404, "there is nothing at this path");
	return false;
}

static bool is_authorised(struct api_visit *visit)
{
	unsigned scope = visit->endpoint->scope;
	if (scope == 0)
		return true;
	visit->key = api_keys_find(visit->door->options.api_keys,
				   http_exchange_header(visit->exchange, "Authorization"));
	if (!visit->key) {
		api_refuse_with(visit, 401, "Authorization must be an API key: Bearer KEY",
				(struct http_field){"WWW-Authenticate", "Bearer"});
		return false;
	}
	if (!(visit->key->scopes & scope)) {
		api_refuse(visit, 403, "the API key has not the scope for this");
		return false;
	}
	return true;
}

bool api_door_has_room(const struct api_door *door, uint64_t more)
{
	return door->body_bytes + more <= door->options.memory_max;
}

static bool is_size_good(struct api_visit *visit)
{
	uint64_t length = http_exchange_length(visit->exchange);
	if (length > visit->door->options.request_max) {
		api_refuse(visit, 413, "the body is too long");
		return false;
	}
	if (!api_door_has_room(visit->door, length)) {
		api_refuse(visit, 503, "busy, try again later");
		return false;
	}
	return true;
}

static void *on_begun(void *owner, struct http_exchange *exchange)
{
	struct api_door *door = owner;
	const struct api_handler *handler = door->options.handler;
	struct api_visit *visit = memory_new(handler->visit_size);
	visit->door = door;
	visit->exchange = exchange;
	visit->arena = arena_new();
	buf_init(&visit->body, door->options.request_max);
	LIST_INSERT_HEAD(&door->visits, visit, next);
	if (find_endpoint(visit) && is_authorised(visit) && is_size_good(visit) && handler->begun)
		handler->begun(visit);
	return visit;
}

/* ---- the body, and the end ---- */

static void on_body(void *owner, struct bytes span)
{
	struct api_visit *visit = owner;
	if (!api_door_has_room(visit->door, span.len)) {
		api_refuse(visit, 503, "busy, try again later");
		return;
	}
	if (buf_append(&visit->body, span) != OK) {
		api_refuse(visit, 413, "the body is too long");
		return;
	}
	visit->door->body_bytes += span.len;
}

static void on_complete(void *owner)
{
	struct api_visit *visit = owner;
	const struct api_handler *handler = visit->door->options.handler;
	(handler->complete ? handler->complete : visit->endpoint->run)(visit);
}

void api_visit_free(struct api_visit *visit)
{
	const struct api_handler *handler = visit->door->options.handler;
	if (handler->freeing)
		handler->freeing(visit);
	LIST_REMOVE(visit, next);
	visit->door->body_bytes -= visit->body.len + visit->unpacked_bytes;
	buf_done(&visit->body);
	arena_free(&visit->arena);
	free(visit);
}

static void on_ended(void *owner)
{
	struct api_visit *visit = owner;
	const struct api_handler *handler = visit->door->options.handler;
	visit->is_gone = true;
	visit->exchange = NULL;
	(handler->gone ? handler->gone : api_visit_free)(visit);
}

/* ---- the listener ---- */

static bool on_client(void *owner, const struct net_address *remote)
{
	const struct api_door *door = owner;
	return conf_cidrs_contain(door->options.allow_from, &remote->sa.any);
}

static void on_drained(void *owner)
{
	const struct api_door *door = owner;
	door->options.handler->drained(door->options.owner);
}

static const struct http_service_handler upcalls = {
	.client = on_client,
	.begun = on_begun,
	.body = on_body,
	.complete = on_complete,
	.ended = on_ended,
	.drained = on_drained,
};

static enum err read_certificate(const struct api_door *door, struct pem *ret, struct why *why)
{
	const struct api_door_options *options = &door->options;
	if (!options->certificate)
		return OK;
	return pem_read(options->certificates, options->certificate, options->listener, ret, why);
}

static enum err open_service(struct api_door *door, struct why *why)
{
	struct pem pem = {NULL, NULL, {{0}}};
	struct http_service_options service = door->options.service;
	enum err err = read_certificate(door, &pem, why);
	service.chain_pem = pem.chain;
	service.key_pem = pem.key;
	if (err == OK)
		err = http_service_open(door->options.loop, &service, &upcalls, door,
					&door->service, why);
	door->shown = pem.digest;
	pem_done(&pem);
	return err;
}

/* What was tried and could not be used is not tried again until it changes. A file that cannot be read is: it may be there in a moment. */
static void look(struct api_door *door, bool is_asked)
{
	struct pem pem = {NULL, NULL, {{0}}};
	struct why why = {""};
	enum err err = read_certificate(door, &pem, &why);
	bool has_changed = err != OK || !digest_equal(&pem.digest, &door->shown);
	if (err == OK && has_changed) {
		door->shown = pem.digest;
		err = http_service_renew(door->service, pem.chain, pem.key, &why);
	}
	if (has_changed || is_asked)
		log_event(EV_certificates_loaded, F_TEXT("outcome", err == OK ? "ok" : "kept_old"),
			  F_TEXT("listener", door->options.listener), F_TEXT("why", why.text));
	pem_done(&pem);
}

static void on_look(void *owner)
{
	struct api_door *door = owner;
	look(door, false);
	timer_start(door->look, LOOK_MS);
}

void api_door_reload(struct api_door *door)
{
	if (door->look)
		look(door, true);
}

enum err api_door_open(const struct api_door_options *options, struct api_door **ret,
		       struct why *why)
{
	struct api_door *door = memory_new(sizeof *door);
	door->options = *options;
	LIST_INIT(&door->visits);
	enum err err = OK;
	if (!net_address_parse(options->address, 80, &door->options.service.address))
		err = fail(why, E_MALFORMED, "%s: address: \"%s\" is not an address and port",
			   options->listener, options->address);
	if (err == OK)
		err = open_service(door, why);
	if (err == OK && options->certificate) {
		door->look = timer_new(options->loop, on_look, door);
		timer_start(door->look, LOOK_MS);
	}
	if (err == OK)
		*ret = door;
	else
		api_door_free(&door);
	return err;
}

void api_door_stop(struct api_door *door)
{
	http_service_stop(door->service);
}

void api_door_close(struct api_door *door)
{
	http_service_free(&door->service);
}

void api_door_free(struct api_door **door)
{
	struct api_door *freeing = *door;
	*door = NULL;
	if (!freeing)
		return;
	timer_free(&freeing->look);
	http_service_free(&freeing->service);
	while (!LIST_EMPTY(&freeing->visits))
		api_visit_free(LIST_FIRST(&freeing->visits));
	free(freeing);
}

void *api_door_owner(const struct api_door *door)
{
	return door->options.owner;
}

const struct net_address *api_door_address(const struct api_door *door)
{
	return http_service_address(door->service);
}
