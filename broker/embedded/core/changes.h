/* Everything that changes the engine's databases, as values: collected while the last commit runs, then applied together in one
 * transaction with one synced commit, then told in the order in which they were asked for.
 *
 * When the disk is full, the changes of that commit that bring something new fail with E_FULL; those that finish something
 * (removals, retries, burials) are kept and tried again until there is space. A commit that fails for any other reason ends the
 * process: what a synced commit after it would say could not be believed. */
#ifndef LEVERET_BROKER_EMBEDDED_CORE_CHANGES_H
#define LEVERET_BROKER_EMBEDDED_CORE_CHANGES_H

#include <sys/queue.h>

#include "broker/embedded/core/layout.h"
#include "broker/embedded/packet/shared.h"
#include "lib/loop/loop.h"
#include "lib/store/store.h"

enum change_kind {
	CHANGE_ADD, /* a new message: record, standing; to queue and order, or waiting until due */
	CHANGE_REMOVE,	/* a message of queue and order, with its record */
	CHANGE_DEFER,	/* from queue and order to waiting until due */
	CHANGE_PROMOTE, /* from waiting (due) to queue and order */
	CHANGE_DISCARD, /* a waiting message (due), with its record */
	CHANGE_MARK,	/* the standing of a message of queue and order */
	CHANGE_QUEUE,	/* a queue's name (text) */
	CHANGE_UNQUEUE, /* a queue, its bindings and its messages */
	CHANGE_BIND,	/* a pattern (text) of a queue */
	CHANGE_APPEND,	/* an entry (record: key, then value) of a table */
	CHANGE_FORGET,	/* what stands at a key (record) of a table, up to a version */
	CHANGE_NUMBER,	/* a number (position) by its name (text) */
	CHANGE_PROBE,	/* bytes (record) of no meaning: is there space? */
};

struct change {
	enum change_kind kind;
	bool is_dispensable; /* fails when the disk is full, instead of being tried again */
	bool is_with_next;   /* the change added next belongs to the same act: both or none */
	uint32_t queue;
	uint64_t order;
	int64_t due_wall_ms; /* 0: ready at once */
	struct standing standing;
	uint64_t file; /* of the record's body; 0: none */
	const struct table_databases *table;
	uint64_t position, version;
	uint16_t key_len;
	struct shared *record; /* a reference is owned */
	char *text;	       /* owned */

	void (*done)(void *owner, enum err err); /* NULL: nobody waits */
	void *owner;
	STAILQ_ENTRY(change) next; /* for changes.c */
};

struct databases {
	int messages, ready, waiting, files, queues, bindings, engine;
};
struct table_databases {
	const char *name;
	int log, keys;
};

/* apply.c */
enum err change_apply(struct store_txn *txn, const struct databases *databases,
		      const struct change *change) MUST_USE;

struct changes;

/* `is_full_changed` is told when the disk gets full and when a commit succeeds again. */
struct changes *changes_new(struct loop *loop, struct store *store,
			    const struct databases *databases,
			    void (*is_full_changed)(void *owner, bool is_full), void *owner);
void changes_free(struct changes **changes); /* after changes_finish() */

struct change *change_new(enum change_kind kind);
void changes_add(struct changes *changes, struct change *change); /* takes it */
/* Waits until nothing is pending, running every done; false when the disk stays full. For the end of the core only. */
bool changes_finish(struct changes *changes);

#endif
