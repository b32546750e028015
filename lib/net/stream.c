/* Streams: one TCP connection on the loop. Owns its descriptor, its TLS session and two byte queues, which exist only
 * while they hold something: an idle connection costs this struct and its watch.
 *
 *   CONNECTING --> OPEN <--> SECURING        start_tls: what was queued before it goes out in the clear, then the handshake
 *        |          |           |
 *        |          +--> LINGERING           finish: our end is shut, the peer's last bytes are thrown away
 *        v          v           v
 *        +------> ENDED <-------+            closed() was called, once, or stream_free()
 *
 * The bytes are moved by stream_io.c; what owners do with those that came is in stream_input.c. Everything happens in three entry points called by the loop: on_ready,
 * on_turn_end and on_limit. Each runs between enter() and leave(), so that an owner may free the stream in any upcall: the
 * memory goes in leave(). Failures end in closed(). */
#include "lib/net/stream.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/net/socket.h"
#include "lib/net/stream_inner.h"

/* ---- the end ---- */

static void close_socket(struct stream *s)
{
	watch_free(&s->watch);
	timer_free(&s->limit);
	task_cancel(&s->turn_end, s->loop);
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
	s->state = ENDED;
}

static void dispose(struct stream *s)
{
	tls_session_free(&s->tls);
	buf_done(&s->input);
	buf_done(&s->output);
	free(s->failure);
	free(s);
}

void stream_end(struct stream *s, enum err err, const struct why *why)
{
	if (s->state == ENDED)
		return;
	close_socket(s);
	s->handler->closed(s->owner, err, why);
}

void stream_end_as_finished(struct stream *s)
{
	struct why why;
	stream_end(s, fail(&why, E_CLOSED, "closed by us"), &why);
}

void stream_note_failure(struct stream *s, enum err err, const struct why *why)
{
	if (s->failure)
		return;
	s->failure = memory_new(sizeof *s->failure);
	*s->failure = (struct failure){err, *why};
}

void stream_end_by_failure(struct stream *s)
{
	stream_end(s, s->failure->err, &s->failure->why);
}

/* ---- what the loop is asked for ---- */

void stream_update_interest(struct stream *s)
{
	bool read = false, write = false;
	switch (s->state) {
	case CONNECTING:
		write = true;
		break;
	case OPEN:
		read = stream_may_receive(s);
		write = (s->is_blocked && !s->failure) ||
			(read && s->tls && tls_session_wants_write(s->tls));
		break;
	case SECURING:
		write = s->clear_left > 0 ? s->is_blocked : tls_session_wants_write(s->tls);
		read = s->clear_left == 0 && !write;
		break;
	case LINGERING:
		read = true;
		break;
	case ENDED:
		return;
	}
	if (s->watch)
		watch_want(s->watch, read, write);
}

static void enter(struct stream *s)
{
	assert(!s->is_busy);
	s->is_busy = true;
}

static void leave(struct stream *s)
{
	s->is_busy = false;
	if (s->is_freed) {
		dispose(s);
		return;
	}
	if (s->input.len == 0)
		buf_done(&s->input);
	if (s->output.len == 0)
		buf_done(&s->output);
	stream_update_interest(s);
}

/* ---- steps ---- */

static void on_connected(struct stream *s)
{
	struct why why;
	enum err err = socket_connect_result(s->fd, &s->remote, &why);
	if (err != OK) {
		stream_end(s, err, &why);
		return;
	}
	if (!s->is_finishing)
		timer_free(&s->limit);
	s->state = OPEN;
	s->local = socket_local(s->fd);
	if (s->output.len > 0)
		loop_defer(s->loop, &s->turn_end);
	if (!s->is_finishing)
		s->handler->connected(s->owner);
}

static void secure(struct stream *s)
{
	struct why why = {""};
	size_t before = s->output.len;
	enum err err = stream_send_first(s, s->clear_left, &why);
	s->clear_left -= before - s->output.len;
	if (err == OK && s->clear_left > 0)
		return;
	bool is_done = false;
	if (err == OK)
		err = tls_session_handshake(s->tls, &is_done, &why);
	if (err != OK) {
		stream_end(s, err, &why);
		return;
	}
	if (!is_done)
		return;
	s->state = OPEN;
	loop_defer(s->loop, &s->turn_end); /* what was queued meanwhile */
	if (!s->is_finishing)
		s->handler->secured(s->owner);
}

/* After a pause the owner is called for what it left; what OpenSSL holds, no poll would tell of. */
static void resume(struct stream *s)
{
	bool must_repeat = s->must_repeat && s->input.len > 0;
	s->must_repeat = false;
	if (must_repeat && !s->is_paused && !s->is_finishing)
		s->handler->received(s->owner);
	if (stream_holds_input(s))
		stream_read(s);
}

/* ---- entry points ---- */

static void on_ready(void *owner, bool can_read, bool can_write)
{
	struct stream *s = owner;
	enter(s);
	switch (s->state) {
	case CONNECTING:
		on_connected(s);
		break;
	case SECURING:
		secure(s);
		break;
	case OPEN:
		if (can_read || s->tls) /* a TLS read may have waited for room to write */
			stream_read(s);
		if (can_write)
			stream_send_output(s);
		break;
	case LINGERING:
		stream_linger(s);
		break;
	case ENDED:
		break;
	}
	leave(s);
}

