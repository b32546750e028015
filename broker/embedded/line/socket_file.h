/* The socket file of a directory, "<directory>/socket": made and reached by way of the directory's descriptor, because a socket's
 * address holds only 107 bytes and a path may be longer. */
#ifndef LEVERET_BROKER_EMBEDDED_LINE_SOCKET_FILE_H
#define LEVERET_BROKER_EMBEDDED_LINE_SOCKET_FILE_H

#include <stdbool.h>

#include "lib/base/err.h"

/* Listens, and replaces what an earlier host left: the caller has locked the directory. Only our user may connect (mode 0600).
 * Both descriptors become the caller's. E_IO. */
enum err socket_file_listen(const char *directory, int *ret_directory_fd, int *ret_fd,
			    struct why *why) MUST_USE;
bool socket_file_exists(int directory_fd);
void socket_file_remove(int directory_fd);
/* E_AWAY: nobody listens there, or its queue is full. E_IO: it cannot be reached, whoever listens. */
enum err socket_file_connect(const char *directory, int *ret_fd, struct why *why) MUST_USE;

#endif
