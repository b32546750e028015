/* In which queue a request belongs: whether it stays here, or goes on to the queue of the site that its domain belongs to. Pure. */
#ifndef LEVERET_WORKERS_DELIVERY_PLACING_H
#define LEVERET_WORKERS_DELIVERY_PLACING_H

#include <stdbool.h>

/* Of a message, over all its life. Hosts whose settings disagree could send it to and fro for ever. */
#define PLACING_FORWARDS_MAX 4

struct placing_case {
	const char *key;     /* what it is queued under */
	const char *own_key; /* of its domain, in the tail */
	const char *listed;  /* the site whose settings list the domain; NULL: none */
	const char *learned; /* the site that was learned for it; NULL: none */
};
enum placing {
	PLACING_STAYS,
	PLACING_GOES, /* to *ret_key: the site that lists it, the one that is lent to it, or from there back to the tail */
	PLACING_BY_MX /* where the MX hosts say: to be asked */
};
/* Only mail in the tail, and mail that went to a site because of what was learned, may be in the wrong place: anybody else who put it
 * where it is did so on purpose. */
enum placing placing_of(const struct placing_case *c, const char **ret_key);

#endif
