/* Mail addresses as data (RFC 5321 4.1.2, 6531): parsed strictly, carried as bytes, never expanded. Pure functions. */
#ifndef LEVERET_LIB_MAIL_ADDRESS_H
#define LEVERET_LIB_MAIL_ADDRESS_H

#include "lib/base/arena.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"

#define ADDRESS_LOCAL_MAX  64
#define ADDRESS_DOMAIN_MAX 255
#define ADDRESS_MAX	   320

struct address {	     /* borrowed from what was parsed */
	struct bytes text;   /* local@domain as written, without brackets */
	struct bytes local;  /* as written, with its quotes */
	struct bytes domain; /* as written; a literal keeps its brackets */
	bool is_null;	     /* <> */
	bool needs_smtputf8; /* local part or domain is not ASCII */
};

/* Parse a path at the start of `in`: "<a@b>", "<@relay:a@b>" (source route dropped), "<>", "<postmaster>" (which has no domain:
 * good for RCPT only, RFC 5321 4.5.1). *ret_used is what it took, closing bracket included. E_TOO_BIG past the lengths above. */
enum err address_parse_path(struct bytes in, bool allow_utf8, struct address *ret,
			    size_t *ret_used) MUST_USE;
/* Parse all of `in` as local@domain without brackets; "" is the null address. */
enum err address_parse(struct bytes in, bool allow_utf8, struct address *ret) MUST_USE;

/* The domain for DNS and routing: lower case, A-labels (RFC 5891, non-transitional), no final dot, letters-digits-hyphens (and
 * underscore); literals are kept as "[...]". E_MALFORMED when it cannot be one. */
enum err domain_canonical(struct bytes domain, char out[ADDRESS_DOMAIN_MAX + 1]) MUST_USE;
/* One key for all spellings of an address: lower-case local part without needless quotes, canonical domain. For suppressions. */
enum err address_canonical(const struct address *address, char out[ADDRESS_MAX + 1]) MUST_USE;

#endif
