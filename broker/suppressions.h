/* Suppressions as every node asks them: may this address be mailed now? And the one form of an address that is their key.
 * A look-up in this node's replica: no I/O but the mapped file, no allocation but from the arena. Any thread. */
#ifndef LEVERET_BROKER_SUPPRESSIONS_H
#define LEVERET_BROKER_SUPPRESSIONS_H

#include "broker/replica.h"
#include "lib/base/arena.h"
#include "lib/mail/address.h"
#include "schemas/schemas.h"

#define SUPPRESSIONS_TABLE "suppressions" /* name to give replica_new() */

/* Whose mail: an entry may be for everybody's, for all mail of a tenant, or for a tenant's mail from one pool (its stream). */
struct mail_owner {
	struct bytes tenant, stream; /* none: not known, or there is none */
};

/* OK: suppressed at wall_ms, *ret (in the arena) says why and until when: the entry of the pool, else of the tenant, else of all.
 * E_NOT_FOUND: not suppressed, no longer suppressed, held, or expired. E_MALFORMED: `address` is not local@domain (all spellings of
 * one address are looked up alike). Anything else: the copy cannot be read; the caller does not know, so it neither mails nor
 * refuses for good, but tries again later. */
enum err suppressions_find(struct replica *replica, const struct mail_owner *whose,
			   struct bytes address, int64_t wall_ms, struct arena *arena,
			   struct suppression *ret) MUST_USE;

/* What a node keeps of an entry of the table, in the arena: all that a look-up needs, without evidence and origin, so that ten million
 * of them stay small. `value` itself where it cannot be read. */
struct bytes suppression_slim(struct arena *arena, struct bytes value);

/* In force at wall_ms: neither lifted, nor held, nor expired. */
bool suppression_is_in_force(const struct suppression *suppression, int64_t wall_ms);

/* An address, or "sha256:" and 64 hexadecimal digits of the canonical address, as it stands in entries: E_MALFORMED. */
#define SUPPRESSION_ADDRESS_SIZE (ADDRESS_MAX + 1)
enum err suppression_address(struct bytes text, bool drops_tag,
			     char out[SUPPRESSION_ADDRESS_SIZE]) MUST_USE;

/* What a look-up of an address (as of suppression_address()) asks for, in this order; returns how many. Pure. */
enum { FORM_WHOLE, FORM_DIGEST, FORM_WITHOUT_TAG /* entries with covers_tags only */, FORM_COUNT };
size_t suppression_forms(const char *address, char out[FORM_COUNT][SUPPRESSION_ADDRESS_SIZE]);

#endif
