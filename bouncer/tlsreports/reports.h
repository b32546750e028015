/* Reports on TLS (RFC 8460): takes what workers counted from bouncer.tls, keeps it, and sends each domain that asks for it a report of each
 * day, after midnight UTC, at its own time. What failed is tried again for a day. Used on one loop. */
#ifndef LEVERET_BOUNCER_TLSREPORTS_REPORTS_H
#define LEVERET_BOUNCER_TLSREPORTS_REPORTS_H

#include "bouncer/tlsreports/keep.h"
#include "broker/node.h"
#include "lib/net/resolver.h"

struct tls_reports;
struct tls_reports_options {
	const struct node *node; /* read during the call */
	struct broker *broker;
	struct store *store;
	const struct tls_report_settings *settings; /* borrowed */
	const struct resolver_options *resolver;    /* read during the call */
	void (*store_failed)(enum err err);	    /* for good */
};
enum err tls_reports_new(const struct tls_reports_options *options, struct tls_reports **ret,
			 struct why *why) MUST_USE;
void tls_reports_stop(struct tls_reports *reports);  /* takes nothing new, gives leases back */
void tls_reports_free(struct tls_reports **reports); /* after the broker was closed */

/* Sends the report of a day and domain now, to all of its addresses, also when it was sent. Of a day that is not over it tells what was counted
 * so far, and the whole is sent at its time. `done` comes once: E_NOT_FOUND: nothing was counted; E_REFUSED: the settings have no reports. */
void tls_reports_send_now(struct tls_reports *reports, uint32_t day, struct bytes domain,
			  void (*done)(void *owner, enum err err), void *owner);

/* When to try again, after so many tries. Pure. */
int64_t tls_report_wait_ms(uint32_t tries);

#endif
