/* What is demanded of a session with one MX host, from the settings, from DANE and from MTA-STS. Pure.
 *
 *   settings   TLSA records            MTA-STS policy             demand
 *   none       (not asked for)         (not asked for)            no TLS
 *   others     look-up failed, bogus   -                          the host is left out (RFC 7672 2.1.1)
 *              usable                  -                          TLS, whom the records name (RFC 7672 2.2)
 *              only unusable           none                       TLS, as the settings say, at least `required`
 *              any but usable          enforce, host not named    the host is left out (RFC 8461 5)
 *              any but usable          enforce, host named        TLS, verified
 *              any but usable          testing                    as the settings say; what enforce would find is told
 *              none, or not proven     none                       as the settings say
 *
 * DANE goes before MTA-STS (RFC 8461 2): what DNSSEC proves needs no other authority, and no other may replace it. What is left out is
 * no reason to bounce: other hosts are tried, and then it is tried again later. */
#ifndef LEVERET_WORKERS_TLS_POLICY_H
#define LEVERET_WORKERS_TLS_POLICY_H

#include "lib/mail/reply.h"
#include "lib/net/resolver.h"
#include "workers/tls/demand.h"
#include "workers/tls/settings.h"
#include "workers/tls/sts_policy.h"

/* What the settings want for a domain. */
struct tls_wish {
	enum smtp_tls level;
	bool dane, mta_sts;
};
/* By the first entry of `tls_domains` that matches, else by its site. NULL: none; domain "": by the site alone. */
struct tls_wish tls_wish_of(const struct conf_items *tls_domains, const struct site_settings *site,
			    const char *domain);

enum tlsa_outcome {
	TLSA_ABSENT, /* there are none, or nothing proves them */
	TLSA_FAILED, /* nobody can tell: SERVFAIL, no answer, bogus */
	TLSA_FOUND,  /* and proven */
};
struct tlsa_finding {
	enum tlsa_outcome outcome;
	char base[256]; /* the base domain (RFC 7672 2.2.3); of a failure too */
	size_t count;
	struct tlsa_record *records;
};

struct tls_case {
	struct tls_wish wish;
	const char *domain; /* of the recipients; NULL when a route names the host */
	const char *host;
	const struct tlsa_finding *tlsa; /* NULL: not asked for */
	const struct sts_policy *sts;	 /* NULL: none */
};
enum tls_refusal { TLS_REFUSED_NOT, TLS_REFUSED_TLSA, TLS_REFUSED_STS };
struct tls_ruling {
	struct tls_demand *demand; /* the caller's; NULL: the host is left out */
	enum tls_refusal refusal;  /* why */
	struct enhanced_code enhanced;
	char text[400];
};
void tls_policy_rule(const struct tls_case *c, struct tls_ruling *ret);

/* Which names may have TLSA records, by the answer for the host's addresses (RFC 7672 2.2.2). */
struct tlsa_candidates {
	bool asks_for_alias; /* whether `host` is an alias that is proven decides: if so, it is the one candidate */
	size_t count; /* in order; the first that has records is the base domain */
	char names[2][256];
};
/* is_proven: the answer that named the host was secure; without MX records, that there are none. */
void tlsa_candidates_of(const char *host, bool is_proven, const struct address_answer *addresses,
			struct tlsa_candidates *ret);

#endif
