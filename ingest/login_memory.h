/* Logins that were right a while ago, so that a client that connects for every message does not pay for the check each time. A login
 * is known by a keyed digest of all that it was judged by; nothing of that is kept. Bounded. Lives on one loop. */
#ifndef LEVERET_INGEST_LOGIN_MEMORY_H
#define LEVERET_INGEST_LOGIN_MEMORY_H

#include "ingest/credentials.h"
#include "lib/crypto/keyed_digest.h"
#include "lib/net/address.h"

#define LOGIN_MEMORY_MAX 10000

struct login_memory;
struct login_memory *login_memory_new(void);
void login_memory_free(struct login_memory **memory);

struct login_print {
	uint8_t digest[KEYED_DIGEST_SIZE];
};
struct login_proof {			  /* borrowed during the call */
	const struct net_address *client; /* its network: what one knows is no oracle for another */
	struct bytes name, password;
	const char *
		hash; /* it was checked against: a login whose hash was changed is not known; "" for none */
};
struct login_print login_memory_print(const struct login_memory *memory,
				      const struct login_proof *proof);
/* *ret_credential: what was kept with it. False: not known, or too old. */
bool login_memory_find(struct login_memory *memory, const struct login_print *print, int64_t now_ms,
		       const struct credential **ret_credential);
/* Takes a reference to the credential's table; NULL: the caller knows where to find it. */
void login_memory_keep(struct login_memory *memory, const struct login_print *print,
		       const struct credential *credential, int64_t until_ms);
void login_memory_clear(struct login_memory *memory);

#endif
