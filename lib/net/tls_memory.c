/* What a client remembers of its TLS sessions, so that the next one with the same host costs no key exchange with a certificate. At most
 * so many, the oldest go first; each is used once, which TLS 1.3 asks for (RFC 8446 C.4), and not after an hour, because what is
 * resumed is not verified again. */
#include <pthread.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/net/tls_context.h"

#define SESSIONS_MAX 512
#define BUCKETS	     256
#define AGE_MAX_S    3600

struct kept {
	char *key;
	uint64_t hash;
	SSL_SESSION *session;
	LIST_ENTRY(kept) link;
	TAILQ_ENTRY(kept) age_link;
};

struct memory {
	uint64_t seed; /* host names are chosen by strangers */
	size_t count;
	LIST_HEAD(, kept) buckets[BUCKETS];
	TAILQ_HEAD(, kept) by_age; /* the oldest first */
};

static int memory_index = -1, key_index = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forget(struct memory *memory, struct kept *kept)
{
	LIST_REMOVE(kept, link);
	TAILQ_REMOVE(&memory->by_age, kept, age_link);
	memory->count--;
	SSL_SESSION_free(kept->session);
	free(kept->key);
	free(kept);
}

static void free_memory(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long argl,
			void *argp)
{
	(void)parent, (void)all, (void)index, (void)argl, (void)argp;
	struct memory *memory = data;
	while (memory && !TAILQ_EMPTY(&memory->by_age))
		forget(memory, TAILQ_FIRST(&memory->by_age));
	free(memory);
}

static void make_indexes(void)
{
	memory_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_memory);
	key_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (memory_index < 0 || key_index < 0)
		abort();
}

static struct kept *find(const struct memory *memory, const char *key)
{
	uint64_t hash = hash_bytes(memory->seed, bytes_of(key));
	struct kept *kept;
	LIST_FOREACH(kept, &memory->buckets[(hash >> 32) % BUCKETS], link)
	{
		if (kept->hash == hash && strcmp(kept->key, key) == 0)
			return kept;
	}
	return NULL;
}

/* OpenSSL's callback; the reference is ours when it returns 1. Of the tickets of one connection the last is kept. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	const char *key = SSL_get_ex_data(ssl, key_index);
	struct memory *memory = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), memory_index);
	if (!key || !memory || !SSL_SESSION_is_resumable(session))
		return 0;
	struct kept *kept = find(memory, key);
	if (kept)
		forget(memory, kept);
	if (memory->count >= SESSIONS_MAX)
		forget(memory, TAILQ_FIRST(&memory->by_age));
	kept = memory_new(sizeof *kept);
	kept->key = memory_text(key);
	kept->hash = hash_bytes(memory->seed, bytes_of(key));
	kept->session = session;
	LIST_INSERT_HEAD(&memory->buckets[(kept->hash >> 32) % BUCKETS], kept, link);
	TAILQ_INSERT_TAIL(&memory->by_age, kept, age_link);
	memory->count++;
	return 1;
}

void tls_memory_add(SSL_CTX *ssl)
{
	(void)pthread_once(&once, make_indexes);
	struct memory *memory = memory_new(sizeof *memory);
	memory->seed = random_u64();
	for (size_t i = 0; i < BUCKETS; i++)
		LIST_INIT(&memory->buckets[i]);
	TAILQ_INIT(&memory->by_age);
	if (SSL_CTX_set_ex_data(ssl, memory_index, memory) != 1)
		abort();
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT |
							  SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ssl, on_session);
}

void tls_memory_use(SSL *ssl, const char *key)
{
	struct memory *memory = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), memory_index);
	(void)SSL_set_ex_data(ssl, key_index, (void *)(uintptr_t)key);
	struct kept *kept = find(memory, key);
	if (!kept)
		return;
	if (time(NULL) - (time_t)SSL_SESSION_get_time(kept->session) < AGE_MAX_S)
		(void)SSL_set_session(ssl, kept->session);
	forget(memory, kept);
}
