/* Files that settings name: their absolute paths and their contents. */
#ifndef LEVERET_LIB_CONF_FILE_H
#define LEVERET_LIB_CONF_FILE_H

#include "lib/base/arena.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"

/* `path` seen from `directory` (absolute), with each ${NAME} replaced by the environment variable; E_NOT_FOUND when one is unset. */
enum err file_resolve(struct arena *arena, const char *directory, const char *path,
		      const char **ret, struct why *why) MUST_USE;
/* The directory part of a path, absolute. */
const char *file_directory(struct arena *arena, const char *path);
/* All of a regular file. E_NOT_FOUND, E_TOO_BIG, or E_IO (also for what is not a regular file). */
enum err file_read(struct arena *arena, const char *path, size_t max_bytes, struct bytes *ret,
		   struct why *why) MUST_USE;

#endif
