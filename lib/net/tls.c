/* TLS contexts: what every session of one policy shares. Owns an SSL_CTX; fails with the file and OpenSSL's reason.
 *
 * Idle sessions give their record buffers back, resumption is by tickets only (no server's session table grows here), and
 * renegotiation is off: it is gone in TLS 1.3 and has only ever been a way to harm a server. */
#include "lib/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "lib/base/memory.h"
#include "lib/net/tls_context.h"

const char *tls_reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
	ERR_clear_error();
	return reason ? reason : "unknown reason";
}

struct tls_context *tls_context_new(const SSL_METHOD *method, bool is_client)
{
	struct tls_context *context = memory_new(sizeof *context);
	context->is_client = is_client;
	context->ssl = SSL_CTX_new(method);
	if (!context->ssl)
		abort();
	(void)SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
	(void)SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION);
	(void)SSL_CTX_set_mode(context->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
						     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
						     SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
	return context;
}

enum err tls_load_certificate(SSL_CTX *ssl, const char *chain_file, const char *key_file,
			      struct why *why)
{
	if (SSL_CTX_use_certificate_chain_file(ssl, chain_file) != 1)
		return fail(why, E_TLS, "certificate %s: %s", chain_file, tls_reason());
	if (SSL_CTX_use_PrivateKey_file(ssl, key_file, SSL_FILETYPE_PEM) != 1)
		return fail(why, E_TLS, "key %s: %s", key_file, tls_reason());
	if (SSL_CTX_check_private_key(ssl) != 1)
		return fail(why, E_TLS, "key %s is not that of %s: %s", key_file, chain_file,
			    tls_reason());
	return OK;
}

static enum err load_trust(struct tls_context *context, const char *ca_file, struct why *why)
{
	if (!context->verify) {
		/* Whoever would fall back to clear text gains by weak keys (1024-bit RSA, SHA-1) too. */
		SSL_CTX_set_verify(context->ssl, SSL_VERIFY_NONE, NULL);
		SSL_CTX_set_security_level(context->ssl, 1);
		return OK;
	}
	SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
	if (ca_file && *ca_file) {
		if (SSL_CTX_load_verify_file(context->ssl, ca_file) != 1)
			return fail(why, E_TLS, "CA file %s: %s", ca_file, tls_reason());
	} else if (SSL_CTX_set_default_verify_paths(context->ssl) != 1) {
		return fail(why, E_TLS, "the system's CA store: %s", tls_reason());
	}
	return OK;
}

enum err tls_client_new(const struct tls_client_options *options, struct tls_context **ret,
			struct why *why)
{
	struct tls_context *context = tls_context_new(TLS_client_method(), true);
	context->verify = options->verify;
	tls_memory_add(context->ssl);
	if (SSL_CTX_dane_enable(context->ssl) != 1)
		abort();
	enum err err = load_trust(context, options->ca_file, why);
	if (err == OK && options->chain_file && *options->chain_file)
		err = tls_load_certificate(context->ssl, options->chain_file, options->key_file,
					   why);
	if (err != OK) {
		tls_context_free(&context);
		return err;
	}
	*ret = context;
	return OK;
}

void tls_context_free(struct tls_context **context)
{
	if (!*context)
		return;
	SSL_CTX_free((*context)->ssl); /* sessions hold their own reference */
	free(*context);
	*context = NULL;
}
