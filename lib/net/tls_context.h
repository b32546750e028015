/* What is inside a tls_context: for tls.c and tls_server.c, which make it, tls_memory.c, stream_tls.c, which makes sessions of it, and
 * nobody else. */
#ifndef LEVERET_LIB_NET_TLS_CONTEXT_H
#define LEVERET_LIB_NET_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "lib/base/err.h"

struct tls_context {
	SSL_CTX *ssl;
	bool is_client;
	bool verify; /* clients: no handshake without a chain and a name that hold */
};

/* The reason of the last OpenSSL failure of this thread, and empty its error queue. Borrowed until the next call. */
const char *tls_reason(void);

struct tls_context *tls_context_new(const SSL_METHOD *method, bool is_client);
/* ---- tls_memory.c: sessions to be resumed, by a client context. They live and die with its SSL_CTX. ---- */

void tls_memory_add(SSL_CTX *ssl); /* to a new context */
/* Begins with a session that was kept under the key, if there is one, and keeps those that come. The key is borrowed for as long as
 * `ssl` lives. */
void tls_memory_use(SSL *ssl, const char *key);

enum err tls_load_certificate(SSL_CTX *ssl, const char *chain_file, const char *key_file,
			      struct why *why) MUST_USE;

#endif
