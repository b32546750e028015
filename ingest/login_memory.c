#include "ingest/login_memory.h"

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/base/recents.h"

struct known_login {
	const struct credential *credential;
	struct credentials *table; /* of the credential */
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

struct login_print login_memory_print(const struct login_memory *memory, struct bytes name,
				      struct bytes password)
{
	uint8_t of_name[KEYED_DIGEST_SIZE];
	struct login_print print;
	keyed_digest(bytes_from(memory->key, sizeof memory->key), name, of_name);
	keyed_digest(bytes_from(of_name, sizeof of_name), password, print.digest);
	return print;
}

const struct credential *login_memory_find(struct login_memory *memory,
					   const struct login_print *print, int64_t now_ms)
{
	const struct known_login *login = recents_find(memory->logins, key_of(print));
	return login && login->until_ms > now_ms ? login->credential : NULL;
}

void login_memory_keep(struct login_memory *memory, const struct login_print *print,
		       const struct credential *credential, int64_t now_ms)
{
	struct known_login *login = recents_use(memory->logins, key_of(print));
	struct credentials *table = credentials_ref(credential->table);
	credentials_unref(&login->table);
	*login = (struct known_login){credential, table, now_ms + LOGIN_MEMORY_MS};
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
