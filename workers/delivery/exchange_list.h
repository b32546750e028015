/* From DNS answers to the addresses that an attempt tries, in order. Pure: the exchanger asks, this decides.
 *
 *   MX answer -> exchange_hosts() -> hosts in order -> exchange_host_found() for each -> the TLS of each is ruled
 *   -> exchange_finish() -> endpoints, or why not */
#ifndef LEVERET_WORKERS_DELIVERY_EXCHANGE_LIST_H
#define LEVERET_WORKERS_DELIVERY_EXCHANGE_LIST_H

#include "lib/conf/conf.h"
#include "lib/mail/reply.h"
#include "lib/net/resolver.h"
#include "workers/tls/account.h"

#define EXCHANGE_ENDPOINTS_MAX	    20
#define EXCHANGE_HOST_ADDRESSES_MAX 20

struct exchange_rules {
	const char *own_name; /* a better host than ourselves is needed, or mail would loop */
	const struct conf_cidr_list
		*allowed;	       /* special networks that mail may go to all the same */
	const struct net_address *own; /* addresses of this host: the same, where the port is 25 */
	size_t own_count;
	size_t endpoints_max;
	uint16_t port;
	int family;	  /* of the source: AF_INET, AF_INET6; AF_UNSPEC takes both */
	bool is_by_route; /* the operator named the host: any address will do, and nothing is permanent */
};

/* Why there is no endpoint, as the reply that a host would have given. Code 0: there are endpoints. */
struct exchange_failure {
	unsigned code;
	struct enhanced_code enhanced;
	char text[400];
};

struct exchange_host {
	char name[256];
	uint16_t preference;
	uint16_t port; /* 0: that of the rules */
	enum dns_outcome outcome;
	size_t count;
	struct net_address addresses[EXCHANGE_HOST_ADDRESSES_MAX]; /* usable ones */
	bool has_special, has_other_family;  /* addresses that were left out */
	bool is_own;			     /* one of them is this host's: mail would loop */
	struct tls_demand *tls;		     /* of sessions with it; NULL: not ruled yet */
	struct tls_account *account;	     /* where they are counted; NULL: nowhere */
	struct exchange_failure tls_refusal; /* code 0: none; else it is not to be used */
};
struct exchange_hosts {
	size_t count;
	struct exchange_host hosts[RESOLVER_MX_MAX];
	bool is_cut_at_self; /* hosts that rank with or behind ourselves were dropped */
};

struct endpoint {
	struct net_address address; /* with its port */
	char host_name[256];
};
struct exchange_answer {
	struct exchange_failure failure;
	size_t count;
	struct endpoint endpoints[EXCHANGE_ENDPOINTS_MAX];
	/* Of each endpoint. They are the question's: who keeps them takes references. */
	struct tls_demand *demands[EXCHANGE_ENDPOINTS_MAX];
	struct tls_account *accounts[EXCHANGE_ENDPOINTS_MAX]; /* the same; NULL: not counted */
};

/* Hosts by preference, equal ones shuffled by `seed`; for an answer DNS_FOUND. */
void exchange_hosts(const struct mx_answer *answer, const struct exchange_rules *rules,
		    uint64_t seed, struct exchange_hosts *ret_hosts,
		    struct exchange_failure *ret_failure);
/* One host, whose addresses are to be asked for: a domain without MX, a literal. */
void exchange_single_host(const char *name, struct exchange_hosts *ret);
/* The hosts of a route, "name:port" or "address:port" each, in order. */
void exchange_route_hosts(const char *const *endpoints, size_t count, struct exchange_hosts *ret);
void exchange_host_found(struct exchange_host *host, const struct exchange_rules *rules,
			 enum dns_outcome outcome, const struct net_address *addresses,
			 size_t count);
void exchange_finish(const struct exchange_hosts *hosts, const struct exchange_rules *rules,
		     uint64_t seed, struct exchange_answer *ret);
/* The domain itself cannot be mailed, by the answer for its MX records (DNS_NO_NAME, DNS_FAILED). */
void exchange_domain_failed(const char *domain, enum dns_outcome outcome,
			    struct exchange_failure *ret);

#endif
