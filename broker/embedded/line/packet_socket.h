/* Packets over a connected socket, for both ends of it. Never blocks the loop: each turn reads and writes a bounded amount, and
 * what was sent during a turn is written at its end. Packets that wait are kept as they are, sharing their records, and are
 * encoded only when the socket takes them. */
#ifndef LEVERET_BROKER_EMBEDDED_LINE_PACKET_SOCKET_H
#define LEVERET_BROKER_EMBEDDED_LINE_PACKET_SOCKET_H

#include "broker/embedded/packet/packet.h"
#include "lib/loop/loop.h"

struct packet_socket;

/* Upcalls come from the loop, never from inside a packet_socket_ call; packet_socket_free() is allowed in them. */
struct packet_socket_handler { /* borrowed: a static table */
	/* Takes the packet. Anything but OK ends the socket with it. */
	enum err (*arrived)(void *owner, struct packet *packet);
	/* Once, and nothing after it; the owner then frees the socket. E_CLOSED: by the peer. E_MALFORMED: what came is no
	 * packet. E_TIMEOUT, E_FULL: the peer does not read (see the limits). E_TOO_BIG: a packet of ours. E_IO. */
	void (*ended)(void *owner, enum err err, const struct why *why);
};

/* For a peer that does not read what it is sent. While more than slow_bytes wait nothing is read from it, and it has slow_ms to
 * take something; more than max_bytes may never wait. */
struct packet_socket_limits {
	size_t slow_bytes;
	int64_t slow_ms;
	size_t max_bytes;
};

/* Takes the descriptor, which does not block. */
struct packet_socket *packet_socket_new(struct loop *loop, int fd,
					const struct packet_socket_limits *limits,
					const struct packet_socket_handler *handler, void *owner);
void packet_socket_free(struct packet_socket **socket); /* what waits is not sent */
/* Takes the packet; drops it when the socket has ended. */
void packet_socket_send(struct packet_socket *socket, struct packet *packet);
/* Whether the peer has read some of what waited for it since this was asked last. */
bool packet_socket_has_moved(struct packet_socket *socket);
/* While held nothing more is read from the peer; what was read by then still arrives. */
void packet_socket_hold(struct packet_socket *socket, bool is_held);
/* For an owner that ends before the turn does: write what waits, for wait_max_ms at most. This waits on the loop's thread. */
void packet_socket_flush(struct packet_socket *socket, int64_t wait_max_ms);

#endif
