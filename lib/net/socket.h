/* The socket calls of this folder in our own words: never blocking, errno turned into enum err and a line for a person.
 * Reads and writes give OK with a count of 0 for "not now". Nothing here owns a descriptor. */
#ifndef LEVERET_LIB_NET_SOCKET_H
#define LEVERET_LIB_NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/net/address.h"

/* Begin to connect; the socket becomes writable when that ended, and socket_connect_result() says how. */
enum err socket_connect(const struct net_address *to, const struct net_address *source, int *ret_fd,
			struct why *why) MUST_USE;
enum err socket_connect_result(int fd, const struct net_address *to, struct why *why) MUST_USE;
void socket_prepare(
	int fd); /* an accepted or connected one: not blocking, no delay for small writes */

/* E_CLOSED: end of file. */
enum err socket_read(int fd, void *out, size_t size, size_t *ret_count, struct why *why) MUST_USE;
enum err socket_write(int fd, struct bytes b, size_t *ret_count, struct why *why) MUST_USE;

/* share_port: other processes of this user may listen on the same port, and the kernel spreads connections over them. */
enum err socket_listen(const struct net_address *address, bool share_port, int *ret_fd,
		       struct why *why) MUST_USE;

struct net_address socket_local(int fd);
struct net_address socket_remote(int fd); /* len 0 when the peer is gone already */

#endif
