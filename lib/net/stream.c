/* Streams: one TCP connection on the loop. Owns its descriptor, its TLS session and two byte queues, which exist only
 * while they hold something: an idle connection costs this struct and its watch.
 *
 *   CONNECTING --> OPEN <--> SECURING        start_tls: what was queued before it goes out in the clear, then the handshake
 *        |          |           |
 *        |          +--> LINGERING           finish: our end is shut, the peer's last bytes are thrown away
 *        v          v           v
 *        +------> ENDED <-------+            closed() was called, once, or stream_free()
 *
 * Everything happens in three entry points called by the loop: on_ready, on_turn_end and on_limit. Each runs between enter()
 * and leave(), so that an owner may free the stream in any upcall: the memory goes in leave(). Failures end in closed(). */
#include "lib/net/stream.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/net/memory.h"
#include "lib/net/socket.h"
#include "lib/net/stream_tls.h"

#define READ_SIZE     ((size_t)64 << 10)
#define READ_TURN_MAX ((size_t)256 << 10) /* then the other connections have their turn */
#define READ_SHORT                                                                                 \
	((size_t)16 << 10) /* a shorter read has emptied the socket: no need to ask again */

enum stream_state { CONNECTING, OPEN, SECURING, LINGERING, ENDED };

struct failure {
	enum err err;
	struct why why;
};

struct stream {
	struct loop *loop;
	const struct stream_handler *handler;
	void *owner;
	int fd; /* -1: none */
	enum stream_state state;
	struct watch *watch;
	struct timer *limit; /* of the connect, then of the finish; NULL otherwise */
	struct task turn_end;
	struct buf input, output;
	size_t clear_left; /* SECURING: bytes of the output still to go out in the clear */
	struct tls_session *tls;
	struct failure *failure; /* found where closed() could not be called; NULL otherwise */
	struct net_address remote, local;
	bool is_paused;
	bool is_finishing;
	bool has_input_ended;
	bool is_blocked;  /* output waits for room in the socket */
	bool is_flushing; /* inside flush() */
	bool must_repeat; /* input may be left from before a pause */
	bool is_busy;	  /* inside an entry point */
	bool is_freed;
};

/* Where each read lands before the bytes, as many as there are, go to the input of their stream. */
static _Thread_local uint8_t scratch[READ_SIZE];

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

static void end(struct stream *s, enum err err, const struct why *why)
{
	if (s->state == ENDED)
		return;
	close_socket(s);
	s->handler->closed(s->owner, err, why);
}

static void end_as_finished(struct stream *s)
{
	struct why why;
	end(s, fail(&why, E_CLOSED, "closed by us"), &why);
}

static void note_failure(struct stream *s, enum err err, const struct why *why)
{
	if (s->failure)
		return;
	s->failure = zeroed(sizeof *s->failure);
	*s->failure = (struct failure){err, *why};
}

static void end_by_failure(struct stream *s)
{
	end(s, s->failure->err, &s->failure->why);
}

/* ---- what the loop is asked for ---- */

static bool may_receive(const struct stream *s)
{
	if (s->state != OPEN || s->has_input_ended)
		return false;
	return s->is_finishing || (!s->is_paused && buf_room(&s->input) > 0);
}

