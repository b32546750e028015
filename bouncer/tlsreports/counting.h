/* Takes what workers counted from bouncer.tls into the store. Used on one loop. */
#ifndef LEVERET_BOUNCER_TLSREPORTS_COUNTING_H
#define LEVERET_BOUNCER_TLSREPORTS_COUNTING_H

#include "bouncer/tlsreports/keep.h"
#include "broker/broker.h"

struct tls_counting;
struct tls_counting_options {
	struct loop *loop;
	struct broker *broker;
	const struct tls_keep *keep;
	void (*store_failed)(enum err err); /* for good */
};
struct tls_counting *tls_counting_new(const struct tls_counting_options *options);
void tls_counting_stop(struct tls_counting *set); /* takes nothing new, gives leases back */
void tls_counting_free(
	struct tls_counting **set); /* after tls_counting_stop() and store_drain(); NULL allowed */

#endif
