/* Tells the bouncer now and then how TLS went, by the queue bouncer.tls: one batch after the other, each repeated until the broker keeps it, and
 * each under an id of its own, so that it counts once. What was counted and not told when the process dies is lost. Lives on one loop. */
#ifndef LEVERET_WORKERS_TLS_TELLING_H
#define LEVERET_WORKERS_TLS_TELLING_H

#include "workers/delivery/posting.h"
#include "workers/tls/tallies.h"

struct tls_telling;
struct tls_telling_options {
	struct loop *loop;
	struct postings *postings;
	struct tls_tallies *tallies;
	int64_t every_ms;
	void (*idle)(void *owner); /* all is kept; never from inside a call */
	void *owner;
};
struct tls_telling *tls_telling_new(const struct tls_telling_options *options);
void tls_telling_free(struct tls_telling **telling); /* after postings_free(); NULL allowed */
void tls_telling_flush(struct tls_telling *telling); /* do not wait for more */
bool tls_telling_is_idle(const struct tls_telling *telling);

#endif
