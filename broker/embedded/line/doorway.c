/* The host's end of the directory's socket: see attach.h. Owns the listening descriptor, and a visitor for each process let in.
 *
 *   accepted -> HELLO -> attached (a session of the core) -> gone
 *
 * A visitor of another user, one too many, or one that says something else first, or nothing, or another version, is refused. One
 * that does not keep to the protocol, or does not read what it is sent, is refused from then on. The others notice nothing. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/embedded/line/attach.h"
#include "broker/embedded/line/packet_socket.h"
#include "broker/embedded/line/socket_file.h"
#include "lib/base/memory.h"
#include "lib/obs/log.h"

#define VISITORS_MAX	64
#define ACCEPT_TURN_MAX 16
#define REST_MS		100 /* without descriptors: the waiting client would wake us for ever */
#define HELLO_MS	10000
#define PING_MS		30000
#define PINGS_MAX	3    /* without an answer */
#define LOOK_MS		1000 /* whether the socket's file is there */

static const struct packet_socket_limits limits = {
	.slow_bytes = (size_t)64 << 20,
	.slow_ms = 10000,
	.max_bytes = (size_t)512 << 20,
};

struct doorway {
	struct loop *loop;
	struct core *core;
	char *directory;
	int directory_fd, fd;
	struct watch *watch;
	struct timer *rest, *look, *ping;
	int64_t ping_ms;
	struct visitor *visitors;
	size_t visitor_count;
};

struct visitor {
	struct doorway *doorway;
	struct packet_socket *socket;
	struct session *session; /* NULL until its HELLO */
	struct timer *hello;
	pid_t pid;
	int64_t version;
	unsigned unanswered; /* pings since it said something */
	struct visitor *next, **link;
};

/* ---- leaving ---- */

static void visitor_free(struct visitor *visitor)
{
	if (visitor->session)
		core_detach(&visitor->session);
	packet_socket_free(&visitor->socket);
	timer_free(&visitor->hello);
	*visitor->link = visitor->next;
	if (visitor->next)
		visitor->next->link = visitor->link;
	visitor->doorway->visitor_count--;
	free(visitor);
}

static void log_refused(const struct visitor *visitor, const char *reason, const char *detail)
{
	log_event(EV_attachment_refused, F_TEXT("reason", reason), F_INT("pid", visitor->pid),
		  F_INT("version", visitor->version), F_TEXT("detail", detail));
}

/* NULL: it has gone by itself. */
static const char *reason_of(enum err err)
{
	switch (err) {
	case E_REFUSED:
		return "version";
	case E_MALFORMED:
		return "malformed";
	case E_TIMEOUT:
	case E_FULL:
		return "slow";
	case E_TOO_BIG:
		return "too_big";
	default:
		return NULL;
	}
}

static void on_ended(void *owner, enum err err, const struct why *why)
{
	struct visitor *visitor = owner;
	const char *reason = reason_of(err);
	if (reason)
		log_refused(visitor, reason,
			    err == E_REFUSED ? "it is of another version" : why->text);
	else if (visitor->session)
		log_event(EV_attachment_finished, F_INT("pid", visitor->pid),
			  F_TEXT("detail", why->text));
	visitor_free(visitor);
}

static void on_silent(void *owner)
{
	log_refused(owner, "silent", "it did not say HELLO in time");
	visitor_free(owner);
}

/* ---- packets ---- */

/* A client that asks faster than the disk takes it has to wait, in the kernel's buffers. */
static void hold_if_busy(struct visitor *visitor)
{
	packet_socket_hold(visitor->socket, visitor->session && session_is_busy(visitor->session));
}

static void send_to_visitor(void *owner, struct packet *packet)
{
	struct visitor *visitor = owner;
	packet_socket_send(visitor->socket, packet);
	hold_if_busy(visitor); /* or no more */
}

static enum err attach(struct visitor *visitor, const struct packet *hello)
{
	if (hello->kind != PACKET_HELLO)
		return E_MALFORMED;
	visitor->version = hello->value[0];
	if (visitor->version != PACKET_VERSION)
		return E_REFUSED;
	timer_stop(visitor->hello);
	visitor->session = core_attach(visitor->doorway->core, send_to_visitor, visitor);
	log_event(EV_attachment_started, F_TEXT("by", hello->text ? hello->text : ""),
		  F_INT("pid", visitor->pid));
	return OK;
}

static enum err on_arrived(void *owner, struct packet *packet)
{
	struct visitor *visitor = owner;
	bool is_pong = packet->kind == PACKET_PONG && visitor->session;
	enum err err = visitor->session ? OK : attach(visitor, packet);
	visitor->unanswered = 0;
	if (is_pong)
		packet_free(&packet);
	else if (err == OK)
		err = session_receive(visitor->session, packet);
	else
		packet_free(&packet);
	hold_if_busy(visitor);
	return err;
}

static const struct packet_socket_handler handler = {on_arrived, on_ended};

/* ---- signs of life ---- */

