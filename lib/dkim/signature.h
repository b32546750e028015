/* DKIM-Signature fields (RFC 6376, 8301, 8463), and those of ARC, which are made alike. Pure but for the key; may be used on any thread.
 *
 * What is signed: of each name of `names` all its fields, and of each name of `oversigned` one more than there are, so that nobody can add one.
 * From is always among these. The whole body, never a part of it (no l=). Refused is what verifiers and readers could understand in
 * different ways: a message without From, or with two. */
#ifndef LEVERET_LIB_DKIM_SIGNATURE_H
#define LEVERET_LIB_DKIM_SIGNATURE_H

#include "lib/base/buf.h"
#include "lib/crypto/signing_key.h"
#include "lib/dkim/canon.h"
#include "lib/dkim/header.h"

#define DKIM_SIGNATURE_FIELD_MAX ((size_t)16 << 10) /* bytes of one field */
#define DKIM_SIGNED_FIELDS_MAX	 200

struct dkim_names { /* of header fields, in any case */
	const char *const *items;
	size_t count;
};
struct dkim_wish { /* one signature; borrowed */
	const char *domain, *selector;
	struct signing_key *key;
	enum canon header_canon, body_canon;
	bool is_binary; /* the body is one (canon.h); the same in all wishes of a message */
	struct dkim_names oversigned, names;
	int64_t signed_at_s;  /* seconds since 1970 */
	int64_t expires_at_s; /* 0: never */
	/* 0: a DKIM-Signature; otherwise the ARC-Message-Signature of this instance (RFC 8617 4.1.2) */
	unsigned arc_instance;
};

/* The hash of a body in each canonical form that a wish names; fed in pieces. */
struct dkim_body;
struct dkim_body *dkim_body_new(const struct dkim_wish *wishes, size_t count);
void dkim_body_free(struct dkim_body **body);
void dkim_body_add(struct dkim_body *body, struct bytes b);
struct dkim_body_hashes {
	struct digest of[CANON_COUNT];
};
struct dkim_body_hashes dkim_body_finish(struct dkim_body *body); /* and begins anew */

/* Appends one folded field. E_MALFORMED: no From, or two. E_TOO_BIG: too many fields to sign. E_FULL: no room in out. */
enum err dkim_sign(const struct header *header, const struct dkim_body_hashes *hashes,
		   const struct dkim_wish *wish, struct buf *out, struct why *why) MUST_USE;
/* All of it for a message that is in memory: a field for each wish, to go before the message as it is. Nothing is appended on failure. */
enum err dkim_sign_message(struct bytes message, const struct dkim_wish *wishes, size_t count,
			   struct buf *out, struct why *why) MUST_USE;

#endif
