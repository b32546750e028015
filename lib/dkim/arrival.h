/* A message of others that is forwarded: what its signatures and its ARC chain are worth, and our seal on top of that. Three steps, so that the
 * DNS in the middle can be asked elsewhere: read, (answer the keys,) seal. One thread at a time, not always the same. */
#ifndef LEVERET_LIB_DKIM_ARRIVAL_H
#define LEVERET_LIB_DKIM_ARRIVAL_H

#include "lib/dkim/arc.h"

#define ARRIVAL_SIGNATURES_MAX 5 /* further ones are not looked at: each may hash all of the body */
#define ARRIVAL_FIELDS_MAX     (3 * DKIM_SIGNATURE_FIELD_MAX)

struct arrival;
/* `message` is borrowed until the end. E_MALFORMED, E_TOO_BIG: its header cannot be read. */
enum err arrival_read(struct bytes message, int64_t now_s, struct arrival **ret,
		      struct why *why) MUST_USE;
void arrival_free(struct arrival **arrival);
/* To be answered; records go into the arena, so that they live as long. */
struct dkim_keys *arrival_keys(struct arrival *arrival);
struct arena *arrival_arena(struct arrival *arrival);

struct arrival_seal {		/* borrowed */
	struct dkim_wish *wish; /* who seals; its arc_instance is set here */
	const char *authserv_id;
};
/* Appends DKIM-Signature fields for the wishes, behind our ARC set where one can be added (arc_may_seal(): *ret_is_sealed). On failure
 * nothing is appended. Errors as dkim_sign(). */
enum err arrival_sign(struct arrival *arrival, const struct dkim_wish *wishes, size_t count,
		      const struct arrival_seal *seal, struct buf *out, bool *ret_is_sealed,
		      struct why *why) MUST_USE;
/* What was found, once it is signed. */
enum arc_status arrival_status(const struct arrival *arrival);

#endif
