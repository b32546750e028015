/* The HTTP door: who asks, for what, and whether it may; the body is collected; then the endpoint's turn.
 *
 *   head --no key, no such path, no scope, limit reached, too long, nobody to keep it--> refused at once
 *        --> body --too long, no memory--> refused
 *                 --> endpoint --> answer
 */
#include "ingest/http_door.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ingest/http/openapi.h"
#include "ingest/http_visit.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define HEAD_BYTES_MAX ((size_t)32 << 10)
#define PEM_MAX	       ((size_t)1 << 20)
#define LOOK_MS	       60000

static void describe(struct visit *visit)
{
	visit_answer(visit, 200, bytes_from(openapi_document, openapi_document_size));
}

static const struct endpoint endpoints[] = {
	{"GET", "/v1/openapi.json", 0, false, false, describe},
	{"POST", "/v1/messages", API_SEND, true, true, http_send_message},
	{"POST", "/v1/transmissions", API_SEND, true, true, http_send_transmission},
	{"GET", "/v1/messages/{id}", API_READ, false, false, http_look_up_message},
	{"DELETE", "/v1/campaigns/{id}", API_RECALL, false, true, http_recall_campaign},
};

/* ---- the head ---- */

/* NULL: another path. `*ret_argument` is what stands for {id}. */
static bool matches(const struct endpoint *endpoint, const char *path, const char **ret_argument)
{
	const char *brace = strchr(endpoint->path, '{');
	if (!brace)
		return strcmp(endpoint->path, path) == 0;
	size_t len = (size_t)(brace - endpoint->path);
	if (strncmp(endpoint->path, path, len) != 0 || path[len] == '\0')
		return false;
	*ret_argument = path + len;
	return true;
}

static bool find_endpoint(struct visit *visit)
{
	const char *path = http_exchange_path(visit->exchange), *allowed = NULL;
	for (size_t i = 0; i < CONF_COUNT(endpoints); i++) {
		if (!matches(&endpoints[i], path, &visit->argument))
			continue;
		allowed = endpoints[i].method;
		if (strcmp(endpoints[i].method, http_exchange_method(visit->exchange)) == 0) {
			visit->endpoint = &endpoints[i];
			return true;
		}
	}
	if (allowed)
		visit_refuse_with(visit, 405, "not what can be done with this path",
				  (struct http_field){"Allow", allowed});
	else
		visit_refuse(visit, 404, "there is nothing at this path");
	return false;
}

static bool is_authorised(struct visit *visit)
{
	unsigned scope = visit->endpoint->scope;
	if (scope == 0)
		return true;
	visit->key = api_keys_find(visit->door->options.api_keys,
				   http_exchange_header(visit->exchange, "Authorization"));
	if (!visit->key) {
		visit_refuse_with(visit, 401, "Authorization must be an API key: Bearer KEY",
				  (struct http_field){"WWW-Authenticate", "Bearer"});
		return false;
	}
	if (!(visit->key->scopes & scope)) {
		visit_refuse(visit, 403, "the API key has not the scope for this");
		return false;
	}
	return true;
}

static bool is_within_rate(struct visit *visit)
{
	int64_t wait_ms = api_key_wait_ms(visit->key, loop_now_ms(visit->door->options.node.loop));
	char seconds[24];
	if (wait_ms == 0)
		return true;
	(void)snprintf(seconds, sizeof seconds, "%lld", (long long)(wait_ms + 999) / 1000);
	visit_refuse_with(visit, 429,
			  "the API key has sent to as many recipients as it may in a minute",
			  (struct http_field){"Retry-After", seconds});
	return false;
}

