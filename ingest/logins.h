/* Logins at any door: the credential file, kept current, with passwords checked on a thread; or somebody else who is asked
 * (ingest/login_backend.h); guessing slowed down. Lives on one loop.
 *
 * A right login is remembered for some minutes (ingest/login_memory.h), and then waits for nobody. Of a changed file (looked at once a
 * minute, and by logins_reload()) all counts at once: who has gone, or has another password, is not remembered. One with a fault changes
 * nothing but the log, and is tried again at each look. What somebody else said is remembered for `credentials_remember`, or until
 * logins_reload(). */
#ifndef LEVERET_INGEST_LOGINS_H
#define LEVERET_INGEST_LOGINS_H

#include "ingest/credentials.h"
#include "ingest/ingest.h"
#include "lib/loop/loop.h"
#include "lib/net/address.h"

struct logins_options {
	struct loop *loop;
	const struct ingest_settings *settings; /* borrowed; they name a file, or somebody to ask */
};

struct logins;
enum err logins_open(const struct logins_options *options, struct logins **ret,
		     struct why *why) MUST_USE;
void logins_free(struct logins **logins);
void logins_reload(struct logins *logins);

enum login_verdict {
	LOGIN_RIGHT,
	LOGIN_WRONG,   /* told after a delay that grows with each failure of the address */
	LOGIN_BUSY,    /* too many at once */
	LOGIN_AWAY,    /* nobody can tell now */
	LOGIN_BLOCKED, /* too many failures of this address */
};

struct login;
/* `credential` is NULL unless right; to keep it, take a reference to its table. */
typedef void (*login_done)(void *owner, enum login_verdict verdict,
			   const struct credential *credential);
struct login_request { /* borrowed during the call */
	const struct net_address *client;
	const char *listener;
	struct bytes name, password;
};
/* `done` comes once, always later, from the loop. */
struct login *login_start(struct logins *logins, const struct login_request *request,
			  login_done done, void *owner);
void login_forget(struct login **login); /* it goes on, without `done` */

#endif
