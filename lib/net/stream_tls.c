/* A TLS session on OpenSSL, reading and writing the socket itself: one record is one read and one write, and nothing but
 * the rest of a decrypted record ever waits inside (no read-ahead), so that the loop's poll stays the truth.
 * Failures carry OpenSSL's reason, or the certificate's. */
#include "lib/net/stream_tls.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/net/address.h"
#include "lib/net/tls_context.h"

struct tls_session {
	SSL *ssl;
	bool is_client, verify;
	bool is_judged; /* the server's certificate is looked at, even where the verdict changes nothing */
	char *resume_key; /* NULL: none */
	bool name_is_usable;
	bool is_secured;
	bool is_broken;	 /* OpenSSL forbids any further call */
	int write_errno; /* the socket takes no more; 0: it does */
	char text[64];
};

/* An IP literal is verified as one, and never sent as SNI (RFC 6066 section 3). */
static bool set_host_name(SSL *ssl, const char *host_name)
{
	struct net_address literal;
	bool is_name = !net_address_parse(host_name, 0, &literal);
	if (is_name && SSL_set_tlsext_host_name(ssl, host_name) != 1)
		return false;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host_name) == 1;
}

/* The name in a certificate that DNS names itself does not matter (RFC 7672 3.1.1). */
static bool set_records(SSL *ssl, const struct tls_peer *peer)
{
	if (SSL_dane_enable(ssl, peer->host_name) <= 0)
		return false;
	(void)SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	for (size_t i = 0; i < peer->record_count; i++) {
		const struct tlsa_record *record = &peer->records[i];
		if (SSL_dane_tlsa_add(ssl, record->usage, record->selector, record->matching,
				      record->data, record->len) <= 0)
			return false;
	}
	return peer->record_count > 0;
}

static bool set_peer(struct tls_session *session, const struct tls_peer *peer)
{
	SSL *ssl = session->ssl;
	if (peer->trust == TLS_TRUST_DANE) {
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
		if (!set_records(ssl, peer))
			return false;
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	} else if (!set_host_name(ssl, peer->host_name)) {
		return false;
	}
	if (peer->trust == TLS_TRUST_OBSERVED)
		SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	for (size_t i = 0; i < peer->name_count; i++)
		if (SSL_add1_host(ssl, peer->names[i]) != 1)
			return false;
	return true;
}

/* OpenSSL forbids to read after the socket refused a write, but what the peer said last may still be there to read. So to OpenSSL the socket
 * only blocks, once the handshake is done (which looks at failures itself), and who writes is told. */
static long hide_write_failure(BIO *bio, int operation, const char *data, size_t len, int argument,
			       long long_argument, int result, size_t *processed)
{
	struct tls_session *session = (struct tls_session *)BIO_get_callback_arg(bio);
	(void)data, (void)len, (void)argument, (void)long_argument, (void)processed;
	if (!session->is_secured || operation != (BIO_CB_WRITE | BIO_CB_RETURN) || result > 0 ||
	    BIO_should_retry(bio))
		return result;
	session->write_errno = errno ? errno : EIO;
	BIO_set_retry_write(bio);
	return result;
}

static void open_socket(struct tls_session *session, int fd)
{
	if (SSL_set_fd(session->ssl, fd) != 1)
		abort();
	BIO *bio = SSL_get_wbio(session->ssl);
	BIO_set_callback_arg(bio, (char *)session);
	BIO_set_callback_ex(bio, hide_write_failure);
}

struct tls_session *tls_session_new(const struct tls_context *context, int fd,
				    const struct tls_peer *peer)
{
	assert(context->is_client == (peer->host_name != NULL));
	struct tls_session *session = memory_new(sizeof *session);
	session->is_client = context->is_client;
	session->is_judged = context->verify || peer->trust == TLS_TRUST_DANE;
	session->verify = session->is_judged && peer->trust != TLS_TRUST_OBSERVED;
	session->ssl = SSL_new(context->ssl);
	if (!session->ssl)
		abort();
	open_socket(session, fd);
	session->name_is_usable = true;
	if (session->is_client) {
		session->name_is_usable = set_peer(session, peer);
		ERR_clear_error();
		if (peer->resume_key) {
			session->resume_key = memory_text(peer->resume_key);
			tls_memory_use(session->ssl, session->resume_key);
		}
		SSL_set_connect_state(session->ssl);
	} else {
		SSL_set_accept_state(session->ssl);
	}
	return session;
}

void tls_session_free(struct tls_session **session)
{
	if (!*session)
		return;
	SSL_free((*session)->ssl);
	free((*session)->resume_key);
	free(*session);
	*session = NULL;
}