/* Pings are counted, not time: when it was this process that stood still, their answers are still to be read. */
static void ping(struct visitor *visitor)
{
	if (packet_socket_has_moved(visitor->socket) || session_is_busy(visitor->session))
		visitor->unanswered = 0;
	if (visitor->unanswered >= PINGS_MAX) {
		log_refused(visitor, "hanging", "it gives no sign of life");
		visitor_free(visitor);
		return;
	}
	visitor->unanswered++;
	packet_socket_send(visitor->socket, packet_new(PACKET_PING, 0));
}

static void on_ping(void *owner)
{
	struct doorway *doorway = owner;
	struct visitor *next;
	timer_start(doorway->ping, doorway->ping_ms);
	for (struct visitor *visitor = doorway->visitors; visitor; visitor = next) {
		next = visitor->next;
		if (visitor->session)
			ping(visitor);
	}
}

void doorway_ping_every(struct doorway *doorway, int64_t ms)
{
	doorway->ping_ms = ms;
	timer_start(doorway->ping, ms);
}

/* ---- coming in ---- */

static void let_in(struct doorway *doorway, int fd, pid_t pid)
{
	struct visitor *visitor = memory_new(sizeof *visitor);
	visitor->doorway = doorway;
	visitor->pid = pid;
	visitor->socket = packet_socket_new(doorway->loop, fd, &limits, &handler, visitor);
	visitor->hello = timer_new(doorway->loop, on_silent, visitor);
	timer_start(visitor->hello, HELLO_MS);
	visitor->next = doorway->visitors;
	visitor->link = &doorway->visitors;
	if (visitor->next)
		visitor->next->link = &visitor->next;
	doorway->visitors = visitor;
	doorway->visitor_count++;
}

static void receive_visitor(struct doorway *doorway, int fd)
{
	struct ucred peer = {.pid = 0, .uid = (uid_t)-1};
	socklen_t len = sizeof peer;
	bool is_known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0;
	const char *reason = NULL;
	if (!is_known || (peer.uid != geteuid() && peer.uid != 0))
		reason = "user";
	else if (doorway->visitor_count >= VISITORS_MAX)
		reason = "limit";
	if (!reason) {
		let_in(doorway, fd, peer.pid);
		return;
	}
	log_event(EV_attachment_refused, F_TEXT("reason", reason), F_INT("pid", peer.pid),
		  F_INT("uid", peer.uid));
	(void)close(fd);
}

static bool is_lasting(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_knock(void *owner, bool can_read, bool can_write)
{
	struct doorway *doorway = owner;
	(void)can_read;
	(void)can_write;
	for (int i = 0; i < ACCEPT_TURN_MAX; i++) {
		int fd = accept4(doorway->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			receive_visitor(doorway, fd);
		} else if (is_lasting(errno)) {
			watch_want(doorway->watch, false, false);
			timer_start(doorway->rest, REST_MS);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void on_rested(void *owner)
{
	struct doorway *doorway = owner;
	watch_want(doorway->watch, true, false);
}

/* ---- the socket's file ---- */

static void stop_listening(struct doorway *doorway)
{
	timer_stop(doorway->rest);
	watch_free(&doorway->watch);
	(void)close(doorway->fd);
	(void)close(doorway->directory_fd);
}

static void start_listening(struct doorway *doorway, int directory_fd, int fd)
{
	doorway->directory_fd = directory_fd;
	doorway->fd = fd;
	doorway->watch = watch_new(doorway->loop, fd, on_knock, doorway);
	watch_want(doorway->watch, true, false);
}

/* Somebody may have removed it: then nobody could attach until we end. Who is attached notices nothing. */
static void on_look(void *owner)
{
	struct doorway *doorway = owner;
	int directory_fd = -1, fd = -1;
	timer_start(doorway->look, LOOK_MS);
	if (socket_file_exists(doorway->directory_fd) ||
	    socket_file_listen(doorway->directory, &directory_fd, &fd, NULL) != OK)
		return;
	stop_listening(doorway);
	start_listening(doorway, directory_fd, fd);
}

/* ---- entry points ---- */

enum err doorway_open(struct loop *loop, struct core *core, const char *directory,
		      struct doorway **ret, struct why *why)
{
	int directory_fd = -1, fd = -1;
	enum err err = socket_file_listen(directory, &directory_fd, &fd, why);
	if (err != OK)
		return err;
	struct doorway *doorway = memory_new(sizeof *doorway);
	doorway->loop = loop;
	doorway->core = core;
	doorway->directory = memory_text(directory);
	doorway->rest = timer_new(loop, on_rested, doorway);
	doorway->look = timer_new(loop, on_look, doorway);
	start_listening(doorway, directory_fd, fd);
	doorway->ping = timer_new(loop, on_ping, doorway);
	timer_start(doorway->look, LOOK_MS);
	doorway_ping_every(doorway, PING_MS);
	*ret = doorway;
	return OK;
}

void doorway_close(struct doorway **doorway)
{
	struct doorway *d = *doorway;
	if (!d)
		return;
	*doorway = NULL;
	socket_file_remove(d->directory_fd);
	stop_listening(d);
	timer_free(&d->rest);
	timer_free(&d->look);
	timer_free(&d->ping);
	while (d->visitors) {
		packet_socket_flush(d->visitors->socket, 0);
		visitor_free(d->visitors);
	}
	free(d->directory);
	free(d);
}
