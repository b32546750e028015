/* Answers that were given to requests with an Idempotency-Key, kept for a day on this host: a client that heard nothing asks again, and
 * gets the first answer in place of a second mail. A key is known by who uses it and by its text; only its digest is kept.
 *
 * The answer is on disk before the client has it; where the disk has no room, it is in memory until there is. Of a request that failed
 * half-way, what was done is kept in its place, so that asking again does the rest. A process that dies between the broker's confirm and
 * that has given no answer and kept none, and forgets what is in memory alone: only then asking again makes a second mail. Lives on one
 * loop. */
#ifndef LEVERET_INGEST_IDEMPOTENCY_H
#define LEVERET_INGEST_IDEMPOTENCY_H

#include "lib/base/arena.h"
#include "lib/crypto/digest.h"
#include "lib/loop/loop.h"
#include "lib/store/store.h"

#define IDEMPOTENCY_DATABASE "idempotency" /* the store must have been opened with it */
#define IDEMPOTENCY_KEPT_MS  INT64_C(86400000)

struct idempotency;
struct idempotency *idempotency_new(struct loop *loop, struct store *store);
void idempotency_free(struct idempotency **idempotency); /* waits for what is being written */

/* Drop what is older than a day, a few thousand records at a time until all were looked at; done by itself every ten minutes. */
void idempotency_sweep(struct idempotency *idempotency);

enum idempotency_state {
	IDEMPOTENCY_NEW,     /* nothing is known of this key, or no more: *ret is begun, end it */
	IDEMPOTENCY_RESUME,  /* the same; the answer's body is what was noted of an earlier try */
	IDEMPOTENCY_REPLAY,  /* *ret_answer is what was answered */
	IDEMPOTENCY_OTHER,   /* the key was used for another request */
	IDEMPOTENCY_RUNNING, /* the first request with it has no answer yet */
	IDEMPOTENCY_UNKNOWN, /* the store cannot be read, or too much waits for room in it */
};
struct idempotency_answer { /* in the arena */
	unsigned status;
	struct bytes body;
};
struct idempotent; /* a request under way */
enum idempotency_state idempotency_begin(struct idempotency *idempotency, const struct digest *key,
					 const struct digest *request, struct arena *arena,
					 struct idempotent **ret,
					 struct idempotency_answer *ret_answer);

/* It was answered so: `kept` comes when that is on disk, or cannot be; the request is over then. */
void idempotent_keep(struct idempotent *request, unsigned status, struct bytes body,
		     void (*kept)(void *owner), void *owner);
/* It failed half-way: `noted` comes as `kept` does. The next with this key resumes. */
void idempotent_note(struct idempotent *request, struct bytes progress, void (*noted)(void *owner),
		     void *owner);
/* Over without an answer to keep: the next with this key is a first one. Behind idempotent_keep() and _note(): `kept` will not come. */
void idempotent_end(struct idempotent **request);

#endif
