/* Inside the HTTP service: its connections and the exchange that each has at most one of. */
#ifndef LEVERET_LIB_NET_HTTP_SERVICE_INNER_H
#define LEVERET_LIB_NET_HTTP_SERVICE_INNER_H

#include <microhttpd.h>
#include <sys/queue.h>

#include "lib/net/http_service.h"

/* The current one takes connections; those before it live on until their connections are gone, with the certificate of their time. */
struct http_daemon {
	struct http_service *service;
	struct MHD_Daemon *mhd;
	struct watch *watch;
	struct timer *timer;
	size_t connection_count;
	LIST_ENTRY(http_daemon) next;
};

struct http_connection {
	struct http_service *service;
	struct http_exchange *exchange; /* NULL between requests */
	int fd;				/* libmicrohttpd's */
	int64_t since_ms;		/* accepted, or free for the next request */
	LIST_ENTRY(http_connection) next;
};

struct http_exchange {
	struct http_service *service;
	struct http_connection *connection;
	struct MHD_Connection *mhd;
	struct net_address remote;
	const char *method, *path;
	uint64_t length, refused_bytes;
	bool has_body;
	int64_t begun_at_ms, answered_at_ms;
	void *owner;
	bool has_owner;
	bool is_answered, is_suspended, is_complete;
	struct MHD_Response *response;
	unsigned status;
};

struct http_service {
	struct loop *loop;
	struct http_service_options options;
	const struct http_service_handler *handler;
	void *owner;
	struct net_address address;
	int listen_fd; /* each daemon has a copy; -1 once stopped */
	struct http_daemon *current;
	LIST_HEAD(, http_daemon) daemons;
	struct timer *sweep;
	struct task drained, resume, reap;
	LIST_HEAD(, http_connection) connections;
	size_t connection_count;
	bool is_running, is_stopping;
	bool is_freeing; /* no request begins or waits any more */
};

/* http_exchange.c: the two callbacks of libmicrohttpd for a request. */
enum MHD_Result http_exchange_step(void *service, struct MHD_Connection *mhd, const char *path,
				   const char *method, const char *version, const char *upload,
				   size_t *upload_size, void **exchange);
void http_exchange_end(void *service, struct MHD_Connection *mhd, void **exchange,
		       enum MHD_RequestTerminationCode code);

#endif
