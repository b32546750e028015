/* How many logins of each client address failed lately, so that guessing stays slow. An IPv6 client is its /64. Bounded: when it is
 * full, the oldest entry goes. Pure, but for memory. */
#ifndef LEVERET_INGEST_LOGIN_GUARD_H
#define LEVERET_INGEST_LOGIN_GUARD_H

#include "lib/net/address.h"

#define LOGIN_GUARD_WINDOW_MS                                                                      \
	(10 * 60 * 1000) /* after so long without a failure all is forgotten */
#define LOGIN_GUARD_ENTRIES 10000
#define LOGIN_GUARD_AT_ONCE 8 /* checks under way for one address */

struct login_guard;
struct login_guard *login_guard_new(void);
void login_guard_free(struct login_guard **guard);
/* Different wrong guesses, until a pause as long as the window. */
unsigned login_guard_failures(struct login_guard *guard, const struct net_address *address,
			      int64_t now_ms);
/* One check begins; false, and nothing is counted, when too many are under way. Each ends by login_guard_leave(). */
bool login_guard_enter(struct login_guard *guard, const struct net_address *address,
		       int64_t now_ms);
/* Ends a check. `wrong_guess` tells failed logins apart, NULL: it did not fail. The same one again is a program with an old
 * password and counts no more; a login that worked excuses nothing, since who guesses may have an account of his own. */
void login_guard_leave(struct login_guard *guard, const struct net_address *address, int64_t now_ms,
		       const uint64_t *wrong_guess);
/* How long to wait before a client is told of its count-th failure: 1 s, 2 s, 4 s, 8 s at the most. */
int64_t login_guard_delay_ms(unsigned count);

#endif
