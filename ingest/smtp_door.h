/* The SMTP door: one listener of the settings, and for each of its sessions what may be mailed and
 * what becomes of it. Lives on one loop. */
#ifndef LEVERET_INGEST_SMTP_DOOR_H
#define LEVERET_INGEST_SMTP_DOOR_H

#include "broker/replica.h"
#include "ingest/acceptance.h"
#include "ingest/logins.h"

struct smtp_door_options { /* borrowed */
	struct node node;
	const struct listener_settings *listener;
	const struct ingest_settings *settings;
	struct acceptor *acceptor;
	struct logins *logins; /* NULL: no listener asks for them */
	struct replica *suppressions;
	const struct conf_items *certificates; /* struct certificate_settings */
	const char *spool;		       /* folder for unlinked files */
	void (*drained)(void *owner);
	void *owner;
};

struct smtp_door;
enum err smtp_door_open(const struct smtp_door_options *options, struct smtp_door **ret,
			struct why *why) MUST_USE;
void smtp_door_reload(struct smtp_door *door); /* certificates, from their files */
/* No new clients; each gets the answer to the message it is sending, then 421. `drained` comes
 * later. */
void smtp_door_stop(struct smtp_door *door);
/* After it nothing waits for acceptances of this door any more. */
void smtp_door_free(struct smtp_door **door);

#endif
