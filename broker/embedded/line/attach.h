/* The socket of a directory: where the host's loop takes clients of other processes, and how such a client reaches it. Only
 * processes of the same user (checked by the kernel's credentials) are let in. */
#ifndef LEVERET_BROKER_EMBEDDED_LINE_ATTACH_H
#define LEVERET_BROKER_EMBEDDED_LINE_ATTACH_H

#include "broker/embedded/core/core.h"

/* ---- at the host, on its loop ---- */

struct doorway;
enum err doorway_open(struct loop *loop, struct core *core, const char *directory,
		      struct doorway **ret, struct why *why) MUST_USE;
void doorway_close(struct doorway **doorway); /* detaches its sessions */
/* Attached processes are asked for a sign of life so often (30 s at first). One that gives none three times is refused from then
 * on, and what it held goes to others: it hangs or was stopped. */
void doorway_ping_every(struct doorway *doorway, int64_t ms);

/* ---- at the client, on its loop ---- */

struct attachment;
/* Connects; E_AWAY when nobody listens. `lost` once, from the loop; the attachment is then to be closed. */
enum err attachment_open(struct loop *loop, const char *directory,
			 void (*arrived)(void *owner, struct packet *packet),
			 void (*lost)(void *owner), void *owner, struct attachment **ret,
			 struct why *why) MUST_USE;
void attachment_send(struct attachment *attachment,
		     struct packet *packet); /* takes it; written at the end of the turn */
void attachment_close(struct attachment **attachment);

#endif
