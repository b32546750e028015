/* A small HTTP server for metrics and health: http_service.h for those who have every answer at once. */
#ifndef LEVERET_LIB_NET_HTTP_SERVER_H
#define LEVERET_LIB_NET_HTTP_SERVER_H

#include "lib/base/buf.h"
#include "lib/loop/loop.h"
#include "lib/net/address.h"

struct http_server;

struct http_answer {
	unsigned status;	  /* 200 */
	const char *content_type; /* static */
	struct buf body;	  /* initialised by the server with a maximum of 8 MiB */
};
/* Answer a GET (or HEAD) of `path` at once; leave status 404 for unknown paths. Never closes the server. */
typedef void (*http_get)(void *owner, const char *path, struct http_answer *answer);

enum err http_server_open(struct loop *loop, const struct net_address *address, http_get get,
			  void *owner, struct http_server **ret, struct why *why) MUST_USE;
void http_server_close(struct http_server **server);
const struct net_address *
http_server_address(const struct http_server *server); /* with the port it got */

#endif
