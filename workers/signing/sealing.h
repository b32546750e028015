/* The DNS in the middle of an ARC seal: the keys of what came with a message, some at a time and for a limited time. What cannot be found out by
 * then counts as a failure of the chain, as RFC 8617 5.2.1 has it. On the loop. */
#ifndef LEVERET_WORKERS_SIGNING_SEALING_H
#define LEVERET_WORKERS_SIGNING_SEALING_H

#include <sys/queue.h>

#include "lib/dkim/arrival.h"
#include "lib/net/resolver.h"
#include "workers/signing/keyring.h"

#define SEALING_LOOKUPS_MAX 4	 /* at once, for one message */
#define SEALING_TIME_MS	    8000 /* then no further key is asked for */

struct sealing;
struct sealing_lookup {
	struct sealing *sealing;
	struct dkim_key *key;
	struct lookup *lookup; /* NULL: free */
};
struct sealing { /* zeroed; embedded in its owner's */
	struct loop *loop;
	struct resolver *resolver;
	void (*answered)(void *owner); /* all keys are; never from inside sealing_ask() */
	void *owner;
	/* of its owner */
	bool is_wanted;
	struct seal_choice choice;
	struct arrival *arrival; /* freed with it */
	/* private */
	size_t next_key;
	int64_t until_ms;
	struct sealing_lookup lookups[SEALING_LOOKUPS_MAX];
	bool is_asking;
	LIST_ENTRY(sealing) asking;
};
LIST_HEAD(sealing_list, sealing);

/* False: there is nothing to ask, and `answered` will not come. While it asks it is in the list. */
bool sealing_ask(struct sealing *sealing, struct sealing_list *list);
void sealing_cancel(struct sealing *sealing); /* no upcall any more */
void sealing_drop(struct sealing *sealing);   /* of zeroed ones too */

#endif