/* What a failed call means. OK: nothing failed, it would block. */
static enum err judge(struct tls_session *session, int result, struct why *why)
{
	int system_error = errno;
	int ssl_error = SSL_get_error(session->ssl, result);
	if (ssl_error == SSL_ERROR_WANT_READ || ssl_error == SSL_ERROR_WANT_WRITE)
		return OK;
	if (ssl_error == SSL_ERROR_ZERO_RETURN)
		return fail(why, E_CLOSED, "closed by the peer");
	session->is_broken = true;
	if (ssl_error == SSL_ERROR_SYSCALL && system_error != 0)
		return fail(why, E_IO, "%s", strerror(system_error));
	if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		ERR_clear_error();
		return fail(why, E_CLOSED, "closed by the peer without notice");
	}
	return fail(why, E_TLS, "%s", tls_reason());
}

static enum err fail_to_write(const struct tls_session *session, struct why *why)
{
	return fail(why, E_IO, "%s", strerror(session->write_errno));
}

static void begin(void)
{
	ERR_clear_error(); /* an old entry would be taken for this call's failure */
	errno = 0;
}

enum err tls_session_handshake(struct tls_session *session, bool *ret_done, struct why *why)
{
	if (!session->name_is_usable)
		return fail(why, E_TLS, "TLS handshake: unusable host name");
	begin();
	int result = SSL_do_handshake(session->ssl);
	if (result != 1) {
		struct why detail = {""};
		if (judge(session, result, &detail) == OK) {
			*ret_done = false;
			return OK;
		}
		long verdict = SSL_get_verify_result(session->ssl);
		bool is_judged = session->verify || !session->is_client;
		if (is_judged && verdict != X509_V_OK)
			return fail(why, E_TLS, "TLS certificate: %s",
				    X509_verify_cert_error_string(verdict));
		return fail(why, E_TLS, "TLS handshake: %s", detail.text);
	}
	session->is_secured = true;
	(void)snprintf(session->text, sizeof session->text, "%s %s", SSL_get_version(session->ssl),
		       SSL_get_cipher_name(session->ssl));
	*ret_done = true;
	return OK;
}

enum err tls_session_read(struct tls_session *session, void *out, size_t size, size_t *ret_count,
			  struct why *why)
{
	begin();
	size_t count = 0;
	int result = SSL_read_ex(session->ssl, out, size, &count);
	enum err err = result == 1 ? OK : judge(session, result, why);
	if (err == OK)
		*ret_count = count;
	return err;
}

enum err tls_session_write(struct tls_session *session, struct bytes b, size_t *ret_count,
			   struct why *why)
{
	begin();
	size_t count = 0;
	int result = SSL_write_ex(session->ssl, b.data, b.len, &count);
	if (session->write_errno != 0)
		return fail_to_write(session, why);
	enum err err = result == 1 ? OK : judge(session, result, why);
	if (err == OK)
		*ret_count = count;
	return err;
}

void tls_session_send_end(struct tls_session *session)
{
	if (!session->is_secured || session->is_broken || session->write_errno != 0)
		return;
	begin();
	(void)SSL_shutdown(session->ssl);
	ERR_clear_error();
}

bool tls_session_wants_write(const struct tls_session *session)
{
	return session->write_errno == 0 && SSL_want_write(session->ssl);
}

bool tls_session_holds_input(const struct tls_session *session)
{
	return SSL_pending(session->ssl) > 0;
}

bool tls_session_may_read(const struct tls_session *session)
{
	return session->is_secured && !session->is_broken;
}

bool tls_session_peer_is_verified(const struct tls_session *session)
{
	if (!session->is_secured)
		return false;
	if (session->is_client)
		return session->is_judged && SSL_get_verify_result(session->ssl) == X509_V_OK;
	return SSL_get0_peer_certificate(session->ssl) &&
	       SSL_get_verify_result(session->ssl) == X509_V_OK;
}

enum tls_fault tls_session_fault(const struct tls_session *session)
{
	if (!session->is_client || !session->is_judged)
		return TLS_FAULT_NONE;
	switch (SSL_get_verify_result(session->ssl)) {
	case X509_V_OK:
		return TLS_FAULT_NONE;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return TLS_FAULT_NAME;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_FAULT_EXPIRED;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return TLS_FAULT_UNTRUSTED;
	default:
		return TLS_FAULT_OTHER;
	}
}

const char *tls_session_text(const struct tls_session *session)
{
	return session->text;
}

/* The common name; certificates without one have their names elsewhere. */
static void put_name(const X509_NAME *name, char out[100])
{
	if (X509_NAME_get_text_by_NID(name, NID_commonName, out, 100) < 0)
		(void)snprintf(out, 100, "-");
}

void tls_session_peer_text(const struct tls_session *session, char out[TLS_PEER_TEXT_SIZE])
{
	const X509 *certificate =
		session->is_secured ? SSL_get0_peer_certificate(session->ssl) : NULL;
	char subject[100], issuer[100];
	struct tm until = {0};
	out[0] = '\0';
	if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until) != 1)
		return;
	put_name(X509_get_subject_name(certificate), subject);
	put_name(X509_get_issuer_name(certificate), issuer);
	(void)snprintf(out, TLS_PEER_TEXT_SIZE, "%s by %s until %04d-%02d-%02d", subject, issuer,
		       until.tm_year + 1900, until.tm_mon + 1, until.tm_mday);
}
