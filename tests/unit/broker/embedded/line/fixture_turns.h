/* Loops that are run until something is so, and directories, for tests of the embedded engine's sockets. */
#ifndef LEVERET_TESTS_UNIT_BROKER_EMBEDDED_FIXTURE_TURNS_H
#define LEVERET_TESTS_UNIT_BROKER_EMBEDDED_FIXTURE_TURNS_H

#include "tests/loop_fixture.h"

/* A new directory under /tmp, and its end with the file "socket" in it. */
void make_directory(char path[64]);
void remove_directory(const char *path);
int open_fd_count(void);

#endif
