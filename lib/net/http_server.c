/* See http_server.h: an HTTP service whose every answer is there at once. Only GET and HEAD, without a body. */
#include "lib/net/http_server.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/net/http_service.h"

#define BODY_MAX_BYTES	  ((size_t)8 << 20)
#define CONNECTIONS_MAX	  64
#define REQUEST_MAX_BYTES ((size_t)16 << 10) /* request line and headers */
#define TIME_MAX_MS	  15000

struct http_server {
	struct http_service *service;
	http_get get;
	void *owner;
};

struct request {
	struct http_server *server;
	struct http_exchange *exchange;
};

static bool on_client(void *owner, const struct net_address *remote)
{
	(void)owner, (void)remote;
	return true;
}

static void *on_begun(void *owner, struct http_exchange *exchange)
{
	static const struct http_field allow = {"Allow", "GET, HEAD"};
	static const struct http_reply not_allowed = {
		.status = 405, .fields = &allow, .field_count = 1};
	static const struct http_reply bad = {.status = 400};
	const char *method = http_exchange_method(exchange);
	struct request *request = memory_new(sizeof *request);
	*request = (struct request){owner, exchange};
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		http_exchange_answer(exchange, &not_allowed);
	else if (http_exchange_has_body(exchange))
		http_exchange_answer(exchange, &bad);
	return request;
}

static void on_body(void *owner, struct bytes span)
{
	(void)owner, (void)span; /* answered already */
}

static void on_complete(void *owner)
{
	const struct request *request = owner;
	struct http_answer found = {.status = 404, .content_type = "text/plain"};
	buf_init(&found.body, BODY_MAX_BYTES);
	request->server->get(request->server->owner, http_exchange_path(request->exchange), &found);
	const struct http_reply reply = {.status = found.status,
					 .content_type = found.content_type,
					 .body = buf_bytes(&found.body)};
	http_exchange_answer(request->exchange, &reply);
	buf_done(&found.body);
}

static void on_ended(void *owner)
{
	free(owner);
}

static void on_drained(void *owner)
{
	(void)owner; /* it is never told to drain */
}

static const struct http_service_handler upcalls = {
	.client = on_client,
	.begun = on_begun,
	.body = on_body,
	.complete = on_complete,
	.ended = on_ended,
	.drained = on_drained,
};

enum err http_server_open(struct loop *loop, const struct net_address *address, http_get get,
			  void *owner, struct http_server **ret, struct why *why)
{
	const struct http_service_options options = {
		.address = *address,
		.connections_max = CONNECTIONS_MAX,
		.connections_per_ip_max = CONNECTIONS_MAX,
		.head_bytes_max = REQUEST_MAX_BYTES,
		.head_ms = TIME_MAX_MS,
		.body_ms = TIME_MAX_MS,
		.idle_ms = TIME_MAX_MS,
		.answer_ms = TIME_MAX_MS,
	};
	struct http_server *server = memory_new(sizeof *server);
	server->get = get;
	server->owner = owner;
	enum err err = http_service_open(loop, &options, &upcalls, server, &server->service, why);
	if (err != OK) {
		free(server);
		return err;
	}
	*ret = server;
	return OK;
}

void http_server_close(struct http_server **server)
{
	if (!*server)
		return;
	http_service_free(&(*server)->service);
	free(*server);
	*server = NULL;
}

const struct net_address *http_server_address(const struct http_server *server)
{
	return http_service_address(server->service);
}
