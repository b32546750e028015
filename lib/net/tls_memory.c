/* What a client remembers of its TLS sessions, so that the next one with the same host costs no key exchange with a certificate. At most
 * so many, the one unused longest goes first; each is used once, which TLS 1.3 asks for (RFC 8446 C.4), and not after an hour, because
 * what is resumed is not verified again. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/recents.h"
#include "lib/net/tls_context.h"

#define SESSIONS_MAX 512
#define AGE_MAX_S    3600

struct kept {
	SSL_SESSION *session;
};

static int memory_index = -1, key_index = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void kept_done(void *entry)
{
	struct kept *kept = entry;
	SSL_SESSION_free(kept->session);
}

static void free_memory(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long argl,
			void *argp)
{
	(void)parent, (void)all, (void)index, (void)argl, (void)argp;
	struct recents *memory = data;
	recents_free(&memory);
}

static void make_indexes(void)
{
	memory_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_memory);
	key_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (memory_index < 0 || key_index < 0)
		abort();
}

/* OpenSSL's callback; the reference is ours when it returns 1. Of the tickets of one connection the last is kept. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	const char *key = SSL_get_ex_data(ssl, key_index);
	struct recents *memory = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), memory_index);
	if (!key || !SSL_SESSION_is_resumable(session))
		return 0;
	struct kept *kept = recents_use(memory, bytes_of(key));
	SSL_SESSION_free(kept->session);
	kept->session = session;
	return 1;
}

void tls_memory_add(SSL_CTX *ssl)
{
	static const struct recents_type type = {
		.size = sizeof(struct kept), .max = SESSIONS_MAX, .done = kept_done};
	(void)pthread_once(&once, make_indexes);
	if (SSL_CTX_set_ex_data(ssl, memory_index, recents_new(&type)) != 1)
		abort();
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT |
							  SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ssl, on_session);
}

void tls_memory_use(SSL *ssl, const char *key)
{
	struct recents *memory = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), memory_index);
	(void)SSL_set_ex_data(ssl, key_index, (void *)(uintptr_t)key);
	const struct kept *kept = recents_find(memory, bytes_of(key));
	if (!kept)
		return;
	if (time(NULL) - (time_t)SSL_SESSION_get_time(kept->session) < AGE_MAX_S)
		(void)SSL_set_session(ssl, kept->session);
	recents_drop(memory, bytes_of(key));
}
