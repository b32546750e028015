/* Immutable bytes shared by reference, in memory when small and in an unlinked temporary file when large, so that
 * twenty senders of 25 MB do not cost 500 MB of memory. Durability is not its business. Not thread safe. */
#ifndef LEVERET_LIB_BASE_BLOB_H
#define LEVERET_LIB_BASE_BLOB_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

struct blob;

struct blob *blob_ref(struct blob *blob); /* NULL gives NULL */
void blob_unref(struct blob **blob);
uint64_t blob_size(const struct blob *blob); /* 0 for NULL */
/* All bytes when they are in memory; none (data NULL) when they are in a file. Borrowed. */
struct bytes blob_memory(const struct blob *blob);
/* Exactly len bytes at offset into out; E_IO when the file cannot be read. Works for both kinds. */
enum err blob_read(const struct blob *blob, uint64_t offset, void *out, size_t len,
		   struct why *why) MUST_USE;
struct blob *blob_from_bytes(struct bytes b); /* copies */

/* Bytes on their way to become a blob. Moves to a file in `directory` when it passes memory_max_bytes. */
struct blob_writer;
struct blob_writer *blob_writer_new(const char *directory, size_t memory_max_bytes);
void blob_writer_free(struct blob_writer **writer);
enum err blob_writer_append(struct blob_writer *writer, struct bytes b, struct why *why) MUST_USE;
uint64_t blob_writer_size(const struct blob_writer *writer);
struct blob *blob_writer_finish(struct blob_writer **writer); /* takes the writer, gives the blob */

#endif
