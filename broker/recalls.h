/* The one question that workers ask of the table of directives: was this mail called back? A look-up in this node's replica, as for
 * suppressions. Any thread. */
#ifndef LEVERET_BROKER_RECALLS_H
#define LEVERET_BROKER_RECALLS_H

#include "broker/replica.h"
#include "lib/base/arena.h"
#include "schemas/schemas.h"

#define DIRECTIVES_TABLE "directives" /* name to give replica_new() */

/* OK: the campaign of that tenant (both as the mail is labelled) was recalled, and the mail was accepted before that. E_NOT_FOUND: it
 * may be sent, as all mail without a campaign may. Anything else: the copy cannot be read, so nobody knows. */
enum err recalls_find(struct replica *replica, const struct labels *labels,
		      int64_t accepted_wall_ms, struct arena *arena) MUST_USE;

#endif
