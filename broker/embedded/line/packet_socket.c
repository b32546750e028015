/* Packets over a socket: see packet_socket.h.
 *
 * Entry points from the loop (on_ready, on_turn_end, on_slow) hold the socket busy: an upcall that frees it only marks it, and it is
 * disposed of when they leave. A failure found inside packet_socket_send() is told at the end of the turn.
 *
 * When writing fails the peer may have said something before it went: that is read first, and the socket ends behind it. */
#include "broker/embedded/line/packet_socket.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/net/socket.h"

#define READ_SIZE      ((size_t)64 << 10)
#define READ_TURN_MAX  ((size_t)256 << 10) /* then the others have their turn */
#define WRITE_SIZE     ((size_t)256 << 10) /* so much is encoded at once, and one packet more */
#define WRITE_TURN_MAX ((size_t)1 << 20)

struct packet_socket {
	struct loop *loop;
	int fd;
	struct packet_socket_limits limits;
	const struct packet_socket_handler *handler;
	void *owner;
	struct watch *watch;
	struct task turn_end;
	struct timer *slow;
	struct buf input;
	struct buf output; /* encoded */
	struct packets waiting;
	size_t waiting_bytes; /* of `waiting`, with what they take in memory */
	bool is_overrun;      /* more than max_bytes waited */
	bool is_peer_deaf;    /* writing has failed; `why` says how */
	struct why why;
	bool has_moved; /* something was written, and more waits */
	bool is_held;	/* by its owner: nothing is read */
	bool is_busy, is_ended, is_freed;
};

static bool is_live(const struct packet_socket *s)
{
	return !s->is_ended && !s->is_freed;
}

static bool has_output(const struct packet_socket *s)
{
	return s->output.len > 0 || s->waiting.first;
}

static bool is_slow(const struct packet_socket *s)
{
	return s->waiting_bytes > s->limits.slow_bytes;
}

static size_t cost_of(const struct packet *packet)
{
	return packet_size(packet) + sizeof *packet;
}

static void drop_output(struct packet_socket *s)
{
	packets_free_all(&s->waiting);
	s->waiting_bytes = 0;
	buf_clear(&s->output);
}

static void end(struct packet_socket *s, enum err err, const struct why *why)
{
	if (!is_live(s))
		return;
	s->is_ended = true;
	drop_output(s);
	timer_stop(s->slow);
	s->handler->ended(s->owner, err, why);
}

static void end_with(struct packet_socket *s, enum err err, const char *text)
{
	struct why why;
	(void)fail(&why, err, "%s", text);
	end(s, err, &why);
}

/* ---- entering and leaving ---- */

static void dispose(struct packet_socket *s)
{
	task_cancel(&s->turn_end, s->loop);
	watch_free(&s->watch);
	timer_free(&s->slow);
	packets_free_all(&s->waiting);
	buf_done(&s->input);
	buf_done(&s->output);
	(void)close(s->fd);
	free(s);
}

static void enter(struct packet_socket *s)
{
	s->is_busy = true;
}

static void watch_as_needed(struct packet_socket *s)
{
	watch_want(s->watch, !s->is_ended && !s->is_held && !is_slow(s),
		   !s->is_ended && (has_output(s) || s->is_peer_deaf));
}

static void leave(struct packet_socket *s)
{
	s->is_busy = false;
	if (s->is_freed)
		dispose(s);
	else
		watch_as_needed(s);
}

/* ---- reading ---- */

/* The first packet of the input to the owner; false when there is none, or the socket has ended. */
static bool hand_up_one(struct packet_socket *s)
{
	struct packet *packet = NULL;
	size_t len = 0;
	enum err err = packet_read(buf_bytes(&s->input), &packet, &len);
	if (err == E_NOT_FOUND)
		return false;
	buf_consume(&s->input, len);
	if (err == OK)
		err = s->handler->arrived(s->owner, packet);
	if (err != OK)
		end_with(s, err, "the peer does not keep to the protocol");
	return is_live(s);
}

/* Gives the count of bytes read; 0 when there are none now, or the socket has ended. */
static size_t read_once(struct packet_socket *s)
{
	size_t count = 0;
	struct why why;
	/* What is left of the input is less than a packet, so that there is room for this. */
	uint8_t *at = buf_reserve(&s->input, READ_SIZE);
	enum err err = socket_read(s->fd, at, READ_SIZE, &count, &why);
	if (err != OK) {
		end(s, err, &why);
		return 0;
	}
	buf_commit(&s->input, count);
	return count;
}

/* From a peer that has gone all is read that is still there. */
static bool may_read(const struct packet_socket *s)
{
	return is_live(s) && !is_slow(s) && (!s->is_held || s->is_peer_deaf);
}

static void read_some(struct packet_socket *s)
{
	for (size_t total = 0; may_read(s) && total < READ_TURN_MAX;) {
		size_t count = read_once(s);
		if (count == 0)
			break;
		while (hand_up_one(s))
			;
		total += count;
		if (count < READ_SIZE && !s->is_peer_deaf) /* the socket is empty */
			return;
		if (total >= READ_TURN_MAX)
			return;
	}
	if (s->is_peer_deaf)
		end(s, E_IO, &s->why);
}

/* ---- writing ---- */

