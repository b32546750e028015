/* The daemons and their connections. libmicrohttpd knows only how long a connection was silent, so who sends a byte now and then could
 * hold one for ever: a sweep each second ends those that are over their time. */
#include "lib/net/http_service.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/net/http_service_inner.h"
#include "lib/net/socket.h"

#define SWEEP_MS       1000
#define REPLY_ROOM     ((size_t)4 << 10)  /* our headers share the head's memory */
#define READ_ROOM      ((size_t)16 << 10) /* the body is read in pieces of about this */
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"
#define OPTION_COUNT   3

/* ---- connections ---- */

static void report_drained(void *owner)
{
	struct http_service *service = owner;
	service->handler->drained(service->owner);
}

static void connection_open(struct http_daemon *daemon, struct MHD_Connection *mhd, void **state)
{
	struct http_service *service = daemon->service;
	struct http_connection *connection = memory_new(sizeof *connection);
	connection->service = service;
	connection->fd =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	connection->since_ms = loop_now_ms(service->loop);
	LIST_INSERT_HEAD(&service->connections, connection, next);
	service->connection_count++;
	daemon->connection_count++;
	*state = connection;
}

static void connection_close(struct http_daemon *daemon, void **state)
{
	struct http_service *service = daemon->service;
	struct http_connection *connection = *state;
	if (!connection)
		return;
	*state = NULL;
	LIST_REMOVE(connection, next);
	free(connection);
	if (--daemon->connection_count == 0 && daemon != service->current)
		loop_defer(service->loop, &service->reap);
	if (--service->connection_count == 0 && service->is_stopping)
		loop_defer(service->loop, &service->drained);
}

static void on_connection(void *owner, struct MHD_Connection *mhd, void **state,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		connection_open(owner, mhd, state);
	else
		connection_close(owner, state);
}

static enum MHD_Result on_client(void *owner, const struct sockaddr *sa, socklen_t len)
{
	struct http_service *service = owner;
	struct net_address remote = {.len = len};
	if (len > sizeof remote.sa || service->connection_count >= service->options.connections_max)
		return MHD_NO;
	memcpy(&remote.sa, sa, len);
	return service->handler->client(service->owner, &remote) ? MHD_YES : MHD_NO;
}

/* libmicrohttpd sees the end of the stream and cleans up. */
static void hang_up(const struct http_connection *connection)
{
	(void)shutdown(connection->fd, SHUT_RDWR);
}

static bool is_over_time(const struct http_connection *connection, int64_t now_ms)
{
	const struct http_service_options *options = &connection->service->options;
	const struct http_exchange *exchange = connection->exchange;
	if (!exchange)
		return now_ms - connection->since_ms > options->head_ms;
	if (!exchange->is_complete)
		return now_ms - exchange->begun_at_ms > options->body_ms;
	return exchange->is_answered && now_ms - exchange->answered_at_ms > options->answer_ms;
}

/* ---- running ---- */

static void run(struct http_daemon *daemon)
{
	daemon->service->is_running = true;
	(void)MHD_run(daemon->mhd);
	daemon->service->is_running = false;
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	if (MHD_get_timeout(daemon->mhd, &wait_ms) == MHD_YES)
		timer_start(daemon->timer, (int64_t)wait_ms);
	else
		timer_stop(daemon->timer);
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

/* Of whichever daemon the connections are. */
static void run_all(void *owner)
{
	struct http_service *service = owner;
	struct http_daemon *daemon;
	LIST_FOREACH(daemon, &service->daemons, next)
	run(daemon);
}

static void on_sweep(void *owner)
{
	struct http_service *service = owner;
	const struct http_connection *connection;
	int64_t now_ms = loop_now_ms(service->loop);
	LIST_FOREACH(connection, &service->connections, next)
	if (is_over_time(connection, now_ms))
		hang_up(connection);
	timer_start(service->sweep, SWEEP_MS);
}

/* ---- birth and end ---- */

/* A path is told as a C string, which a NUL would cut short: another control character takes its place, as unwelcome everywhere. */
static size_t unescape(void *owner, struct MHD_Connection *connection, char *text)
{
	(void)owner, (void)connection;
	size_t len = MHD_http_unescape(text);
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0')
			text[i] = 1;
	return len;
}

static struct MHD_Daemon *start_mhd(struct http_daemon *daemon, int fd, const char *chain_pem,
				    const char *key_pem)
{
	struct http_service *service = daemon->service;
	const struct http_service_options *options = &service->options;
	bool has_tls = chain_pem != NULL;
	struct MHD_OptionItem tls[OPTION_COUNT + 1] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)chain_pem},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key_pem},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
		{MHD_OPTION_END, 0, NULL},
	};
	if (!has_tls)
		tls[0] = tls[OPTION_COUNT];
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (has_tls ? MHD_USE_TLS : 0);
	unsigned idle_s = (unsigned)((options->idle_ms + 999) / 1000);
	return MHD_start_daemon(
		flags, 0, on_client, service, http_exchange_step, service, MHD_OPTION_LISTEN_SOCKET,
		(MHD_socket)fd, MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->connections_per_ip_max,
		MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		options->head_bytes_max + REPLY_ROOM, MHD_OPTION_CONNECTION_MEMORY_INCREMENT,
		READ_ROOM, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, unescape,
		NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, daemon,
		MHD_OPTION_NOTIFY_COMPLETED, http_exchange_end, service, MHD_OPTION_ARRAY, tls,
		MHD_OPTION_END);
}

