/* DNS look-ups on the loop, by libunbound (its event interface, no thread), which validates them (DNSSEC) where it has a trust
 * anchor. Answers are cached there. One per loop.
 * A look-up calls back exactly once unless it is cancelled, never from inside the call that starts it. */
#ifndef LEVERET_LIB_NET_RESOLVER_H
#define LEVERET_LIB_NET_RESOLVER_H

#include <stddef.h>

#include "lib/loop/loop.h"
#include "lib/net/address.h"
#include "lib/net/tlsa.h"

struct resolver;
struct lookup;

/* As resolver.def's `dnssec` counts them. */
enum dns_validation {
	/* Where there is an anchor, and the servers pass on what proves the root's keys; asked again every ten minutes. Look-ups
	 * wait for the first answer. */
	DNS_VALIDATE_IF_POSSIBLE,
	DNS_VALIDATE_NEVER,
	DNS_VALIDATE_ALWAYS, /* without an anchor there is no resolver; what cannot be validated fails */
};

struct resolver_options {
	const char *const
		*servers; /* "127.0.0.1:5300"; count 0: the system's resolv.conf, then the roots */
	size_t server_count;
	int64_t timeout_ms; /* our own deadline for a look-up */
	enum dns_validation validation;
	const char
		*trust_anchor; /* DS or DNSKEY records in a file; NULL or "": the system's file */
	/* Whether answers are validated, and if not, why; again when that changes. Never from inside resolver_new(). NULL allowed. */
	void (*validation_known)(void *owner, bool is_validating, const char *why);
	void *owner; /* of validation_known */
};
enum err resolver_new(struct loop *loop, const struct resolver_options *options,
		      struct resolver **ret, struct why *why) MUST_USE;
void resolver_free(struct resolver **resolver); /* cancels all look-ups */

enum dns_outcome {
	DNS_FOUND,
	DNS_NO_DATA, /* the name exists without such records */
	DNS_NO_NAME, /* NXDOMAIN */
	DNS_FAILED,  /* SERVFAIL, timeout, bogus, malformed: ask again later */
};

/* What DNSSEC says of an answer, found or not. Without validation everything is insecure. */
enum dns_security {
	DNS_INSECURE,
	DNS_SECURE, /* proven from the trust anchor down, absence too */
	DNS_BOGUS,  /* should be proven and is not: its outcome is DNS_FAILED */
};

#define RESOLVER_MX_MAX	       20 /* further MX records are ignored */
#define RESOLVER_ADDRESSES_MAX 100
#define RESOLVER_TXT_MAX       10
#define RESOLVER_TXT_BYTES_MAX 4096 /* of one record */
#define RESOLVER_TLSA_MAX      16

struct mx_host {
	uint16_t preference;
	char name[256]; /* lower case, no final dot; "" for the root: null MX (RFC 7505) */
};
struct mx_answer {
	enum dns_outcome outcome;
	enum dns_security security;
	size_t count;
	struct mx_host hosts[RESOLVER_MX_MAX]; /* as answered, unsorted */
};
struct address_answer {
	enum dns_outcome outcome;   /* DNS_FOUND when A or AAAA found something */
	enum dns_security security; /* the weaker of those of A and AAAA that were answered */
	char canonical
		[256]; /* the name that has the addresses; of an alias another one than was asked for */
	size_t count;
	struct net_address addresses[RESOLVER_ADDRESSES_MAX]; /* port 0 */
};

struct txt_record {
	size_t len;
	uint8_t text[RESOLVER_TXT_BYTES_MAX]; /* its strings, joined */
};
struct txt_answer {
	enum dns_outcome outcome;
	enum dns_security security;
	size_t count;
	struct txt_record records[RESOLVER_TXT_MAX];
};

struct tlsa_answer {
	enum dns_outcome outcome;
	enum dns_security security;
	size_t count; /* further ones are ignored */
	struct tlsa_record records[RESOLVER_TLSA_MAX];
};

/* `name`: ASCII (A-labels). */
struct lookup *resolver_mx(struct resolver *resolver, const char *name,
			   void (*done)(void *owner, const struct mx_answer *answer), void *owner);
struct lookup *resolver_addresses(struct resolver *resolver, const char *name,
				  void (*done)(void *owner, const struct address_answer *answer),
				  void *owner);
struct lookup *resolver_txt(struct resolver *resolver, const char *name,
			    void (*done)(void *owner, const struct txt_answer *answer),
			    void *owner);
struct lookup *resolver_tlsa(struct resolver *resolver, const char *name,
			     void (*done)(void *owner, const struct tlsa_answer *answer),
			     void *owner);
/* Is `name` an alias (CNAME), whatever it leads to, and is that proven? */
struct lookup *resolver_alias(struct resolver *resolver, const char *name,
			      void (*done)(void *owner, enum dns_outcome outcome,
					   enum dns_security security),
			      void *owner);
bool resolver_is_validating(const struct resolver *resolver);
void lookup_cancel(struct lookup **lookup); /* it frees itself when done; cancel only before that */

#endif
