/* Sockets: see socket.h. Owns nothing: descriptors go to the caller, or are closed here when a step fails. */
#include "lib/net/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool would_block(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static enum err err_of(int error)
{
	return error == ETIMEDOUT ? E_TIMEOUT : E_IO;
}

/* ---- connections ---- */

static enum err fail_connect(struct why *why, int error, const char *step,
			     const struct net_address *address)
{
	char text[NET_ADDRESS_SIZE];
	net_address_text(address, text);
	return fail(why, err_of(error), "%s %s: %s", step, text, strerror(error));
}

static enum err bind_source(int fd, const struct net_address *source, struct why *why)
{
	const int on = 1;
	/* The port is chosen at connect, where the kernel knows the peer: one source address is then good for
	 * 28,000 connections to each peer and not to all of them together. */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (bind(fd, &source->sa.any, source->len) != 0)
		return fail_connect(why, errno, "bind to source", source);
	return OK;
}

enum err socket_connect(const struct net_address *to, const struct net_address *source, int *ret_fd,
			struct why *why)
{
	if (to->len == 0)
		return fail(why, E_IO, "connect: no address");
	int fd = socket(to->sa.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_connect(why, errno, "socket for", to);
	socket_prepare(fd);
	enum err err = source ? bind_source(fd, source, why) : OK;
	if (err == OK && connect(fd, &to->sa.any, to->len) != 0 && errno != EINPROGRESS)
		err = fail_connect(why, errno, "connect", to);
	if (err != OK) {
		(void)close(fd);
		return err;
	}
	*ret_fd = fd;
	return OK;
}

enum err socket_connect_result(int fd, const struct net_address *to, struct why *why)
{
	int error = 0;
	socklen_t len = sizeof error;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	return error == 0 ? OK : fail_connect(why, error, "connect", to);
}

void socket_prepare(int fd)
{
	int on = 1;
	(void)ioctl(fd, FIONBIO, &on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

enum err socket_read(int fd, void *out, size_t size, size_t *ret_count, struct why *why)
{
	ssize_t count = recv(fd, out, size, 0);
	if (count == 0 && size > 0)
		return fail(why, E_CLOSED, "closed by the peer");
	if (count < 0 && !would_block(errno))
		return fail(why, err_of(errno), "read: %s", strerror(errno));
	*ret_count = count > 0 ? (size_t)count : 0;
	return OK;
}

enum err socket_write(int fd, struct bytes b, size_t *ret_count, struct why *why)
{
	ssize_t count = send(fd, b.data, b.len, MSG_NOSIGNAL);
	if (count < 0 && !would_block(errno))
		return fail(why, err_of(errno), "write: %s", strerror(errno));
	*ret_count = count > 0 ? (size_t)count : 0;
	return OK;
}

/* ---- listening ---- */

static enum err listen_on(int fd, const struct net_address *address, bool share_port,
			  struct why *why)
{
	const int on = 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	/* [::] and 0.0.0.0 are two listeners, whatever the machine's default says. */
	if (address->sa.any.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (share_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
		return fail_connect(why, errno, "share the port of", address);
	if (bind(fd, &address->sa.any, address->len) != 0)
		return fail_connect(why, errno, "bind", address);
	if (listen(fd, SOMAXCONN) != 0)
		return fail_connect(why, errno, "listen on", address);
	return OK;
}

enum err socket_listen(const struct net_address *address, bool share_port, int *ret_fd,
		       struct why *why)
{
	if (address->len == 0)
		return fail(why, E_IO, "listen: no address");
	int fd = socket(address->sa.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_connect(why, errno, "socket for", address);
	enum err err = listen_on(fd, address, share_port, why);
	if (err != OK) {
		(void)close(fd);
		return err;
	}
	*ret_fd = fd;
	return OK;
}

/* ---- both ends ---- */

static struct net_address end_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *))
{
	struct net_address address = {.len = 0};
	socklen_t len = sizeof address.sa;
	if (get(fd, &address.sa.any, &len) == 0)
		address.len = len;
	return address;
}

struct net_address socket_local(int fd)
{
	return end_of(fd, getsockname);
}

struct net_address socket_remote(int fd)
{
	return end_of(fd, getpeername);
}
