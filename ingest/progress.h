/* What was done of a request with many recipients that failed half-way: kept by its Idempotency-Key, so that asking again sends to the
 * others only, under the same ids. Pure. */
#ifndef LEVERET_INGEST_PROGRESS_H
#define LEVERET_INGEST_PROGRESS_H

#include "ingest/mail.h"
#include "lib/base/random.h"
#include "lib/crypto/digest.h"

struct progress {
	char id[ID_SIZE]; /* of the mail */
	int64_t accepted_wall_ms;
	struct bytes kept; /* a bit for each recipient, by its place in the request */
};

bool progress_has(const struct progress *progress, size_t place);
/* `earlier` (NULL: nothing), and those of the mail's recipients that are kept. In the arena. */
struct progress progress_of(struct arena *arena, const struct mail *mail,
			    const struct progress *earlier, size_t recipient_count);

/* As bytes in the arena, and back: borrowed from `in`, false when it is none. */
struct bytes progress_encode(struct arena *arena, const struct progress *progress);
bool progress_decode(struct bytes in, struct progress *ret);

/* The id of a request with an Idempotency-Key, by the digests of key and request: the same again on the same day. */
void progress_id(const struct digest *key, const struct digest *request, int64_t wall_ms,
		 char out[ID_SIZE]);

#endif
