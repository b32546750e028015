/* What GET /v1/messages/{id} can tell: messages that this host accepted, and what became of each recipient, for a week. Kept in a store
 * of its own (node.data_dir/ingest), written behind the answers, in jobs of many.
 *
 * Results come by a queue of this host (QUEUE_HOST_PREFIX, "results.", node.hostname), which gets all of them: those of messages that
 * were accepted elsewhere are passed over, and a message is known only where it was accepted. It is knowledge, not proof: a host that
 * dies forgets what it had not written yet, and results themselves are what a client may rely on. Lives on one loop. */
#ifndef LEVERET_INGEST_TRACES_H
#define LEVERET_INGEST_TRACES_H

#include "ingest/ingest.h"
#include "ingest/mail.h"
#include "ingest/trace_rows.h"

struct traces;
enum err traces_open(const struct node *node, struct broker *broker,
		     const struct ingest_settings *settings, struct traces **ret,
		     struct why *why) MUST_USE;
void traces_stop(struct traces *traces); /* takes no more results; what was noted is written */
/* Before the broker is closed. Waits for what is being written. */
void traces_free(struct traces **traces);

void traces_broker_ready(struct traces *traces); /* tell it whenever the broker is */

/* A mail that is about to be published: before any result of it can come. */
void traces_note(struct traces *traces, const struct mail *mail);
/* E_NOT_FOUND, E_IO. */
enum err traces_find(struct traces *traces, struct bytes tenant, struct bytes message,
		     struct arena *arena, struct trace *ret) MUST_USE;

/* Where messages are not remembered any more: so that a queue of earlier days does not grow for ever. E_NOT_FOUND: there is none.
 * Anything else but OK: not now, for example because who consumed it has only just left. */
void traces_forget_queue(const struct node *node, struct broker *broker, published done,
			 void *owner);

#endif