static void update_interest(struct stream *s)
{
	bool read = false, write = false;
	switch (s->state) {
	case CONNECTING:
		write = true;
		break;
	case OPEN:
		read = may_receive(s);
		write = !s->failure &&
			(s->is_blocked || (s->tls && tls_session_wants_write(s->tls)));
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
	update_interest(s);
}

/* ---- sending ---- */

/* Give the kernel the first `count` bytes of the output, as far as it takes them. */
static enum err send_first(struct stream *s, size_t count, struct why *why)
{
	bool is_clear = !s->tls || s->state == SECURING;
	while (count > 0) {
		struct bytes b = bytes_first(buf_bytes(&s->output), count);
		size_t sent = 0;
		enum err err = is_clear ? socket_write(s->fd, b, &sent, why)
					: tls_session_write(s->tls, b, &sent, why);
		if (err != OK)
			return err;
		if (sent == 0) {
			s->is_blocked = true;
			return OK;
		}
		buf_consume(&s->output, sent);
		count -= sent;
	}
	s->is_blocked = false;
	return OK;
}

/* The peer may have said why before it went (a 421, say): its last bytes are handed up first, where that is possible. */
static void on_send_failure(struct stream *s, enum err err, const struct why *why)
{
	if (s->tls || s->is_finishing || !may_receive(s))
		end(s, err, why);
	else
		note_failure(s, err, why);
}

/* Our end is done. A close() now could destroy what the peer has not read yet, if it is sending: so wait for its end. */
static void shut_output(struct stream *s)
{
	if (s->has_input_ended) {
		end_as_finished(s);
		return;
	}
	if (s->tls)
		tls_session_send_end(s->tls);
	(void)shutdown(s->fd, SHUT_WR);
	s->state = LINGERING;
}

static void flush(struct stream *s)
{
	if (s->state != OPEN || s->failure)
		return;
	bool had_output = s->output.len > 0;
	struct why why = {""};
	enum err err = send_first(s, s->output.len, &why);
	if (err != OK) {
		on_send_failure(s, err, &why);
	} else if (s->output.len > 0) {
		return;
	} else if (s->is_finishing) {
		shut_output(s);
	} else if (had_output && s->handler->drained) {
		s->is_flushing = true;
		s->handler->drained(s->owner);
		s->is_flushing = false;
	}
}

/* ---- receiving ---- */

static enum err receive_some(struct stream *s, size_t *ret_count, struct why *why)
{
	size_t want = READ_SIZE;
	if (!s->is_finishing && buf_room(&s->input) < want)
		want = buf_room(&s->input);
	size_t count = 0;
	enum err err = s->tls ? tls_session_read(s->tls, scratch, want, &count, why)
			      : socket_read(s->fd, scratch, want, &count, why);
	if (err == OK && count > 0 && !s->is_finishing)
		err = buf_append(&s->input, bytes_from(scratch, count));
	if (err == OK)
		*ret_count = count;
	return err;
}

static void on_input_end(struct stream *s, enum err err, const struct why *why)
{
	s->has_input_ended = true;
	if (err == E_CLOSED && !s->failure && s->output.len > 0) {
		/* A peer that shut only its sending side still reads: let the last replies go. */
		struct why ignored;
		bool is_sent = send_first(s, s->output.len, &ignored) == OK;
		if (is_sent && s->is_finishing && s->output.len > 0)
			return;
	}
	if (s->is_finishing && s->output.len == 0)
		end_as_finished(s);
	else if (s->failure)
		end_by_failure(s);
	else
		end(s, err, why);
}

static bool holds_input(const struct stream *s)
{
	return s->state == OPEN && s->tls && tls_session_holds_input(s->tls);
}

static void read_input(struct stream *s)
{
	size_t total = 0;
	while (may_receive(s)) {
		size_t count = 0;
		struct why why = {""};
		enum err err = receive_some(s, &count, &why);
		if (err != OK) {
			on_input_end(s, err, &why);
			return;
		}
		if (count > 0 && !s->is_finishing)
			s->handler->received(s->owner);
		total += count;
		if ((count < READ_SHORT || total >= READ_TURN_MAX) && !holds_input(s))
			return;
	}
}

static void linger(struct stream *s)
{
	for (size_t total = 0, count = 1; count > 0 && total < READ_TURN_MAX; total += count) {
		struct why ignored;
		if (socket_read(s->fd, scratch, READ_SIZE, &count, &ignored) != OK) {
			end_as_finished(s);
			return;
		}
	}
}

/* ---- steps ---- */

static void on_connected(struct stream *s)
{
	struct why why;
	enum err err = socket_connect_result(s->fd, &s->remote, &why);
	if (err != OK) {
		end(s, err, &why);
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
	enum err err = send_first(s, s->clear_left, &why);
	s->clear_left -= before - s->output.len;
	if (err == OK && s->clear_left > 0)
		return;
	bool is_done = false;
	if (err == OK)
		err = tls_session_handshake(s->tls, &is_done, &why);
	if (err != OK) {
		end(s, err, &why);
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
	if (holds_input(s))
		read_input(s);
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
			read_input(s);
		if (can_write)
			flush(s);
		break;
	case LINGERING:
		linger(s);
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
		end_by_failure(s);
	} else if (s->state == CONNECTING && s->is_finishing && s->output.len == 0) {
		end_as_finished(s);
	} else if (s->state == SECURING) {
		secure(s);
	} else if (s->state == OPEN) {
		resume(s);
		flush(s);
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
		end_as_finished(s);
	else if (s->is_finishing)
		end(s,
		    fail(&why, E_TIMEOUT, "%s has not taken the last %zu bytes", text,
			 s->output.len),
		    &why);
	else
		end(s, fail(&why, E_TIMEOUT, "connect %s: no answer in time", text), &why);
	leave(s);
}

/* ---- what owners call ---- */

static struct stream *stream_new(struct loop *loop, const struct stream_options *options,
				 const struct stream_handler *handler, void *owner)
{
	assert(options->input_max_bytes > 0 && options->output_max_bytes > 0);
	struct stream *s = zeroed(sizeof *s);
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
		note_failure(s, err, &why);
		loop_defer(loop, &s->turn_end);
		return s;
	}
	s->watch = watch_new(loop, s->fd, on_ready, s);
	start_limit(s, timeout_ms);
	update_interest(s);
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
	update_interest(s);
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

struct bytes stream_input(const struct stream *stream)
{
	return buf_bytes(&stream->input);
}

void stream_consume(struct stream *stream, size_t count)
{
	bool was_full = buf_room(&stream->input) == 0;
	buf_consume(&stream->input, count);
	if (was_full && !stream->is_busy)
		loop_defer(stream->loop, &stream->turn_end);
}

enum err stream_write(struct stream *stream, struct bytes b)
{
	if (stream->state >= LINGERING || stream->is_finishing || stream->failure)
		return E_CLOSED;
	enum err err = buf_append(&stream->output, b);
	if (err != OK)
		return err;
	if (stream->is_flushing)
		stream->is_blocked =
			true; /* a fast peer must not hold the loop: go on after the next poll */
	else if (!stream->is_blocked && stream->state != CONNECTING)
		loop_defer(stream->loop, &stream->turn_end);
	return OK;
}

size_t stream_unsent(const struct stream *stream)
{
	return stream->output.len;
}

void stream_pause(struct stream *stream, bool paused)
{
	if (stream->is_paused == paused)
		return;
	stream->is_paused = paused;
	if (stream->state == ENDED)
		return;
	if (!paused) {
		stream->must_repeat = true;
		loop_defer(stream->loop, &stream->turn_end);
	} else if (!stream->is_busy) {
		update_interest(stream);
	}
}

void stream_finish(struct stream *stream, int64_t limit_ms)
{
	if (stream->state >= LINGERING || stream->is_finishing)
		return;
	stream->is_finishing = true;
	buf_clear(&stream->input);
	start_limit(stream, limit_ms);
	loop_defer(stream->loop, &stream->turn_end);
}

void stream_start_tls(struct stream *stream, struct tls_context *context, const char *host_name)
{
	if (stream->state >= LINGERING)
		return;
	assert(stream->state == OPEN && !stream->tls);
	buf_clear(&stream->input);
	stream->must_repeat = false;
	stream->clear_left = stream->output.len;
	stream->tls = tls_session_new(context, stream->fd, host_name);
	stream->state = SECURING;
	loop_defer(stream->loop, &stream->turn_end);
}

bool stream_is_tls(const struct stream *stream)
{
	return *stream_tls_text(stream) != '\0';
}

const char *stream_tls_text(const struct stream *stream)
{
	return stream->tls ? tls_session_text(stream->tls) : "";
}

bool stream_tls_peer_is_verified(const struct stream *stream)
{
	return stream->tls && tls_session_peer_is_verified(stream->tls);
}

const struct net_address *stream_remote(const struct stream *stream)
{
	return &stream->remote;
}

const struct net_address *stream_local(const struct stream *stream)
{
	return &stream->local;
}