static bool has_room(const struct http_door *door, uint64_t more)
{
	return door->body_bytes + more <= (uint64_t)door->options.listener->max_request_memory;
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

static bool is_size_good(struct visit *visit)
{
	uint64_t length = http_exchange_length(visit->exchange);
	if (length > (uint64_t)visit->door->options.listener->max_request_size) {
		visit_refuse(visit, 413, "the body is too long");
		return false;
	}
	if (!has_room(visit->door, length)) {
		visit_refuse(visit, 503, "busy, try again later");
		return false;
	}
	return true;
}

static void *on_begun(void *owner, struct http_exchange *exchange)
{
	struct http_door *door = owner;
	struct visit *visit = memory_new(sizeof *visit);
	visit->door = door;
	visit->exchange = exchange;
	visit->arena = arena_new();
	buf_init(&visit->body, (size_t)door->options.listener->max_request_size);
	LIST_INSERT_HEAD(&door->visits, visit, next);
	if (!find_endpoint(visit) || !is_authorised(visit) || !is_size_good(visit))
		return visit;
	if (visit->endpoint->sends && !can_take_mail(visit))
		return visit;
	if (visit->endpoint->spends)
		(void)is_within_rate(visit);
	return visit;
}

/* ---- the body ---- */

static void on_body(void *owner, struct bytes span)
{
	struct visit *visit = owner;
	if (!has_room(visit->door, span.len)) {
		visit_refuse(visit, 503, "busy, try again later");
		return;
	}
	if (buf_append(&visit->body, span) != OK) {
		visit_refuse(visit, 413, "the body is too long");
		return;
	}
	visit->door->body_bytes += span.len;
}

/* What is longer than it may be will be refused for that. */
bool visit_has_room_to_unpack(struct visit *visit)
{
	struct http_door *door = visit->door;
	size_t size = gunzip_size(buf_bytes(&visit->body));
	if (size > (size_t)door->options.listener->max_request_size)
		return true;
	if (!has_room(door, size)) {
		visit_refuse(visit, 503, "busy, try again later");
		return false;
	}
	visit->unpacked_bytes = size;
	door->body_bytes += size;
	return true;
}

static void on_complete(void *owner)
{
	struct visit *visit = owner;
	if (!visit->endpoint->sends || !http_replay(visit))
		visit->endpoint->run(visit);
}

static void visit_free(struct visit *visit)
{
	acceptance_forget(&visit->acceptance);
	idempotent_end(&visit->idempotent);
	LIST_REMOVE(visit, next);
	mail_free(&visit->intake.mail);
	visit->door->body_bytes -= visit->body.len + visit->unpacked_bytes;
	buf_done(&visit->body);
	arena_free(&visit->arena);
	free(visit);
}

void visit_release(struct visit *visit)
{
	if (visit->is_gone && !visit->is_at_work && !visit->acceptance && !visit->is_keeping)
		visit_free(visit);
}

static void on_ended(void *owner)
{
	struct visit *visit = owner;
	visit->is_gone = true;
	visit->exchange = NULL;
	if (!visit->idempotent)
		acceptance_forget(&visit->acceptance);
	http_recall_forget(visit->recall);
	visit_release(visit);
}

/* ---- the listener ---- */

static bool on_client(void *owner, const struct net_address *remote)
{
	const struct http_door *door = owner;
	return conf_cidrs_contain(&door->options.listener->allow_from, &remote->sa.any);
}

static void on_drained(void *owner)
{
	const struct http_door *door = owner;
	door->options.drained(door->options.owner);
}

static const struct http_service_handler upcalls = {
	.client = on_client,
	.begun = on_begun,
	.body = on_body,
	.complete = on_complete,
	.ended = on_ended,
	.drained = on_drained,
};

/* A PEM file as text; NULL with the reason. */
static char *read_pem(const char *path, struct why *why)
{
	char *text = memory_new(PEM_MAX + 1);
	FILE *file = fopen(path, "re");
	size_t len = file ? fread(text, 1, PEM_MAX, file) : 0;
	bool is_good = file && !ferror(file) && feof(file);
	enum err err = OK;
	if (!is_good)
		err = fail(why, E_IO, "read %s: %s", path,
			   file && !ferror(file) ? "too long" : strerror(errno));
	text[len] = '\0';
	if (file)
		(void)fclose(file);
	if (err != OK) {
		free(text);
		text = NULL;
	}
	return text;
}

struct pem { /* of the listener's certificate; NULL: no TLS */
	char *chain, *key;
	struct digest digest;
};

static void pem_done(struct pem *pem)
{
	free(pem->chain);
	if (pem->key)
		explicit_bzero(pem->key, strlen(pem->key));
	free(pem->key);
}

static enum err pem_read(const struct http_door_options *options, struct pem *ret, struct why *why)
{
	const struct listener_settings *listener = options->listener;
	if (listener->tls == LISTENER_TLS_OFF)
		return OK;
	const struct certificate_settings *certificate =
		certificate_find(options->certificates, listener->certificate);
	if (!certificate)
		return fail(why, E_NOT_FOUND, "listeners.%s.certificate: there is none \"%s\"",
			    listener->name, listener->certificate);
	ret->chain = read_pem(certificate->chain, why);
	if (ret->chain)
		ret->key = read_pem(certificate->key, why);
	if (!ret->chain || !ret->key)
		return E_IO;
	struct bytes parts[] = {bytes_of(ret->chain), bytes_of(ret->key)};
	ret->digest = digest_of_parts(parts, 2);
	return OK;
}

static enum err open_service(struct http_door *door, struct http_service_options *service,
			     struct why *why)
{
	struct pem pem = {NULL, NULL, {{0}}};
	enum err err = pem_read(&door->options, &pem, why);
	service->chain_pem = pem.chain;
	service->key_pem = pem.key;
	if (err == OK)
		err = http_service_open(door->options.node.loop, service, &upcalls, door,
					&door->service, why);
	door->shown = pem.digest;
	pem_done(&pem);
	return err;
}

/* What was tried and could not be used is not tried again until it changes. A file that cannot be read is: it may be there in a moment. */
static void look(struct http_door *door, bool is_asked)
{
	struct pem pem = {NULL, NULL, {{0}}};
	struct why why = {""};
	enum err err = pem_read(&door->options, &pem, &why);
	bool has_changed = err != OK || !digest_equal(&pem.digest, &door->shown);
	if (err == OK && has_changed) {
		door->shown = pem.digest;
		err = http_service_renew(door->service, pem.chain, pem.key, &why);
	}
	if (has_changed || is_asked)
		log_event(EV_certificates_loaded, F_TEXT("outcome", err == OK ? "ok" : "kept_old"),
			  F_TEXT("listener", door->options.listener->name),
			  F_TEXT("why", why.text));
	pem_done(&pem);
}

static void on_look(void *owner)
{
	struct http_door *door = owner;
	look(door, false);
	timer_start(door->look, LOOK_MS);
}

void http_door_reload(struct http_door *door)
{
	if (door->look)
		look(door, true);
}

enum err http_door_open(const struct http_door_options *options, struct http_door **ret,
			struct why *why)
{
	const struct listener_settings *listener = options->listener;
	struct http_service_options service = {
		.connections_max = (unsigned)listener->max_connections,
		.connections_per_ip_max = (unsigned)listener->max_connections_per_ip,
		.head_bytes_max = HEAD_BYTES_MAX,
		.head_ms = listener->command_timeout,
		.body_ms = listener->message_timeout,
		.idle_ms = listener->data_timeout,
		.answer_ms = listener->answer_timeout,
	};
	if (!net_address_parse(listener->address, 80, &service.address))
		return fail(why, E_MALFORMED,
			    "listeners.%s.address: \"%s\" is not an address and port",
			    listener->name, listener->address);
	struct http_door *door = memory_new(sizeof *door);
	door->options = *options;
	door->offload = offload_new(options->node.loop, 1);
	LIST_INIT(&door->visits);
	enum err err = open_service(door, &service, why);
	if (err == OK && listener->tls != LISTENER_TLS_OFF) {
		door->look = timer_new(options->node.loop, on_look, door);
		timer_start(door->look, LOOK_MS);
	}
	if (err == OK)
		*ret = door;
	else
		http_door_free(&door);
	return err;
}

void http_door_stop(struct http_door *door)
{
	http_service_stop(door->service);
}

void http_door_free(struct http_door **door)
{
	if (!*door)
		return;
	timer_free(&(*door)->look);
	http_service_free(&(*door)->service);
	offload_free(&(*door)->offload); /* visits that are at work end with it */
	while (!LIST_EMPTY(&(*door)->visits))
		visit_free(LIST_FIRST(&(*door)->visits));
	free(*door);
	*door = NULL;
}
