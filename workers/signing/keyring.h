/* The keys of `dkim:` in memory, and which of them sign a message. Looks at the files now and then: a changed one is read again, and one
 * that cannot be read leaves the key as it was. Lives on one loop; a key that was chosen may be used on other threads. */
#ifndef LEVERET_WORKERS_SIGNING_KEYRING_H
#define LEVERET_WORKERS_SIGNING_KEYRING_H

#include "lib/dkim/signature.h"
#include "lib/loop/loop.h"
#include "workers/signing/settings.h"

#define KEYRING_WISHES_MAX 8 /* signatures of one message; further ones are left out */

/* A private key from its file. Says in the log when others on this host could read it. */
enum err keyring_read_file(const char *path, struct signing_key **ret, struct why *why) MUST_USE;

struct keyring;
/* Borrows the settings. Fails when a key cannot be read. */
enum err keyring_open(struct loop *loop, const struct dkim_settings *settings, struct keyring **ret,
		      struct why *why) MUST_USE;
void keyring_free(struct keyring **keyring);  /* what was chosen stays good */
void keyring_reload(struct keyring *keyring); /* look at all files now */

struct held_key;
struct key_choice {
	struct dkim_wish wishes[KEYRING_WISHES_MAX];
	struct held_key *held[KEYRING_WISHES_MAX];
	size_t count;
};
/* The keys for a message by the domain of its From field, and those that sign everything. E_NOT_FOUND: nobody signs for this domain now.
 * E_MALFORMED: whose mail it is cannot be told. */
enum err keyring_choose(const struct keyring *keyring, struct bytes message, int64_t now_wall_ms,
			struct key_choice *ret, struct why *why) MUST_USE;
void key_choice_drop(struct key_choice *choice); /* on the loop */

struct seal_choice {
	struct dkim_wish wish;
	const char *authserv_id;
	struct held_key *held;
};
/* The key that seals mail of this pool. False: nobody does now. */
bool keyring_choose_seal(const struct keyring *keyring, const char *pool, int64_t now_wall_ms,
			 struct seal_choice *ret);
void seal_choice_drop(struct seal_choice *choice); /* on the loop; of zeroed ones too */

#endif
