/* Small things done with files by several. */
#ifndef LEVERET_LIB_BASE_FILE_H
#define LEVERET_LIB_BASE_FILE_H

#include "lib/base/bytes.h"

/* All of it, however many calls that takes. 0, or errno; part of it may be written then. */
int file_write_all(int fd, struct bytes b);

/* Goes on with a hash (lib/base/hash.h) over what tells a changed file from the one before: times, size, inode. A file that is not
 * there is told from any that is; "" changes nothing. */
uint64_t file_fingerprint(uint64_t hash, const char *path);

#endif
