/* Sessions counted for reports on TLS, until they are told to the bouncer. Bounded: where there are too many kinds, those of a domain and policy
 * type are counted together without hosts and addresses, and where there are still too many, not at all. Of one thread. */
#ifndef LEVERET_WORKERS_TLS_TALLIES_H
#define LEVERET_WORKERS_TLS_TALLIES_H

#include "workers/tls/account.h"

#define TLS_TALLY_OTHERS "others: too many kinds to tell apart" /* the reason of such a count */

struct tls_tallies;
struct tls_tallies *tls_tallies_new(size_t kinds_max);
void tls_tallies_free(struct tls_tallies **tallies); /* NULL allowed */

struct tls_session {
	uint32_t day; /* since 1970, UTC */
	enum tls_result result;
	const char *reason; /* "" : none */
	const struct net_address *sending_address,
		*receiving_address; /* NULL: none was connected to */
};
/* One session, or a host that could not be used before any (both addresses NULL). What was wrong with the policy already goes before a
 * success. False: there was no room. */
bool tls_tallies_count(struct tls_tallies *tallies, const struct tls_account *account,
		       const struct tls_session *session);

size_t tls_tallies_kinds(const struct tls_tallies *tallies);
/* Takes out at most `max` of them, into the arena. */
size_t tls_tallies_take(struct tls_tallies *tallies, struct arena *arena, size_t max,
			struct tls_tally **ret);

#endif
