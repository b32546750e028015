/* A TCP connection, in the clear or under TLS, that never blocks the loop.
 *
 *   stream_connect --> connected --> received* / drained* --> closed
 *   stream_adopt ---------------------^
 *
 * Upcalls come from the loop, never from inside a stream_ call. After `closed` no more come; the owner then calls stream_free().
 * stream_free() at any time is allowed, also inside an upcall: it closes at once and nothing comes after it.
 * Programs ignore SIGPIPE: OpenSSL writes to its socket by itself. */
#ifndef LEVERET_LIB_NET_STREAM_H
#define LEVERET_LIB_NET_STREAM_H

#include "lib/base/buf.h"
#include "lib/loop/loop.h"
#include "lib/net/address.h"
#include "lib/net/tls.h"

struct stream;

struct stream_handler {			/* borrowed as long as the stream lives: a static table */
	void (*connected)(void *owner); /* TCP is open; not called for adopted streams */
	void (*received)(void *owner);	/* stream_input() has new bytes */
	void (*drained)(void *owner);	/* the output is empty again; NULL allowed */
	void (*secured)(void *owner);	/* the TLS handshake is done; NULL when TLS is not used */
	void (*closed)(void *owner, enum err err,
		       const struct why *why); /* E_CLOSED: clean end; E_TLS, E_TIMEOUT, E_IO */
};

struct stream_options {
	size_t input_max_bytes;	 /* reading stops while the owner leaves this much unread */
	size_t output_max_bytes; /* stream_write past it is E_FULL */
};

/* Open a connection, from `source` (port 0) when not NULL. Failure comes by `closed`. */
struct stream *stream_connect(struct loop *loop, const struct net_address *to,
			      const struct net_address *source, int64_t timeout_ms,
			      const struct stream_options *options,
			      const struct stream_handler *handler, void *owner);
/* Take over an accepted socket (and its descriptor). */
struct stream *stream_adopt(struct loop *loop, int fd, const struct stream_options *options,
			    const struct stream_handler *handler, void *owner);
void stream_free(struct stream **stream);

struct bytes stream_input(
	const struct stream *stream); /* received and not consumed; borrowed until the next call */
void stream_consume(struct stream *stream,
		    size_t count); /* ignored once finish or start_tls threw the input away */
/* Overwrite a part of the input, which was a secret; also of what the owner's own call has just thrown away. */
void stream_wipe_input(struct stream *stream, struct bytes part);
/* Queue bytes for sending; written at the end of the turn, so that many small writes are one system call. All or nothing.
 * E_FULL: go on after `drained`. E_CLOSED: the stream is finishing or has ended. */
enum err stream_write(struct stream *stream, struct bytes b) MUST_USE;
size_t
stream_unsent(const struct stream *stream); /* bytes queued and not yet given to the kernel */
/* Give the kernel now what it takes of the output, for an owner that ends before the turn does. */
void stream_flush(struct stream *stream);
/* Stop or go on reading: back-pressure. Meanwhile a lost peer is noticed only by writing. After going on, `received` comes
 * again when input was left unconsumed. */
void stream_pause(struct stream *stream, bool paused);
/* Send what is queued, shut our end, wait for the peer's, and report E_CLOSED. After limit_ms it is closed whatever the peer
 * does: E_TIMEOUT when queued bytes were not taken, E_CLOSED otherwise. Input is thrown away. */
void stream_finish(struct stream *stream, int64_t limit_ms);

/* Begin TLS over the open connection, as client (host_name: SNI and the name to verify) or as server (NULL). Bytes of input
 * received before the handshake are thrown away (CVE-2011-0411). Ends in `secured` or `closed` with E_TLS. */
void stream_start_tls(struct stream *stream, struct tls_context *context, const char *host_name);
/* The same as client, with demands of its own. */
void stream_start_tls_with(struct stream *stream, struct tls_context *context,
			   const struct tls_peer *peer);
bool stream_is_tls(const struct stream *stream);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "" in the clear. Borrowed. */
const char *stream_tls_text(const struct stream *stream);
/* "mail.example.com by Example CA until 2026-11-21", as its certificate has it: anybody's text; "" without one. */
void stream_tls_peer_text(const struct stream *stream, char out[TLS_PEER_TEXT_SIZE]);
/* The peer showed a certificate that we trust; of a client's, the name in it is not looked at. */
bool stream_tls_peer_is_verified(const struct stream *stream);
/* Of a server's certificate, in `closed` too; TLS_FAULT_NONE when it was not judged. */
enum tls_fault stream_tls_fault(const struct stream *stream);

const struct net_address *stream_remote(const struct stream *stream);
const struct net_address *stream_local(const struct stream *stream);

/* A listening socket. Port 0 takes a free one. The port is shared (SO_REUSEPORT): processes of one user may all listen on
 * it, and the kernel spreads the connections, so ingest grows on one host by starting more of it. The price: no "address in
 * use" for a second start by mistake, and what waits in the queue of a process that dies is reset (clients try again).
 * `accepted` owns fd. listener_close() may be called inside it. */
struct listener;
enum err listener_open(struct loop *loop, const struct net_address *address,
		       void (*accepted)(void *owner, int fd, const struct net_address *remote),
		       void *owner, struct listener **ret, struct why *why) MUST_USE;
void listener_close(struct listener **listener);
const struct net_address *listener_address(const struct listener *listener);
void listener_pause(struct listener *listener,
		    bool paused); /* also used by itself on EMFILE, for 100 ms */

#endif