static void on_turn_end(void *owner)
{
	struct stream *s = owner;
	enter(s);
	if (s->state == CONNECTING && s->failure) {
		stream_end_by_failure(s);
	} else if (s->state == CONNECTING && s->is_finishing && s->output.len == 0) {
		stream_end_as_finished(s);
	} else if (s->state == SECURING) {
		secure(s);
	} else if (s->state == OPEN) {
		resume(s);
		stream_send_output(s);
	}
	leave(s);
}

static void on_limit(void *owner)
{
	struct stream *s = owner;
	struct why why;
	char text[NET_ADDRESS_SIZE];
	net_address_text(&s->remote, text);
	enter(s);
	if (s->state == LINGERING)
		stream_end_as_finished(s);
	else if (s->is_finishing)
		stream_end(s,
			   fail(&why, E_TIMEOUT, "%s has not taken the last %zu bytes", text,
				s->output.len),
			   &why);
	else
		stream_end(s, fail(&why, E_TIMEOUT, "connect %s: no answer in time", text), &why);
	leave(s);
}

/* ---- what owners call ---- */

static struct stream *stream_new(struct loop *loop, const struct stream_options *options,
				 const struct stream_handler *handler, void *owner)
{
	assert(options->input_max_bytes > 0 && options->output_max_bytes > 0);
	struct stream *s = memory_new(sizeof *s);
	s->loop = loop;
	s->handler = handler;
	s->owner = owner;
	s->fd = -1;
	s->turn_end = (struct task){.run = on_turn_end, .owner = s};
	buf_init(&s->input, options->input_max_bytes);
	buf_init(&s->output, options->output_max_bytes);
	return s;
}

static void start_limit(struct stream *s, int64_t limit_ms)
{
	if (!s->limit)
		s->limit = timer_new(s->loop, on_limit, s);
	timer_start(s->limit, limit_ms);
}

struct stream *stream_connect(struct loop *loop, const struct net_address *to,
			      const struct net_address *source, int64_t timeout_ms,
			      const struct stream_options *options,
			      const struct stream_handler *handler, void *owner)
{
	struct stream *s = stream_new(loop, options, handler, owner);
	s->remote = *to;
	s->state = CONNECTING;
	struct why why;
	enum err err = socket_connect(to, source, &s->fd, &why);
	if (err != OK) {
		stream_note_failure(s, err, &why);
		loop_defer(loop, &s->turn_end);
		return s;
	}
	s->watch = watch_new(loop, s->fd, on_ready, s);
	start_limit(s, timeout_ms);
	stream_update_interest(s);
	return s;
}

struct stream *stream_adopt(struct loop *loop, int fd, const struct stream_options *options,
			    const struct stream_handler *handler, void *owner)
{
	struct stream *s = stream_new(loop, options, handler, owner);
	socket_prepare(fd);
	s->fd = fd;
	s->state = OPEN;
	s->remote = socket_remote(fd);
	s->local = socket_local(fd);
	s->watch = watch_new(loop, fd, on_ready, s);
	stream_update_interest(s);
	return s;
}

void stream_free(struct stream **stream)
{
	struct stream *s = *stream;
	if (!s)
		return;
	*stream = NULL;
	if (s->state == OPEN && s->tls && s->output.len == 0)
		tls_session_send_end(s->tls);
	close_socket(s);
	s->is_freed = true;
	if (!s->is_busy)
		dispose(s);
}

enum err stream_write(struct stream *stream, struct bytes b)
{
	if (stream->state >= LINGERING || stream->is_finishing || stream->failure)
		return E_CLOSED;
	enum err err = buf_append(&stream->output, b);
	if (err != OK)
		return err;
	if (stream->is_flushing) /* a fast peer must not hold the loop: go on after the next poll */
		stream->is_blocked = true;
	else if (!stream->is_blocked && stream->state != CONNECTING)
		loop_defer(stream->loop, &stream->turn_end);
	return OK;
}

size_t stream_unsent(const struct stream *stream)
{
	return stream->output.len;
}

void stream_flush(struct stream *stream)
{
	struct why ignored; /* a failure shows again at the end of the turn, if there is one */
	if (stream->state == OPEN && !stream->failure)
		(void)!stream_send_first(stream, stream->output.len, &ignored);
}

void stream_finish(struct stream *stream, int64_t limit_ms)
{
	if (stream->state >= LINGERING || stream->is_finishing)
		return;
	stream->is_finishing = true;
	stream_throw_input_away(stream);
	start_limit(stream, limit_ms);
	loop_defer(stream->loop, &stream->turn_end);
}

void stream_start_tls(struct stream *stream, struct tls_context *context, const char *host_name)
{
	const struct tls_peer peer = {.host_name = host_name};
	stream_start_tls_with(stream, context, &peer);
}

void stream_start_tls_with(struct stream *stream, struct tls_context *context,
			   const struct tls_peer *peer)
{
	if (stream->state >= LINGERING)
		return;
	assert(stream->state == OPEN && !stream->tls);
	stream_throw_input_away(stream);
	stream->must_repeat = false;
	stream->clear_left = stream->output.len;
	stream->tls = tls_session_new(context, stream->fd, peer);
	stream->state = SECURING;
	loop_defer(stream->loop, &stream->turn_end);
}
