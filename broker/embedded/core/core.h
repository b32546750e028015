/* The heart of the embedded engine: durable queues, leases, routing, delays, tables, in one directory. It lives on a loop of its
 * own and is used only on that loop's thread. Its clients are sessions: one per struct broker, which send and get packets
 * (packet.h). All that arrived since the last commit goes into one transaction with one synced commit; then every waiter is told
 * and fresh messages go to consumers from memory. */
#ifndef LEVERET_BROKER_EMBEDDED_CORE_CORE_H
#define LEVERET_BROKER_EMBEDDED_CORE_CORE_H

#include "broker/embedded/packet/packet.h"
#include "broker/settings.h"
#include "lib/loop/loop.h"
#include "lib/routing/routing.h"

struct core;
struct session;

/* Opens or makes what is kept in `directory` (which exists, and which the caller has locked against other processes). Settings and
 * routing are borrowed. E_IO: it cannot be read or is not ours. */
enum err core_open(struct loop *loop, const char *directory, const struct broker_settings *settings,
		   const struct routing *routing, struct core **ret, struct why *why) MUST_USE;
/* Every session is detached before. Commits what is pending. */
void core_close(struct core **core);

/* `send` gives a packet to the client; it takes it, and must not call the core from inside. */
struct session *core_attach(struct core *core, void (*send)(void *owner, struct packet *packet),
			    void *owner);
/* Its leases return to their queues; DONEs that it waits for are not sent; what it published is kept all the same. */
void core_detach(struct session **session);
/* Takes the packet. E_MALFORMED: the client does not keep to packet.h, and is to be detached. */
enum err session_receive(struct session *session, struct packet *packet) MUST_USE;
/* So much of what it asked for waits for the disk that nothing more should be taken from it until a DONE has come. */
bool session_is_busy(const struct session *session);

#endif
