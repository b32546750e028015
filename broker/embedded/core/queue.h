/* One queue: what is ready in it, who takes from it, and who gets what next.
 *
 *   disk:    [ ready, in order ........................................ ]
 *   memory:  returned | window (loaded)     | beyond (counted, not loaded)
 *                                     window_end                   last_order
 *
 * Consumers get what was returned first, then the window. A fresh message joins the window, with its record, while nothing lies
 * beyond it; else it is only counted, and read from disk when the window has run low. So a backlog costs no memory. */
#ifndef LEVERET_BROKER_EMBEDDED_CORE_QUEUE_H
#define LEVERET_BROKER_EMBEDDED_CORE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/broker.h"
#include "broker/embedded/core/layout.h"
#include "broker/embedded/packet/shared.h"

struct core;
struct session;
struct store_txn;
struct queue;

/* A message that is ready and loaded, or leased. */
struct entry {
	struct queue *queue;
	uint64_t order;	     /* 0 in the queue "waiting" */
	int64_t due_wall_ms; /* 0 but in the queue "waiting" */
	struct standing standing;
	struct shared *record;	  /* NULL: not loaded */
	uint64_t file, body_size; /* known once the record is loaded */

	/* while leased */
	struct session *session;
	struct seat *seat; /* NULL: its consumer was cancelled */
	uint64_t lease;
	bool is_marking; /* not sent yet: its standing is being written */

	bool was_released; /* leased before, in this run, which need not count in its standing */

	struct entry *previous, *next; /* in the queue's lists, or in its session's leases */
};

struct entries {
	struct entry *first, *last;
	size_t count;
};
void entries_add(struct entries *entries, struct entry *entry);
void entries_remove(struct entries *entries, struct entry *entry);

/* A session's consumer. */
struct seat {
	struct session *session;
	uint64_t tag;
	char *queue_name;
	struct queue *queue; /* NULL: there is none of that name yet */
	size_t prefetch, held, held_bytes;
	bool is_paused;
	struct seat *next;	   /* of the queue, in turn */
	struct seat *session_next; /* of the session */
};

enum queue_rule {
	QUEUE_RULE_MAIL,    /* buried when leased too often */
	QUEUE_RULE_SINGLE,  /* the same, and one consumer at a time: the first that is not paused */
	QUEUE_RULE_END,	    /* lost, buried, refused: nothing leaves it by itself */
	QUEUE_RULE_WAITING, /* the view on what is not due yet */
};

struct queue {
	struct core *core;
	uint32_t id;
	char *name;
	enum queue_rule rule;
	struct entries returned, window;
	uint64_t window_end, last_order;
	size_t beyond; /* committed, ready, not loaded */
	size_t leased;
	size_t marking; /* entries whose standing is on its way to the disk before they are given */
	size_t discarding; /* of the view: settled, and still in the index until that is committed */
	struct seat *seats; /* the next to be served first */
	bool is_due_for_dispatch;
	struct queue *next_due;
	struct queue *next; /* of the catalog, in the order of their making */
	void *hash_handle;  /* the catalog's */
};

struct queue *queue_new(struct core *core, uint32_t id, const char *name, enum queue_rule rule);
void queue_free(struct queue *queue); /* it has no leases and no seats */
size_t queue_ready(const struct queue *queue);

/* At start: a message that was found on disk. */
void queue_count(struct queue *queue, uint64_t order);
/* A message was committed as ready; record NULL: read it when it is wanted. */
void queue_note(struct queue *queue, uint64_t order, const struct standing *standing,
		struct shared *record);
/* A leased entry returns, and is taken out of its lease. */
void queue_return(struct entry *entry);
void entry_free(struct entry *entry);

/* What is given out next, read from disk if need be; NULL: nothing. The snapshot is as new as the last commit that was told. */
struct entry *queue_first(struct queue *queue, struct store_txn *txn);

/* What of it is in memory is freed; of a queue that goes, or of a view, which is made anew for each look. */
void queue_forget_entries(struct queue *queue);

/* seats.c: the first in turn with room for so many bytes, which goes to the end of the line, NULL: none; is there one for any? */
struct seat *queue_next_seat(struct queue *queue, uint64_t size);
bool queue_has_willing_seat(const struct queue *queue);

/* Give out what can be given out, at the end of the turn. */
void queue_wake(struct queue *queue);
void queue_forget_wake(struct queue *queue); /* before it is freed */
void queues_dispatch(struct core *core);

#endif
