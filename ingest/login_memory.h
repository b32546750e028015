/* Logins that were right a while ago, so that a client that connects for every message does not pay for the check each time. A login
 * is known by a keyed digest of name and password; neither is kept. Bounded. Lives on one loop. */
#ifndef LEVERET_INGEST_LOGIN_MEMORY_H
#define LEVERET_INGEST_LOGIN_MEMORY_H

#include "ingest/credentials.h"
#include "lib/crypto/keyed_digest.h"

#define LOGIN_MEMORY_MAX 10000
#define LOGIN_MEMORY_MS	 (5 * 60 * 1000)

struct login_memory;
struct login_memory *login_memory_new(void);
void login_memory_free(struct login_memory **memory);

struct login_print {
	uint8_t digest[KEYED_DIGEST_SIZE];
};
struct login_print login_memory_print(const struct login_memory *memory, struct bytes name,
				      struct bytes password);
const struct credential *login_memory_find(struct login_memory *memory,
					   const struct login_print *print,
					   int64_t now_ms); /* NULL: not known, or too old */
/* Takes a reference to the credential's table. */
void login_memory_keep(struct login_memory *memory, const struct login_print *print,
		       const struct credential *credential, int64_t now_ms);
void login_memory_clear(struct login_memory *memory);

#endif