/* The daemon's own copy of the socket is closed when it does not start. */
static enum err start_daemon(struct http_service *service, const char *chain_pem,
			     const char *key_pem, struct why *why)
{
	int fd = fcntl(service->listen_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return fail(why, E_IO, "HTTP: %s", strerror(errno));
	struct http_daemon *daemon = memory_new(sizeof *daemon);
	daemon->service = service;
	daemon->mhd = start_mhd(daemon, fd, chain_pem, key_pem);
	if (!daemon->mhd) {
		free(daemon);
		return fail(why, E_IO, "HTTP: the server did not start; is its certificate right?");
	}
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(daemon->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	daemon->timer = timer_new(service->loop, on_timer, daemon);
	daemon->watch = watch_new(service->loop, info->epoll_fd, on_ready, daemon);
	watch_want(daemon->watch, true, false);
	LIST_INSERT_HEAD(&service->daemons, daemon, next);
	service->current = daemon;
	return OK;
}

static void close_listener(struct http_daemon *daemon)
{
	MHD_socket fd = MHD_quiesce_daemon(daemon->mhd);
	if (fd != MHD_INVALID_SOCKET)
		(void)close(fd);
}

static void daemon_free(struct http_daemon *daemon)
{
	LIST_REMOVE(daemon, next);
	watch_free(&daemon->watch);
	timer_free(&daemon->timer);
	MHD_stop_daemon(daemon->mhd);
	free(daemon);
}

/* Those whose time is over, and whose connections are gone. */
static void reap(void *owner)
{
	struct http_service *service = owner;
	struct http_daemon *daemon = LIST_FIRST(&service->daemons), *next;
	for (; daemon; daemon = next) {
		next = LIST_NEXT(daemon, next);
		if (daemon != service->current && daemon->connection_count == 0)
			daemon_free(daemon);
	}
}

enum err http_service_renew(struct http_service *service, const char *chain_pem,
			    const char *key_pem, struct why *why)
{
	struct http_daemon *before = service->current;
	if (service->is_stopping)
		return OK;
	enum err err = start_daemon(service, chain_pem, key_pem, why);
	if (err != OK)
		return err;
	close_listener(before);
	run(before); /* it may have been told of a connection that is not its own any more */
	run(service->current);
	loop_defer(service->loop, &service->reap);
	return OK;
}

enum err http_service_open(struct loop *loop, const struct http_service_options *options,
			   const struct http_service_handler *handler, void *owner,
			   struct http_service **ret, struct why *why)
{
	int fd = -1;
	enum err err = socket_listen(&options->address, false, &fd, why);
	if (err != OK)
		return err;
	struct http_service *service = memory_new(sizeof *service);
	service->loop = loop;
	service->options = *options;
	service->handler = handler;
	service->owner = owner;
	service->listen_fd = fd;
	service->address = socket_local(fd);
	service->resume = (struct task){.run = run_all, .owner = service};
	service->drained = (struct task){.run = report_drained, .owner = service};
	service->reap = (struct task){.run = reap, .owner = service};
	LIST_INIT(&service->connections);
	LIST_INIT(&service->daemons);
	service->options.chain_pem = service->options.key_pem = NULL; /* needed only now */
	err = start_daemon(service, options->chain_pem, options->key_pem, why);
	if (err != OK) {
		(void)close(fd);
		free(service);
		return err;
	}
	service->sweep = timer_new(loop, on_sweep, service);
	timer_start(service->sweep, SWEEP_MS);
	run(service->current);
	*ret = service;
	return OK;
}

const struct net_address *http_service_address(const struct http_service *service)
{
	return &service->address;
}

static void stop_listening(struct http_service *service)
{
	if (service->listen_fd < 0)
		return;
	close_listener(service->current);
	(void)close(service->listen_fd);
	service->listen_fd = -1;
}

void http_service_stop(struct http_service *service)
{
	const struct http_connection *connection;
	if (service->is_stopping)
		return;
	service->is_stopping = true;
	stop_listening(service);
	LIST_FOREACH(connection, &service->connections, next)
	if (!connection->exchange)
		hang_up(connection);
	if (service->connection_count == 0)
		loop_defer(service->loop, &service->drained);
}

/* libmicrohttpd panics when it is stopped while a connection is suspended: none may be, nor become so meanwhile. */
static void resume_all(struct http_service *service)
{
	struct http_connection *connection;
	service->is_freeing = true;
	LIST_FOREACH(connection, &service->connections, next)
	if (connection->exchange && connection->exchange->is_suspended)
		http_exchange_answer(connection->exchange, &(struct http_reply){.status = 503});
	run_all(service);
}

void http_service_free(struct http_service **service)
{
	struct http_service *s = *service;
	if (!s)
		return;
	*service = NULL;
	assert(!s->is_running);
	timer_free(&s->sweep);
	stop_listening(s);
	resume_all(s);
	s->current = NULL;
	while (!LIST_EMPTY(&s->daemons))
		daemon_free(LIST_FIRST(&s->daemons));
	task_cancel(&s->drained, s->loop);
	task_cancel(&s->resume, s->loop);
	task_cancel(&s->reap, s->loop);
	free(s);
}