/* Only into an empty buffer, whose bytes then never have to be moved. */
static enum err encode_some(struct packet_socket *s, struct why *why)
{
	enum err err = OK;
	if (s->output.len > 0)
		return OK;
	while (s->output.len < WRITE_SIZE && s->waiting.first && err == OK) {
		struct packet *packet = packets_take(&s->waiting);
		s->waiting_bytes -= cost_of(packet);
		err = packet_write(packet, &s->output);
		packet_free(&packet);
	}
	return err == OK ? OK : fail(why, err, "a packet cannot be sent: %s", err_text(err));
}

/* *ret_count is 0 when the socket takes nothing now. */
static enum err write_once(struct packet_socket *s, size_t *ret_count, struct why *why)
{
	size_t count = 0;
	enum err err = encode_some(s, why);
	if (err == OK)
		err = socket_write(s->fd, buf_bytes(&s->output), &count, why);
	if (err != OK)
		return err;
	buf_consume(&s->output, count);
	*ret_count = count;
	return OK;
}

static void on_write_failure(struct packet_socket *s, enum err err)
{
	if (err == E_TOO_BIG) {
		end(s, err, &s->why);
		return;
	}
	s->is_peer_deaf = true;
	drop_output(s);
	read_some(s);
}

static void update_slow(struct packet_socket *s, bool has_moved)
{
	if (!is_slow(s))
		timer_stop(s->slow);
	else if (has_moved || !timer_is_running(s->slow))
		timer_start(s->slow, s->limits.slow_ms);
}

static void write_some(struct packet_socket *s)
{
	size_t total = 0, count = 1;
	while (has_output(s) && count > 0 && total < WRITE_TURN_MAX) {
		enum err err = write_once(s, &count, &s->why);
		if (err != OK) {
			on_write_failure(s, err);
			return;
		}
		total += count;
	}
	s->has_moved = s->has_moved || (total > 0 && has_output(s));
	update_slow(s, total > 0);
}

/* ---- from the loop ---- */

static void on_ready(void *owner, bool can_read, bool can_write)
{
	struct packet_socket *s = owner;
	enter(s);
	if (can_write)
		write_some(s);
	if ((can_read || s->is_peer_deaf) && is_live(s))
		read_some(s);
	leave(s);
}

static void on_turn_end(void *owner)
{
	struct packet_socket *s = owner;
	enter(s);
	if (s->is_overrun)
		end_with(s, E_FULL, "the peer does not read, and too much waits for it");
	else if (is_live(s))
		write_some(s);
	leave(s);
}

static void on_slow(void *owner)
{
	struct packet_socket *s = owner;
	enter(s);
	end_with(s, E_TIMEOUT, "the peer does not read");
	leave(s);
}

/* ---- entry points ---- */

struct packet_socket *packet_socket_new(struct loop *loop, int fd,
					const struct packet_socket_limits *limits,
					const struct packet_socket_handler *handler, void *owner)
{
	struct packet_socket *s = memory_new(sizeof *s);
	s->loop = loop;
	s->fd = fd;
	s->limits = *limits;
	s->handler = handler;
	s->owner = owner;
	s->turn_end = (struct task){.run = on_turn_end, .owner = s};
	s->slow = timer_new(loop, on_slow, s);
	buf_init(&s->input, PACKET_SIZE_MAX + READ_SIZE);
	buf_init(&s->output, PACKET_SIZE_MAX + WRITE_SIZE);
	packets_init(&s->waiting);
	s->watch = watch_new(loop, fd, on_ready, s);
	watch_want(s->watch, true, false);
	return s;
}

void packet_socket_free(struct packet_socket **socket)
{
	struct packet_socket *s = *socket;
	if (!s)
		return;
	*socket = NULL;
	s->is_freed = true;
	if (!s->is_busy)
		dispose(s);
}

void packet_socket_send(struct packet_socket *socket, struct packet *packet)
{
	struct packet_socket *s = socket;
	if (!is_live(s) || s->is_peer_deaf || s->is_overrun) {
		packet_free(&packet);
		return;
	}
	s->waiting_bytes += cost_of(packet);
	packets_add(&s->waiting, packet);
	if (s->waiting_bytes > s->limits.max_bytes) {
		s->is_overrun = true;
		drop_output(s);
	}
	loop_defer(s->loop, &s->turn_end);
}

bool packet_socket_has_moved(struct packet_socket *socket)
{
	bool has_moved = socket->has_moved;
	socket->has_moved = false;
	return has_moved;
}

void packet_socket_hold(struct packet_socket *socket, bool is_held)
{
	if (socket->is_held == is_held)
		return;
	socket->is_held = is_held;
	if (!socket->is_busy)
		watch_as_needed(socket);
}

void packet_socket_flush(struct packet_socket *socket, int64_t wait_max_ms)
{
	struct packet_socket *s = socket;
	int64_t until_ms = clock_now_ms(clock_system()) + wait_max_ms;
	while (is_live(s) && !s->is_peer_deaf && has_output(s)) {
		size_t count = 0;
		if (write_once(s, &count, NULL) != OK)
			return;
		int64_t left_ms = until_ms - clock_now_ms(clock_system());
		if (count > 0)
			continue;
		if (left_ms <= 0)
			return;
		struct pollfd poll_fd = {.fd = s->fd, .events = POLLOUT};
		(void)poll(&poll_fd, 1, (int)left_ms);
	}
}
