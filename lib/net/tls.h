/* TLS contexts (OpenSSL 3). One per policy, shared by many streams of one thread. TLS 1.2 at least.
 * A context may be freed while streams use it: they keep what they need. */
#ifndef LEVERET_LIB_NET_TLS_H
#define LEVERET_LIB_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

struct tls_context;

struct tls_client_options {
	bool verify;	     /* chain and name; false: encrypt to anybody (opportunistic) */
	const char *ca_file; /* NULL or "": the system's store */
	const char *chain_file, *key_file; /* client certificate; NULL: none */
};
enum err tls_client_new(const struct tls_client_options *options, struct tls_context **ret,
			struct why *why) MUST_USE;

struct tls_certificate {
	const char *chain_file, *key_file; /* PEM; the chain begins with our own */
};
struct tls_server_options {
	/* The first is shown to clients that ask for no name, or for one that no certificate has. */
	const struct tls_certificate *certificates;
	size_t certificate_count;
	const char *session_name; /* sessions are resumed only where this is the same; NULL: "" */
	const char *
		client_ca_file; /* who signs clients' certificates; NULL or "": none is asked for */
	bool requires_client_certificate;
};
/* Reads the files, so that a context holds what they were then. */
enum err tls_server_new(const struct tls_server_options *options, struct tls_context **ret,
			struct why *why) MUST_USE;
void tls_context_free(struct tls_context **context);

#endif
