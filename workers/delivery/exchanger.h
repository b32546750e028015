/* Next hop -> endpoints and what is demanded of TLS there, by DNS and MTA-STS. Keeps nothing but questions under way: answers are cached by the resolver, and lists by lanes. */
#ifndef LEVERET_WORKERS_DELIVERY_EXCHANGER_H
#define LEVERET_WORKERS_DELIVERY_EXCHANGER_H

#include "lib/routing/routing.h"
#include "workers/delivery/exchange_list.h"
#include "workers/delivery/settings.h"
#include "workers/tls/tallies.h"

struct exchanger;
struct exchanger_options {
	struct loop *loop;
	struct resolver *resolver;
	const char *own_name;
	const struct worker_settings *settings; /* allow_special_addresses, max_mx_attempts */
	const struct conf_items *tls_domains;	/* struct tls_domain_settings; NULL: none */
	struct sts *sts;			/* NULL: no MTA-STS */
	/* NULL: nobody asks whether domains want reports on TLS. Hosts that are left out are counted here. */
	struct tls_tallies *tallies;
};
struct exchanger *exchanger_new(const struct exchanger_options *options);
void exchanger_free(struct exchanger **exchanger); /* every question was answered or cancelled */

struct next_hop {
	const char
		*name; /* canonical domain, or "[192.0.2.1]", "[IPv6:...]"; of a route, its host */
	const struct route_settings *route; /* whose hosts are taken; NULL: by MX */
	uint16_t port;			    /* of MX hosts */
	int family;			    /* AF_UNSPEC, or that of the source's address */
	const struct site_settings *site;   /* what it wants of TLS */
	/* It goes whatever is asked of TLS, and is not counted (RFC 8460 3); of a route, its settings hold. */
	bool heeds_no_tls;
	bool require_tls; /* the mail does not go without verified TLS, whatever the site wants */
};

struct exchange_question;
/* `done` comes once, never from inside this call, with an answer borrowed until it returns; not after a cancel. */
struct exchange_question *
exchanger_ask(struct exchanger *exchanger, const struct next_hop *hop,
	      void (*done)(void *owner, const struct exchange_answer *exchange), void *owner);
void exchange_question_cancel(struct exchange_question **question); /* NULL allowed */

#endif
