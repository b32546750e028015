/* Where the links of List-Unsubscribe lead (RFC 8058), on a listener of its own that is open to everybody:
 *
 *   GET  /.../<claim>    a small page with a button; never unsubscribes, as programs follow links, too
 *   POST /.../<claim>    List-Unsubscribe=One-Click: kept, then 200
 *
 * Lives on one loop. */
#ifndef LEVERET_BOUNCER_INBOUND_UNSUBSCRIBE_H
#define LEVERET_BOUNCER_INBOUND_UNSUBSCRIBE_H

#include "bouncer/suppressions/suppressor.h"
#include "bouncer/telling/teller.h"
#include "lib/conf/conf.h"
#include "lib/returnpath/returns.h"

struct unsubscribe_options { /* borrowed */
	struct loop *loop;
	const char *address;	 /* to listen on */
	const char *certificate; /* of `certificates`; "": in the clear, for a proxy in front */
	const struct conf_items *certificates;
	const struct returns *returns;
	struct suppressor *suppressor;
	struct teller *teller;
	void (*store_failed)(enum err err); /* does not return */
};

struct unsubscribe;
enum err unsubscribe_open(const struct unsubscribe_options *options, struct unsubscribe **ret,
			  struct why *why) MUST_USE;
/* The certificate is read again. */
void unsubscribe_reload(struct unsubscribe *unsubscribe);
void unsubscribe_stop(struct unsubscribe *unsubscribe); /* no new clients */
/* Hangs up; before the suppressor's and teller's end. What they owe may still come. */
void unsubscribe_close(struct unsubscribe *unsubscribe);
void unsubscribe_free(struct unsubscribe **unsubscribe); /* after them */

/* The claim in a path: what stands behind the last slash. Pure. */
struct bytes unsubscribe_claim_of(struct bytes path);
/* Is the body what RFC 8058 3.1 wants, as a form in either coding? Pure. */
bool unsubscribe_is_wanted(struct bytes body);

#endif
