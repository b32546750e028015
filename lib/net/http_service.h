/* An HTTP/1.1 server for an API (libmicrohttpd on the loop): requests with bodies, answers that may come later, TLS, and a limit for
 * everything a client can make grow. Lives on one loop. What a proxy in front could read otherwise than we do (Content-Length beside
 * Transfer-Encoding, either of them twice, another coding than chunked, folded headers) gets 400 and the connection ends.
 * http_server.h is its small sister for metrics. */
#ifndef LEVERET_LIB_NET_HTTP_SERVICE_H
#define LEVERET_LIB_NET_HTTP_SERVICE_H

#include "lib/base/bytes.h"
#include "lib/loop/loop.h"
#include "lib/net/address.h"

struct http_service;
struct http_exchange; /* one request and its answer */

struct http_service_options { /* copied */
	struct net_address address;
	unsigned connections_max, connections_per_ip_max;
	size_t head_bytes_max; /* request line and headers; more gets 431 */
	int64_t head_ms;       /* for a whole head, from the connection or the answer before it */
	int64_t body_ms;       /* for the whole body, from the head */
	int64_t idle_ms;       /* nothing came or went */
	int64_t answer_ms;     /* for the client to read all of an answer */
	const char *chain_pem,
		*key_pem; /* their text, needed at opening only; NULL: in the clear */
};

struct http_service_handler {					       /* static */
	bool (*client)(void *owner, const struct net_address *remote); /* may it connect? */
	/* The head is there. Returns the exchange's owner. An answer given here ends the connection if a body was to come. */
	void *(*begun)(void *owner, struct http_exchange *exchange);
	void (*body)(void *exchange_owner, struct bytes span);
	/* All of the body came. Answer now or later, not at all only when the service is freed. */
	void (*complete)(void *exchange_owner);
	/* Always last, and once: answered, or the client is gone. The exchange is gone with it. */
	void (*ended)(void *exchange_owner);
	void (*drained)(void *owner);
};

enum err http_service_open(struct loop *loop, const struct http_service_options *options,
			   const struct http_service_handler *handler, void *owner,
			   struct http_service **ret, struct why *why) MUST_USE;
const struct net_address *http_service_address(const struct http_service *service);
/* Another certificate for new connections; those that are open keep theirs. Of a service with TLS. On failure nothing changes. */
enum err http_service_renew(struct http_service *service, const char *chain_pem,
			    const char *key_pem, struct why *why) MUST_USE;
/* No new connections; requests that have begun get their answer. `drained` comes later. */
void http_service_stop(struct http_service *service);
/* Not inside an upcall. Whoever waits for an answer gets 503, or is hung up on. */
void http_service_free(struct http_service **service);

const char *http_exchange_method(const struct http_exchange *exchange);
const char *http_exchange_path(const struct http_exchange *exchange); /* unescaped, no query */
const struct net_address *http_exchange_remote(const struct http_exchange *exchange);
/* The first of that name; NULL when absent. Valid until `ended`. */
const char *http_exchange_header(const struct http_exchange *exchange, const char *name);
/* Every query parameter, unescaped. */
void http_exchange_each_query(const struct http_exchange *exchange,
			      void (*each)(void *owner, const char *name, struct bytes value),
			      void *owner);
bool http_exchange_has_body(const struct http_exchange *exchange);
/* What Content-Length says; 0 when it says nothing. */
uint64_t http_exchange_length(const struct http_exchange *exchange);

struct http_field {
	const char *name, *value;
};
struct http_reply { /* copied */
	unsigned status;
	const char *content_type; /* NULL: no body */
	struct bytes body;
	const struct http_field *fields;
	size_t field_count;
};
/* Once. Given while the body comes, it is sent behind the body, and `body` and `complete` come no more. */
void http_exchange_answer(struct http_exchange *exchange, const struct http_reply *reply);

#endif
