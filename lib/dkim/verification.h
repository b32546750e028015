/* Is a DKIM-Signature, or a field of ARC, good? (RFC 6376 6, 8601 2.7.1.) What must be asked of DNS is collected first, and answered by
 * somebody else, so that this is pure; it may be used on any thread. Everything that a message can make grow has its maximum. */
#ifndef LEVERET_LIB_DKIM_VERIFICATION_H
#define LEVERET_LIB_DKIM_VERIFICATION_H

#include "lib/crypto/signing_key.h"
#include "lib/dkim/canon.h"
#include "lib/dkim/header.h"

/* ---- keys in DNS ---- */

#define DKIM_KEYS_MAX	  60 /* of one message */
#define DKIM_KEY_NAME_MAX 253

enum dkim_key_state { DKIM_KEY_FOUND, DKIM_KEY_MISSING, DKIM_KEY_UNKNOWN };
struct dkim_key {
	char name[DKIM_KEY_NAME_MAX + 1]; /* SELECTOR._domainkey.DOMAIN, in lower case */
	/* the answer */
	enum dkim_key_state state;
	struct bytes record; /* the strings of the TXT record, joined */
};
struct dkim_keys {
	struct dkim_key items[DKIM_KEYS_MAX];
	size_t count;
};

/* ---- what a field claims ---- */

enum dkim_verdict { /* words of RFC 8601 2.7.1 */
		    DKIM_PASS,
		    DKIM_FAIL,
		    DKIM_POLICY,  /* good, but it signs only the start of the body (l=) */
		    DKIM_NEUTRAL, /* it cannot be read */
		    DKIM_TEMPERROR,
		    DKIM_PERMERROR,
};
const char *dkim_verdict_text(enum dkim_verdict verdict);

#define DKIM_CLAIM_NAMES_MAX 256

enum dkim_claim_kind { DKIM_CLAIM_SIGNATURE, DKIM_CLAIM_ARC_SIGNATURE, DKIM_CLAIM_ARC_SEAL };
struct dkim_claim { /* borrowed from the header and the arena */
	struct bytes field;
	enum signing_kind kind;
	enum canon header_canon, body_canon;
	struct bytes domain, selector, identity; /* identity: what is behind the @ of i= */
	struct bytes names;			 /* h= */
	struct bytes body_hash, signature;
	struct bytes signature_text; /* b=, without blanks */
	bool has_body_max;
	uint64_t body_max;
	bool has_expired;
};
/* False: it cannot be read, or is of a kind that proves nothing (SHA-1). */
bool dkim_claim_read(struct arena *arena, const struct header_field *field,
		     enum dkim_claim_kind kind, int64_t now_s, struct dkim_claim *ret);
/* Its key joins those to be asked for. False: no such name can be, or there are too many. */
bool dkim_claim_ask(const struct dkim_claim *claim, struct dkim_keys *keys);

/* ---- verifying ---- */

struct dkim_verifier { /* zeroed but for these three */
	struct arena *arena;
	const struct header *header;
	const struct dkim_keys *keys;
	/* private: the hash of the body in the forms that were asked for */
	bool has_hash[CANON_COUNT];
	struct digest hashes[CANON_COUNT];
};
struct digest dkim_verifier_hash(struct dkim_verifier *verifier,
				 enum canon canon); /* of the body */
/* Of a signature of body and header. */
enum dkim_verdict dkim_verify(struct dkim_verifier *verifier, const struct dkim_claim *claim);
/* Only whether its key signed this digest. */
enum dkim_verdict dkim_verify_digest(const struct dkim_verifier *verifier,
				     const struct dkim_claim *claim, const struct digest *digest);

#endif
