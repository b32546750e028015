/* A loop that is run until something is true, and directories, for tests of the embedded engine's sockets. */
#ifndef LEVERET_TESTS_UNIT_BROKER_EMBEDDED_FIXTURE_TURNS_H
#define LEVERET_TESTS_UNIT_BROKER_EMBEDDED_FIXTURE_TURNS_H

#include <stdbool.h>

#include "lib/loop/loop.h"

/* Runs the loop until `is_true(owner)`; false when that took longer than limit_ms. It is asked about once a millisecond. */
bool run_until(struct loop *loop, bool (*is_true)(const void *owner), const void *owner,
	       int64_t limit_ms);
void run_for(struct loop *loop, int64_t duration_ms);

/* A new directory under /tmp, and its end with the file "socket" in it. */
void make_directory(char path[64]);
void remove_directory(const char *path);
int open_fd_count(void);

#endif
