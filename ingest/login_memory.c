#include "ingest/login_memory.h"

#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/base/recents.h"

struct known_login {
	const struct credential *credential;
	struct credentials *table; /* of the credential; both may be NULL */
	int64_t until_ms;
};

struct login_memory {
	uint8_t key[KEYED_DIGEST_SIZE];
	struct recents *logins;
};

static void forget(void *entry)
{
	struct known_login *login = entry;
	credentials_unref(&login->table);
}

static const struct recents_type table_type = {
	.size = sizeof(struct known_login), .max = LOGIN_MEMORY_MAX, .done = forget};

static struct bytes key_of(const struct login_print *print)
{
	return bytes_from(print->digest, sizeof print->digest);
}

/* Each digest is the key of the next, so that nothing can move from one field to another. */
struct login_print login_memory_print(const struct login_memory *memory,
				      const struct login_proof *proof)
{
	uint8_t network[NET_NETWORK_SIZE];
	const struct bytes fields[] = {
		bytes_from(network, net_address_network(proof->client, network)),
		proof->name,
		bytes_of(proof->hash),
		proof->password,
	};
	struct login_print print;
	uint8_t key[KEYED_DIGEST_SIZE];
	memcpy(key, memory->key, sizeof key);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		keyed_digest(bytes_from(key, sizeof key), fields[i], print.digest);
		memcpy(key, print.digest, sizeof key);
	}
	return print;
}

bool login_memory_find(struct login_memory *memory, const struct login_print *print, int64_t now_ms,
		       const struct credential **ret_credential)
{
	const struct known_login *login = recents_find(memory->logins, key_of(print));
	if (!login || login->until_ms <= now_ms)
		return false;
	*ret_credential = login->credential;
	return true;
}

void login_memory_keep(struct login_memory *memory, const struct login_print *print,
		       const struct credential *credential, int64_t until_ms)
{
	struct known_login *login = recents_use(memory->logins, key_of(print));
	struct credentials *table = credential ? credentials_ref(credential->table) : NULL;
	credentials_unref(&login->table);
	*login = (struct known_login){credential, table, until_ms};
}

void login_memory_clear(struct login_memory *memory)
{
	recents_free(&memory->logins);
	memory->logins = recents_new(&table_type);
}

struct login_memory *login_memory_new(void)
{
	struct login_memory *memory = memory_new(sizeof *memory);
	random_bytes(memory->key, sizeof memory->key);
	memory->logins = recents_new(&table_type);
	return memory;
}

void login_memory_free(struct login_memory **memory)
{
	if (!*memory)
		return;
	recents_free(&(*memory)->logins);
	explicit_bzero((*memory)->key, sizeof(*memory)->key);
	free(*memory);
	*memory = NULL;
}
