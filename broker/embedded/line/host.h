/* The core of a directory in this process: the directory's lock, a thread with a loop, the core, and the socket at which other
 * processes attach. One per directory and process, shared by its lines, gone with the last of them. */
#ifndef LEVERET_BROKER_EMBEDDED_LINE_HOST_H
#define LEVERET_BROKER_EMBEDDED_LINE_HOST_H

#include "broker/embedded/core/core.h"

struct host;
struct port;

/* From any thread. E_BLOCKED: another process has the lock (why names it). E_IO: see core_open(). The settings and routing of the
 * first that asks are in force; they outlive the host. */
enum err host_join(const char *directory, const struct broker_settings *settings,
		   const struct routing *routing, struct host **ret, struct why *why) MUST_USE;
void host_leave(struct host **host); /* the last one waits until the core is closed */

/* A session of the host's core for a client on another loop of this process. `arrived` is called on the client's loop. */
struct port *port_open(struct host *host, struct loop *client_loop,
		       void (*arrived)(void *owner, struct packet *packet), void *owner);
void port_send(struct port *port,
	       struct packet *packet); /* takes it; batched until the end of the turn */
void port_close(
	struct
	port **port); /* what was sent before still reaches the core; `arrived` is not called again */

#endif
