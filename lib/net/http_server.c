/* HTTP on the loop by libmicrohttpd: its epoll descriptor is one watch, its time limits one timer. Owns both and the daemon.
 * Only GET and HEAD, answered at once from memory; everything a client can make grow is bounded below. */
#include "lib/net/http_server.h"

#include <assert.h>
#include <microhttpd.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/net/socket.h"

#define BODY_MAX_BYTES	  ((size_t)8 << 20)
#define CONNECTIONS_MAX	  64u
#define REQUEST_MAX_BYTES ((size_t)16 << 10) /* line, headers and our headers of one connection */
#define IDLE_MAX_S	  15u

struct http_server {
	struct net_address address;
	http_get get;
	void *owner;
	struct MHD_Daemon *daemon;
	struct watch *watch;
	struct timer *timer;
	bool is_running; /* inside libmicrohttpd */
};

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer(struct http_server *server, struct MHD_Connection *connection,
			      const char *path)
{
	struct http_answer found = {.status = MHD_HTTP_NOT_FOUND, .content_type = "text/plain"};
	buf_init(&found.body, BODY_MAX_BYTES);
	server->get(server->owner, path, &found);
	struct bytes body = buf_bytes(&found.body);
	struct MHD_Response *response = MHD_create_response_from_buffer(
		body.len, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
	buf_done(&found.body);
	if (!response)
		return MHD_NO;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, found.content_type);
	enum MHD_Result result = MHD_queue_response(connection, found.status, response);
	MHD_destroy_response(response);
	return result;
}

/* Called with the headers, then again when the request is whole; `state` tells the calls apart. */
static enum MHD_Result on_request(void *owner, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	(void)version;
	(void)upload;
	static char has_headers;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED);
	if (!*state) {
		*state = &has_headers;
		return MHD_YES;
	}
	if (*upload_size > 0)
		return MHD_NO; /* a GET with a body: hang up */
	return answer(owner, connection, path);
}

static void run(struct http_server *server)
{
	server->is_running = true;
	(void)MHD_run(server->daemon);
	server->is_running = false;
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES)
		timer_start(server->timer, (int64_t)wait_ms);
	else
		timer_stop(server->timer);
}

static void on_ready(void *owner, bool can_read, bool can_write)
{
	(void)can_read;
	(void)can_write;
	run(owner);
}

static void on_timer(void *owner)
{
	run(owner);
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, server, /* limits: */
				MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd,
				MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
				MHD_OPTION_CONNECTION_TIMEOUT, IDLE_MAX_S,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_MAX_BYTES,
				MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

enum err http_server_open(struct loop *loop, const struct net_address *address, http_get get,
			  void *owner, struct http_server **ret, struct why *why)
{
	int fd = -1;
	enum err err = socket_listen(address, false, &fd, why);
	if (err != OK)
		return err;
	struct http_server *server = memory_new(sizeof *server);
	server->address = socket_local(fd);
	server->get = get;
	server->owner = owner;
	server->daemon = start_daemon(server, fd);
	if (!server->daemon) {
		free(server); /* the socket is closed by then */
		return fail(why, E_IO, "HTTP server: libmicrohttpd did not start");
	}
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	server->timer = timer_new(loop, on_timer, server);
	server->watch = watch_new(loop, info->epoll_fd, on_ready, server);
	watch_want(server->watch, true, false);
	run(server);
	*ret = server;
	return OK;
}

void http_server_close(struct http_server **server)
{
	struct http_server *s = *server;
	if (!s)
		return;
	*server = NULL;
	assert(!s->is_running); /* not from an answer */
	watch_free(&s->watch);
	timer_free(&s->timer);
	MHD_stop_daemon(s->daemon); /* closes the socket too */
	free(s);
}

const struct net_address *http_server_address(const struct http_server *server)
{
	return &server->address;
}
