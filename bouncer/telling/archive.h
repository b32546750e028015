/* What was told, kept on this host for a while so that it can be told again: batches of events in files, in the order they were told. The
 * oldest file goes when it is too old, or all of them too large. Nothing waits for the disk: a power cut may take the last seconds.
 * Adding is for one loop; reading blocks, and may be on any thread meanwhile. */
#ifndef LEVERET_BOUNCER_TELLING_ARCHIVE_H
#define LEVERET_BOUNCER_TELLING_ARCHIVE_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/loop/loop.h"

#define ARCHIVE_BODY_MAX ((size_t)1 << 20)

struct archive_options {
	struct loop *loop;
	const char *directory; /* made when absent; copied */
	int64_t keep_ms;       /* 0: nothing is kept */
	uint64_t size_max;     /* bytes of all files */
	uint64_t file_max;     /* of one; 0: what is usual */
};
struct archive;
struct archive *archive_new(const struct archive_options *options);
void archive_free(struct archive **archive);
/* A batch as it was told. What cannot be written is logged, and not kept. */
void archive_add(struct archive *archive, struct bytes body);

/* Where a reader stands. Zeros: at the beginning. */
struct archive_place {
	int64_t file_ms; /* the name of its file */
	uint64_t offset;
};
/* The next batches that were told at or after since_wall_ms, as far as out (cleared before) has room, each with its length before it:
 * archive_next(). E_NOT_FOUND: that was all. E_IO. */
enum err archive_read(const char *directory, int64_t since_wall_ms, struct archive_place *place,
		      struct buf *out, struct why *why) MUST_USE;
/* The next batch of what was read. False: there is none. */
bool archive_next(struct bytes *text, struct bytes *ret_body);

#endif
