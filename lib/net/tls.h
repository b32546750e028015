/* TLS contexts (OpenSSL 3). One per policy, shared by many streams of one thread. TLS 1.2 at least.
 * A context may be freed while streams use it: they keep what they need. */
#ifndef LEVERET_LIB_NET_TLS_H
#define LEVERET_LIB_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/net/tlsa.h"

struct tls_context;
#define TLS_PEER_TEXT_SIZE 300 /* who a certificate says that its owner is */

struct tls_client_options {
	bool verify;	     /* chain and name; false: encrypt to anybody (opportunistic) */
	const char *ca_file; /* NULL or "": the system's store */
	const char *chain_file, *key_file; /* client certificate; NULL: none */
};
enum err tls_client_new(const struct tls_client_options *options, struct tls_context **ret,
			struct why *why) MUST_USE;

/* Who may be at the other end. */
enum tls_trust {
	TLS_TRUST_CONTEXT,  /* as the context has it: `verify`, or anybody */
	TLS_TRUST_DANE,	    /* whom the TLSA records name, and nobody else (RFC 7671, 7672) */
	TLS_TRUST_OBSERVED, /* anybody, but the context's verification is done: stream_tls_fault() */
};
/* What a client demands of one server; read during the call that it is given to. */
struct tls_peer {
	const char
		*host_name; /* SNI, and a name that will do; DANE: the base domain of the records */
	enum tls_trust trust;
	const char *const *names; /* others that will do, of certificates below a DANE-TA */
	size_t name_count;
	const struct tlsa_record *records; /* of DANE; all usable */
	size_t record_count;
	/* Sessions are resumed where this is the same: all that was demanded must be in it, for certificates are not looked at again.
	 * NULL: never. */
	const char *resume_key;
};

/* Why a certificate would not do. */
enum tls_fault {
	TLS_FAULT_NONE,
	TLS_FAULT_NAME,
	TLS_FAULT_EXPIRED, /* or not good yet */
	TLS_FAULT_UNTRUSTED,
	TLS_FAULT_OTHER, /* of DANE: none of the records names it */
};

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
