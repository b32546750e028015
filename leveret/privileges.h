/* From root to a user of our own, keeping only the right to open ports below 1024. */
#ifndef LEVERET_LEVERET_PRIVILEGES_H
#define LEVERET_LEVERET_PRIVILEGES_H

#include "lib/base/err.h"

/* Both do nothing when we are not root, and are called before any thread is started. */

/* Nor when `user` is "". Makes the directories (up to a NULL) and gives them to the user first. */
enum err privileges_drop(const char *user, const char *const *directories,
			 struct why *why) MUST_USE;
/* For a verb that shares a directory with roles that run as a user of their own: becomes the directory's owner, so that nothing of
 * root's is left there. Does nothing when there is no such directory, or it is root's. */
enum err privileges_drop_to_owner(const char *directory, struct why *why) MUST_USE;

#endif
