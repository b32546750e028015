/* The TXT record that publishes a key (RFC 6376 3.6, 8463 4): writing it, and reading one that DNS answered with. Pure. */
#ifndef LEVERET_LIB_DKIM_RECORD_H
#define LEVERET_LIB_DKIM_RECORD_H

#include "lib/base/buf.h"
#include "lib/crypto/verifying_key.h"

#define DKIM_RECORD_MAX 2048 /* bytes of the text */

/* "v=DKIM1; k=rsa; p=..." */
enum err dkim_record_write(const struct signing_key *key, struct buf *out) MUST_USE;
/* The same as a zone file has it: ( "..." "..." ), strings of at most 255 bytes. */
enum err dkim_zone_record_write(const struct signing_key *key, struct buf *out) MUST_USE;

enum dkim_record_verdict {
	DKIM_RECORD_MATCHES,
	DKIM_RECORD_TEST,      /* matches, but t=y tells verifiers not to trust it */
	DKIM_RECORD_DIFFERS,   /* another key */
	DKIM_RECORD_REVOKED,   /* p= is empty */
	DKIM_RECORD_UNUSABLE,  /* not for mail, not for SHA-256, or for another kind of key */
	DKIM_RECORD_MALFORMED, /* no such record */
};
/* `record`: the strings of the TXT record, joined. */
enum dkim_record_verdict dkim_record_compare(struct bytes record, const struct signing_key *key);
const char *dkim_record_verdict_text(enum dkim_record_verdict verdict);

/* The key itself. E_NOT_FOUND: it is revoked; E_MALFORMED: no such record, or not for this kind of key; E_REFUSED: of a length that
 * proves nothing. *ret_is_strict: i= of its signatures has d= itself behind the @ (t=s). */
enum err dkim_record_key(struct bytes record, enum signing_kind kind, struct verifying_key **ret,
			 bool *ret_is_strict) MUST_USE;

#endif
