/* TLS as a server: one SSL_CTX per certificate. Sessions begin with the first; when the client names a host (SNI) that another
 * certificate has, they go on with that one. The list of the others belongs to the first SSL_CTX and dies with it, which is
 * when its last session has ended. */
#include <assert.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "lib/base/bytes.h"
#include "lib/base/memory.h"
#include "lib/net/tls.h"
#include "lib/net/tls_context.h"

/* Forward secrecy and authenticated encryption only. Clients without them (before 2014) would need CBC, whose padding has been
 * broken again and again. TLS 1.3 has nothing else anyway. */
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

struct alternatives {
	size_t count;
	SSL_CTX *contexts[];
};

static int alternatives_index = -1;
static pthread_once_t alternatives_once = PTHREAD_ONCE_INIT;

static void free_alternatives(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long argl,
			      void *argp)
{
	(void)parent, (void)all, (void)index, (void)argl, (void)argp;
	struct alternatives *alternatives = data;
	for (size_t i = 0; alternatives && i < alternatives->count; i++)
		SSL_CTX_free(alternatives->contexts[i]);
	free(alternatives);
}

static void make_index(void)
{
	alternatives_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_alternatives);
	if (alternatives_index < 0)
		abort();
}

static bool has_name(const SSL_CTX *ssl, const char *name)
{
	X509 *certificate = SSL_CTX_get0_certificate(ssl);
	return certificate && X509_check_host(certificate, name, 0, 0, NULL) == 1;
}

/* A name that nobody has is no error: mail clients are often told another one than the certificate's, and may not care. */
static int choose_certificate(SSL *session, int *alert, void *owner)
{
	(void)alert, (void)owner;
	const char *name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *first = SSL_get_SSL_CTX(session);
	const struct alternatives *others = SSL_CTX_get_ex_data(first, alternatives_index);
	if (!name || !others || has_name(first, name))
		return SSL_TLSEXT_ERR_OK;
	for (size_t i = 0; i < others->count; i++)
		if (has_name(others->contexts[i], name)) {
			(void)SSL_set_SSL_CTX(session, others->contexts[i]);
			break;
		}
	return SSL_TLSEXT_ERR_OK;
}

static enum err ask_for_client_certificates(SSL_CTX *ssl, const struct tls_server_options *options,
					    struct why *why)
{
	const char *ca_file = options->client_ca_file;
	if (!ca_file || !*ca_file)
		return OK;
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca_file);
	if (!names || SSL_CTX_load_verify_file(ssl, ca_file) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return fail(why, E_TLS, "CA file %s: %s", ca_file, tls_reason());
	}
	SSL_CTX_set_client_CA_list(ssl, names);
	int must = options->requires_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | must, NULL);
	return OK;
}

static void set_session_name(SSL_CTX *ssl, const char *name)
{
	struct bytes id = bytes_first(bytes_of(name ? name : ""), SSL_MAX_SID_CTX_LENGTH);
	(void)SSL_CTX_set_session_id_context(ssl, id.data, (unsigned)id.len);
}

static enum err context_of(const struct tls_server_options *options, size_t index,
			   struct tls_context **ret, struct why *why)
{
	const struct tls_certificate *certificate = &options->certificates[index];
	struct tls_context *context = tls_context_new(TLS_server_method(), false);
	(void)SSL_CTX_set_cipher_list(context->ssl, CIPHERS_1_2);
	(void)SSL_CTX_set_options(context->ssl,
				  SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	set_session_name(context->ssl, options->session_name);
	enum err err = tls_load_certificate(context->ssl, certificate->chain_file,
					    certificate->key_file, why);
	if (err == OK)
		err = ask_for_client_certificates(context->ssl, options, why);
	if (err != OK)
		tls_context_free(&context);
	*ret = context;
	return err;
}

/* The others of the first context. What fails leaves those before it to be freed with it. */
static enum err add_alternatives(const struct tls_server_options *options,
				 struct tls_context *first, struct why *why)
{
	size_t count = options->certificate_count - 1;
	struct alternatives *others = memory_new(sizeof *others + count * sizeof(SSL_CTX *));
	if (SSL_CTX_set_ex_data(first->ssl, alternatives_index, others) != 1)
		abort();
	for (size_t i = 0; i < count; i++) {
		struct tls_context *context = NULL;
		enum err err = context_of(options, i + 1, &context, why);
		if (err != OK)
			return err;
		(void)SSL_CTX_up_ref(context->ssl);
		others->contexts[others->count++] = context->ssl;
		tls_context_free(&context);
	}
	(void)SSL_CTX_set_tlsext_servername_callback(first->ssl, choose_certificate);
	return OK;
}

enum err tls_server_new(const struct tls_server_options *options, struct tls_context **ret,
			struct why *why)
{
	struct tls_context *context = NULL;
	assert(options->certificate_count > 0);
	(void)pthread_once(&alternatives_once, make_index);
	enum err err = context_of(options, 0, &context, why);
	if (err == OK)
		err = add_alternatives(options, context, why);
	if (err == OK)
		*ret = context;
	else
		tls_context_free(&context);
	return err;
}
