/* What is inside a tls_context: for stream_tls.c, which makes sessions of it, and nobody else. */
#ifndef LEVERET_LIB_NET_TLS_CONTEXT_H
#define LEVERET_LIB_NET_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls_context {
	SSL_CTX *ssl;
	bool is_client;
	bool verify; /* clients: no handshake without a chain and a name that hold */
};

/* The reason of the last OpenSSL failure of this thread, and empty its error queue. Borrowed until the next call. */
const char *tls_reason(void);

#endif
