/* Listening sockets. Owns the descriptor, its watch and a timer. Accepts a bounded number each turn, so that a storm of
 * clients does not starve those already here; out of descriptors it rests, because the waiting client would wake it for ever. */
#include <errno.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/net/socket.h"
#include "lib/net/stream.h"

#define ACCEPT_TURN_MAX 64
#define REST_MS		100

struct listener {
	int fd;
	struct net_address address;
	struct watch *watch;
	struct timer *rest;
	void (*accepted)(void *owner, int fd, const struct net_address *remote);
	void *owner;
	bool is_paused; /* by the owner */
	bool is_busy;	/* inside on_ready */
	bool is_closed; /* inside on_ready, which frees it */
};

static bool is_accepting(const struct listener *listener)
{
	return !listener->is_closed && !listener->is_paused && !timer_is_running(listener->rest);
}

static void update_interest(struct listener *listener)
{
	watch_want(listener->watch, is_accepting(listener), false);
}

static void on_rested(void *owner)
{
	update_interest(owner);
}

static void dispose(struct listener *listener)
{
	watch_free(&listener->watch);
	timer_free(&listener->rest);
	(void)close(listener->fd);
	free(listener);
}

/* Failures of one connection concern nobody; lack of descriptors or memory lasts. */
static bool is_lasting(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_ready(void *owner, bool can_read, bool can_write)
{
	(void)can_read;
	(void)can_write;
	struct listener *listener = owner;
	listener->is_busy = true;
	for (int i = 0; i < ACCEPT_TURN_MAX && is_accepting(listener); i++) {
		struct net_address remote = {.len = 0};
		socklen_t len = sizeof remote.sa;
		int fd = accept4(listener->fd, &remote.sa.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			remote.len = len;
			listener->accepted(listener->owner, fd, &remote);
		} else if (is_lasting(errno)) {
			timer_start(listener->rest, REST_MS);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			break;
		}
	}
	listener->is_busy = false;
	if (listener->is_closed)
		dispose(listener);
	else
		update_interest(listener);
}

enum err listener_open(struct loop *loop, const struct net_address *address,
		       void (*accepted)(void *owner, int fd, const struct net_address *remote),
		       void *owner, struct listener **ret, struct why *why)
{
	int fd = -1;
	enum err err = socket_listen(address, true, &fd, why);
	if (err != OK)
		return err;
	struct listener *listener = memory_new(sizeof *listener);
	listener->fd = fd;
	listener->address = socket_local(fd);
	listener->accepted = accepted;
	listener->owner = owner;
	listener->rest = timer_new(loop, on_rested, listener);
	listener->watch = watch_new(loop, fd, on_ready, listener);
	update_interest(listener);
	*ret = listener;
	return OK;
}

void listener_close(struct listener **listener)
{
	struct listener *l = *listener;
	if (!l)
		return;
	*listener = NULL;
	l->is_closed = true;
	if (!l->is_busy)
		dispose(l);
}

const struct net_address *listener_address(const struct listener *listener)
{
	return &listener->address;
}

void listener_pause(struct listener *listener, bool paused)
{
	listener->is_paused = paused;
	if (!listener->is_busy)
		update_interest(listener);
}
