/* TLS contexts (OpenSSL 3). One per policy, shared by many streams of one thread. TLS 1.2 at least. */
#ifndef LEVERET_LIB_NET_TLS_H
#define LEVERET_LIB_NET_TLS_H

#include <stdbool.h>

#include "lib/base/err.h"

struct tls_context;

struct tls_client_options {
	bool verify;	     /* chain and name; false: encrypt to anybody (opportunistic) */
	const char *ca_file; /* NULL or "": the system's store */
	const char *chain_file, *key_file; /* client certificate; NULL: none */
};
enum err tls_client_new(const struct tls_client_options *options, struct tls_context **ret,
			struct why *why) MUST_USE;
enum err tls_server_new(const char *chain_file, const char *key_file, struct tls_context **ret,
			struct why *why) MUST_USE;
void tls_context_free(struct tls_context **context);

#endif
