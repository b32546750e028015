/* HTTP requests of our own, as a client, without waiting: curl on the loop. Lives on one loop.
 *
 * TLS 1.2 at least. Answers are bounded, redirects are not followed (a request may carry a secret), proxies of the environment are not used. Names are
 * looked up on curl's own threads. */
#ifndef LEVERET_LIB_NET_HTTP_CLIENT_H
#define LEVERET_LIB_NET_HTTP_CLIENT_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/loop/loop.h"

struct http_client_options {
	struct loop *loop;   /* borrowed */
	unsigned at_once;    /* connections; further calls wait for one */
	unsigned calls_max;  /* under way and waiting; beyond: E_FULL */
	size_t answer_max;   /* bytes of an answer's body; beyond: E_TOO_BIG */
	const char *ca_file; /* those who may sign for https; NULL or "": the system's; copied */
};

struct http_client;
struct http_client *http_client_new(const struct http_client_options *options);
/* NULL is accepted. Calls under way end without `done`. Not from a `done`. */
void http_client_free(struct http_client **client);

struct http_call_options {	    /* copied during the call */
	const char *url;	    /* http:// or https:// */
	struct bytes body;	    /* POST; none: GET */
	const char *content_type;   /* of the body; NULL: none */
	const char *const *headers; /* "Name: value" */
	size_t header_count;
	int64_t timeout_ms; /* for all of it, from now */
	/* "host:port:address,address", IPv6 in brackets: where the host of the URL is, in place of a look-up. NULL: looked up */
	const char *pinned;
};

struct http_response {
	long status;
	const char *content_type; /* "": none was given */
	struct bytes body;	  /* borrowed during `done`, as is the type */
	int64_t retry_after_s;	  /* Retry-After; 0: not told */
};

struct http_call;
/* OK: an answer came, of whatever status. E_TIMEOUT, E_TOO_BIG, E_TLS (https: also a certificate that will not do), else E_IO with the
 * reason. */
typedef void (*http_call_done)(void *owner, enum err err, const struct http_response *response,
			       const struct why *why);
/* `done` comes once, from the loop, later. E_FULL, E_MALFORMED (the URL): it has not begun. */
enum err http_call_start(struct http_client *client, const struct http_call_options *options,
			 http_call_done done, void *owner, struct http_call **ret) MUST_USE;
/* It ends, without `done`. NULL is accepted. Not from a `done` of its own. */
void http_call_cancel(struct http_call **call);

#endif
