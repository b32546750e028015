/* From root to a user of our own, keeping only the right to open ports below 1024. */
#ifndef LEVERET_LEVERET_PRIVILEGES_H
#define LEVERET_LEVERET_PRIVILEGES_H

#include "lib/base/err.h"

/* Does nothing when `user` is "" or we are not root. Makes data_dir and gives it to the user first. Before any thread is started. */
enum err privileges_drop(const char *user, const char *data_dir, struct why *why) MUST_USE;

#endif
