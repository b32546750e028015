/* The one question that ingest and workers ask of the suppressions table: may this address be mailed now?
 * A look-up in this node's replica: no I/O but the mapped file, no allocation but from the arena. Any thread. */
#ifndef LEVERET_BROKER_SUPPRESSIONS_H
#define LEVERET_BROKER_SUPPRESSIONS_H

#include "broker/replica.h"
#include "lib/base/arena.h"
#include "schemas/schemas.h"

#define SUPPRESSIONS_TABLE "suppressions" /* name to give replica_new() */

/* OK: suppressed at wall_ms, *ret (in the arena) says why and until when. E_NOT_FOUND: not suppressed, no longer suppressed, or
 * expired. E_MALFORMED: `address` is not local@domain (all spellings of one address are looked up alike). Anything else: the
 * copy cannot be read; the caller does not know, so it neither mails nor refuses for good, but tries again later. */
enum err suppressions_find(struct replica *replica, struct bytes address, int64_t wall_ms,
			   struct arena *arena, struct suppression *ret) MUST_USE;

#endif
