/* Return paths that prove themselves: the local part to which bounces of one mail for one recipient come back. It names the message
 * and, by a tag, the recipient; a keyed digest over both and the day says that it was we who gave it out. So a bounce is
 * matched exactly, and a forged one, or one for another recipient, is told as such. Pure, but for reading no clock and no key file:
 * both are handed in.
 *
 * A local part has at most 64 characters (RFC 5321 4.5.3.1.1): 8 are left for what stands before the token.
 *
 *   56 characters of Crockford's base 32, which survive hosts that change the case of local parts:
 *   key (1 byte), day (2), message id (16), recipient tag (6), digest (10) */
#ifndef LEVERET_LIB_RETURNPATH_TOKEN_H
#define LEVERET_LIB_RETURNPATH_TOKEN_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

#define RETURN_TOKEN_LEN     56
#define RETURN_TOKEN_SIZE    (RETURN_TOKEN_LEN + 1)
#define RETURN_TAG_SIZE	     6
#define RETURN_KEYS_MAX	     8
#define RETURN_KEY_MIN_BYTES 16

struct return_key {
	uint8_t id;	     /* told in the token, so that keys can follow each other */
	struct bytes secret; /* at least RETURN_KEY_MIN_BYTES */
};
struct return_keys { /* the first one signs, all of them verify; ids differ. Borrowed. */
	struct return_key items[RETURN_KEYS_MAX];
	size_t count;
};

/* NULL: there is none of this number. */
const struct return_key *return_keys_find(const struct return_keys *keys, uint8_t id);

struct return_token {	     /* of a token that was verified */
	char message_id[27]; /* as of lib/base/random.h */
	uint8_t tag[RETURN_TAG_SIZE];
	uint8_t key_id;
	int64_t day_wall_ms; /* start of the day it was made, UTC */
};

/* message_id as id_new() writes it; recipient in its canonical form. E_MALFORMED: no such id. */
enum err return_token_make(const struct return_keys *keys, struct bytes message_id,
			   struct bytes recipient, int64_t wall_ms,
			   char out[RETURN_TOKEN_SIZE]) MUST_USE;
/* E_MALFORMED: no token. E_REFUSED: not ours, or of a key that is gone. E_TIMEOUT: ours, but older than days_max, or of a day to
 * come (one day is granted to clocks). What it takes does not tell which byte of a digest was wrong. */
enum err return_token_check(const struct return_keys *keys, struct bytes text, int64_t wall_ms,
			    unsigned days_max, struct return_token *ret) MUST_USE;
/* Is this the recipient the token was made for? */
bool return_token_is_for(const struct return_keys *keys, const struct return_token *token,
			 struct bytes recipient);

#endif
