/* What `queue export` and `queue import` agree on: which queues hold mail to be moved, and where their messages are published
 * again. Pure. */
#ifndef LEVERET_LEVERET_MOVING_H
#define LEVERET_LEVERET_MOVING_H

#include "broker/broker.h"
#include "lib/base/arena.h"
#include "schemas/backlog.h"

/* Messages of Leveret's own: not those of followers, whose readers take them, nor tables. */
bool moving_takes(const char *queue);
/* As a record of the file, borrowing from both. E_NOT_FOUND: nobody knows where it goes. */
enum err moving_record(const char *queue, const struct lease *lease,
		       struct backlog_record *ret) MUST_USE;

/* The publication that a record asks for, with texts in the arena and the body borrowed: publication->head is all of it.
 * E_MALFORMED. */
enum err moving_publication(struct arena *arena, const struct backlog_record *record,
			    struct publication *ret, struct why *why) MUST_USE;

#endif
