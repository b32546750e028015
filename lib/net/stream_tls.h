/* One TLS session over a non-blocking socket that it does not own: the part of a stream that knows OpenSSL. Used by
 * stream.c only. Reads and writes never block: OK with a count of 0 means "not now, try again when the socket is ready". */
#ifndef LEVERET_LIB_NET_STREAM_TLS_H
#define LEVERET_LIB_NET_STREAM_TLS_H

#include <stddef.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/net/tls.h"

struct tls_session;

/* As client of the peer, as server (whose peer has no name) when the context is one. */
struct tls_session *tls_session_new(const struct tls_context *context, int fd,
				    const struct tls_peer *peer);
void tls_session_free(struct tls_session **session);

/* Go on with the handshake. OK and false: it waits for the peer; E_TLS: it failed. */
enum err tls_session_handshake(struct tls_session *session, bool *ret_done,
			       struct why *why) MUST_USE;
/* E_CLOSED at the peer's end of the conversation, with or without its notice: no protocol here ends by end of file. */
enum err tls_session_read(struct tls_session *session, void *out, size_t size, size_t *ret_count,
			  struct why *why) MUST_USE;
enum err tls_session_write(struct tls_session *session, struct bytes b, size_t *ret_count,
			   struct why *why) MUST_USE;
void tls_session_send_end(struct tls_session *session); /* once, as far as the socket takes it */

bool tls_session_wants_write(
	const struct tls_session *session); /* the handshake waits for room in the socket */
bool tls_session_holds_input(
	const struct tls_session *session); /* decrypted bytes no poll will tell of */
/* Also after a write failed with E_IO: the peer's last words may be there. */
bool tls_session_may_read(const struct tls_session *session);
bool tls_session_peer_is_verified(const struct tls_session *session);
enum tls_fault tls_session_fault(const struct tls_session *session); /* of a server's certificate */
void tls_session_peer_text(const struct tls_session *session, char out[TLS_PEER_TEXT_SIZE]);
const char *tls_session_text(
	const struct tls_session *session); /* protocol and cipher; "" before the handshake */

#endif
