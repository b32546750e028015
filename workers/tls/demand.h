/* What is demanded of one session's TLS: shared by the list of endpoints that it was made for and the sessions that were opened by it.
 * Counted, and never changed. Of one thread. */
#ifndef LEVERET_WORKERS_TLS_DEMAND_H
#define LEVERET_WORKERS_TLS_DEMAND_H

#include "lib/net/tlsa.h"

#include <stdbool.h>

/* As site.def's `tls` counts them. */
enum smtp_tls { SMTP_TLS_NONE, SMTP_TLS_OPPORTUNISTIC, SMTP_TLS_REQUIRED, SMTP_TLS_VERIFIED };

/* Who demands it. */
enum tls_authority { TLS_BY_SETTINGS, TLS_BY_DANE, TLS_BY_STS };

struct tls_demand {
	enum smtp_tls level;
	enum tls_authority authority;
	bool is_observed;      /* the certificate is judged, and nothing follows but a report */
	const char *host_name; /* SNI, and the certificate's name; of DANE the base domain */
	const char *domain;    /* another name that will do below a DANE-TA; NULL: none */
	const struct tlsa_record *records; /* count 0: certificates end in `workers.tls_ca` */
	size_t record_count;
	/* Equal where all of the above is: part of the key by which sessions are reused and resumed. */
	const char *key;
	unsigned references; /* private */
};

/* Copies all but `key`, which it makes. One reference, the caller's. */
struct tls_demand *tls_demand_new(const struct tls_demand *like);
struct tls_demand *tls_demand_ref(struct tls_demand *demand); /* NULL allowed */
void tls_demand_unref(struct tls_demand **demand);	      /* NULL allowed, leaves NULL */

/* "dane", "mta-sts", "verified", or "none": how a session that met the demand is authenticated. */
const char *tls_demand_authentication(const struct tls_demand *demand);

#endif
