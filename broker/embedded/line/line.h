/* A client's way to the core of a directory: through memory when this process hosts the core, over the directory's socket when
 * another one does. Whoever gets the directory's lock hosts; when the host dies, the others compete for the lock and the rest
 * attach to the winner. For the thread of `loop` only. */
#ifndef LEVERET_BROKER_EMBEDDED_LINE_LINE_H
#define LEVERET_BROKER_EMBEDDED_LINE_LINE_H

#include "broker/embedded/packet/packet.h"
#include "broker/settings.h"
#include "lib/loop/loop.h"
#include "lib/routing/routing.h"

struct line;

struct line_upcalls {
	void (*opened)(
		void *owner); /* packets may be sent; nothing of an earlier opening is known to the core */
	void (*arrived)(void *owner, struct packet *packet); /* takes it */
	void (*lost)(
		void *owner); /* what was sent and not answered may or may not be done; it opens again by itself */
};

/* `directory` is the engine's own ("<data_dir>/broker"), made when absent. E_IO: it cannot be made, or what it holds cannot be
 * opened. Upcalls come from the loop. */
enum err line_open(struct loop *loop, const char *directory, const struct broker_settings *settings,
		   const struct routing *routing, const struct line_upcalls *upcalls, void *owner,
		   struct line **ret, struct why *why) MUST_USE;
void line_close(
	struct line **line); /* no upcall comes after it; what was sent before still arrives */
/* Takes the packet; sent at the end of the loop's turn, dropped when the line is not open. */
void line_send(struct line *line, struct packet *packet);
const char *line_directory(const struct line *line); /* where bodies/ is */

#endif
