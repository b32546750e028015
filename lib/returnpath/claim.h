/* What a mail carries in its header and in its link to unsubscribe, so that whoever sends it back tells all that is needed: the message,
 * the recipient, tenant, pool and campaign, and the day, with a keyed digest that says that we wrote it. Longer than a token (token.h), for places
 * that have room. Nothing in it is secret: the recipient can read it. Pure, as token.h is.
 *
 *   base64url of: form (1 byte), use (1), key (1), day (2), five texts (length in 2 bytes, then bytes), digest (16)
 *
 * Form 1, of mail that was sent before there were campaigns in it, has four. */
#ifndef LEVERET_LIB_RETURNPATH_CLAIM_H
#define LEVERET_LIB_RETURNPATH_CLAIM_H

#include "lib/base/arena.h"
#include "lib/returnpath/token.h"

#define CLAIM_LEN_MAX 880 /* a header line has at most 998 bytes */
#define CLAIM_SIZE    (CLAIM_LEN_MAX + 1)

/* One made for one use is none for another: who forwards a complaint's header cannot unsubscribe by it. */
enum claim_use { CLAIM_FEEDBACK = 'f', CLAIM_UNSUBSCRIBE = 'u' };

struct claim {
	struct bytes message_id, recipient, tenant, pool, campaign;
	int64_t day_wall_ms; /* start of the day it was made, UTC; set by claim_check() */
};

/* E_TOO_BIG: its texts do not fit, not even without the campaign. */
enum err claim_make(const struct return_keys *keys, enum claim_use use, const struct claim *claim,
		    int64_t wall_ms, char out[CLAIM_SIZE]) MUST_USE;
/* E_MALFORMED, E_REFUSED, E_TIMEOUT as of return_token_check(). The texts live in the arena. */
enum err claim_check(const struct return_keys *keys, enum claim_use use, struct bytes text,
		     int64_t wall_ms, unsigned days_max, struct arena *arena,
		     struct claim *ret) MUST_USE;

#endif
