/* Inside a stream: shared by stream.c (its states and what owners call), stream_input.c (what they read) and stream_io.c (its bytes), and nobody else. */
#ifndef LEVERET_LIB_NET_STREAM_INNER_H
#define LEVERET_LIB_NET_STREAM_INNER_H

#include "lib/net/stream.h"
#include "lib/net/stream_tls.h"

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
	size_t thrown_bytes; /* of input, since we finish */
	bool is_finishing;
	bool has_input_ended;
	bool is_blocked;  /* output waits for room in the socket */
	bool is_flushing; /* inside stream_send_output() */
	bool must_repeat; /* input may be left from before a pause */
	bool is_busy;	  /* inside an entry point */
	bool is_freed;
};

/* The only ways to the state ENDED. Each calls closed(), and does nothing to a stream that has ended. */
void stream_end(struct stream *s, enum err err, const struct why *why);
void stream_end_as_finished(struct stream *s);
void stream_end_by_failure(struct stream *s);
/* Keep a failure (the first one) for stream_end_by_failure(). */
void stream_note_failure(struct stream *s, enum err err, const struct why *why);

/* Asks the loop for what this state waits for. */
void stream_update_interest(struct stream *s);

/* stream_input.c: nobody reads it any more. */
void stream_throw_input_away(struct stream *s);

/* Give the kernel the first `count` bytes of the output, as far as it takes them. */
enum err stream_send_first(struct stream *s, size_t count, struct why *why) MUST_USE;
/* OPEN: send the output; when it is all gone, drained(), or finish goes on. */
void stream_send_output(struct stream *s);

bool stream_may_receive(const struct stream *s);
bool stream_holds_input(const struct stream *s); /* bytes that no poll would tell of */
/* OPEN: hand up what has come, at most a turn's worth. */
void stream_read(struct stream *s);
/* LINGERING: throw away what has come, until the peer's end. */
void stream_linger(struct stream *s);

#endif
