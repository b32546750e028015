/* The bytes of a stream: from its output to the kernel, from the kernel to its owner. Runs inside the entry points of
 * stream.c, where an upcall may end or even free the stream: the state is looked at again after each. Failures end in
 * stream_end(). */
#include <sys/socket.h>

#include "lib/net/socket.h"
#include "lib/net/stream_inner.h"

#define READ_SIZE     ((size_t)64 << 10)
#define READ_TURN_MAX ((size_t)256 << 10) /* then the other connections have their turn */
#define THROWN_MAX    ((size_t)16 << 20)  /* of a peer that talks on after our end */
#define READ_SHORT    ((size_t)16 << 10)  /* less than this has emptied the socket */

/* Where each read lands before the bytes, as many as there are, go to the input of their stream. */
static _Thread_local uint8_t scratch[READ_SIZE];

bool stream_may_receive(const struct stream *s)
{
	if (s->state != OPEN || s->has_input_ended)
		return false;
	return s->is_finishing || (!s->is_paused && buf_room(&s->input) > 0);
}

/* ---- sending ---- */

enum err stream_send_first(struct stream *s, size_t count, struct why *why)
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
	bool may_read = !s->tls || tls_session_may_read(s->tls);
	if (!may_read || s->is_finishing || !stream_may_receive(s))
		stream_end(s, err, why);
	else
		stream_note_failure(s, err, why);
}

/* Our end is done. A close() now could destroy what the peer has not read yet, if it is sending: so wait for its end. */
static void shut_output(struct stream *s)
{
	if (s->has_input_ended) {
		stream_end_as_finished(s);
		return;
	}
	if (s->tls)
		tls_session_send_end(s->tls);
	(void)shutdown(s->fd, SHUT_WR);
	s->state = LINGERING;
}

void stream_send_output(struct stream *s)
{
	if (s->state != OPEN || s->failure)
		return;
	bool had_output = s->output.len > 0;
	struct why why = {""};
	enum err err = stream_send_first(s, s->output.len, &why);
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
		bool is_sent = stream_send_first(s, s->output.len, &ignored) == OK;
		if (is_sent && s->is_finishing && s->output.len > 0)
			return;
	}
	if (s->is_finishing && s->output.len == 0)
		stream_end_as_finished(s);
	else if (s->failure)
		stream_end_by_failure(s);
	else
		stream_end(s, err, why);
}

/* Reading for ever would be the peer's way to keep us busy; without reading, a close could destroy our last words. */
static bool is_talking_on(struct stream *s, size_t count)
{
	s->thrown_bytes += count;
	return s->thrown_bytes > THROWN_MAX;
}

bool stream_holds_input(const struct stream *s)
{
	return s->state == OPEN && s->tls && tls_session_holds_input(s->tls);
}

void stream_read(struct stream *s)
{
	size_t total = 0;
	while (stream_may_receive(s)) {
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
		if (s->is_finishing && is_talking_on(s, count)) {
			stream_end_as_finished(s);
			return;
		}
		if ((count < READ_SHORT || total >= READ_TURN_MAX) && !stream_holds_input(s))
			return;
	}
}

void stream_linger(struct stream *s)
{
	for (size_t total = 0, count = 1; count > 0 && total < READ_TURN_MAX; total += count) {
		struct why ignored;
		if (socket_read(s->fd, scratch, READ_SIZE, &count, &ignored) != OK ||
		    is_talking_on(s, count)) {
			stream_end_as_finished(s);
			return;
		}
	}
}
