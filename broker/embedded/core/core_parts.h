/* What the files of the core share. Not for others. */
#ifndef LEVERET_BROKER_EMBEDDED_CORE_CORE_PARTS_H
#define LEVERET_BROKER_EMBEDDED_CORE_CORE_PARTS_H

#include <sys/queue.h>

#include "broker/embedded/core/catalog.h"
#include "broker/embedded/core/changes.h"
#include "broker/embedded/core/core.h"
#include "broker/embedded/packet/record.h"
#include "broker/engine.h"

/* Records of fresh messages that windows may hold in memory. */
#define CORE_WINDOW_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct delays;
struct logs;
struct permits;
struct control;

struct core {
	struct loop *loop;
	char *directory;
	const struct broker_settings *settings;
	const struct routing *routing;
	struct store *store;
	struct databases databases;
	struct changes *changes;
	struct catalog *catalog;
	struct delays *delays;
	struct logs *logs; /* tables */
	struct permits *permits;
	struct control *control;

	uint64_t next_number; /* of messages and orders */
	/* Each opening is a run. What was written in a run that did not end cleanly may have been leased in it. */
	uint32_t run, crashed_run;

	struct session *sessions;
	bool is_full; /* a commit found no space */
	bool is_low;  /* less than min_free is left */
	struct timer *space;

	struct queue *due_first; /* to be dispatched at the end of the turn */
	struct task dispatch;
	size_t window_bytes;

	/* leases by number: slot in the low half, its use in the high half */
	struct lease_slot {
		struct entry *entry;
		uint32_t use, next_free;
	} * slots;
	uint32_t slot_count, slot_free; /* slot_free: UINT32_MAX when none */
};

static inline uint64_t core_number(struct core *core)
{
	return core->next_number++;
}

void core_add(struct core *core, struct change *change);

/* ---- session.c ---- */

struct session {
	struct core *core;
	void (*send)(void *owner, struct packet *packet);
	void *owner;
	char role[32];
	enum broker_state told_state;
	struct seat *seats;
	struct entries leases;
	size_t held_bytes, prefetch_bytes;
	bool wants_bytes; /* a message was held back by prefetch_bytes: all its queues are looked at when one is settled */
	size_t seat_count, follower_count;
	LIST_HEAD(, asker) askers; /* for permits */
	size_t asker_count;
	bool is_listening;
	LIST_HEAD(, question) questions; /* its own, whose answers it waits for */
	size_t question_count;
	size_t untaken_count, untaken_bytes; /* questions and answers on their way to it */
	unsigned pending;		     /* requests that a change still has to answer */
	size_t pending_bytes;
	bool is_detached; /* freed when nothing is pending */
	struct session *previous, *next;
};

void session_send(struct session *session, struct packet *packet);	  /* takes it */
void session_answer(struct session *session, uint64_t tag, enum err err); /* tag 0: nobody waits */
/* Much more than what session_is_busy() tells of: no disk takes that in the time that a client waits, so nothing is added to it. */
bool session_is_overloaded(const struct session *session);
/* A request that waits for changes, with the bytes it holds in memory meanwhile; and the answer to it. */
void session_begin(struct session *session, size_t bytes);
void session_finish(struct session *session, uint64_t tag, enum err err, size_t bytes);
void sessions_tell_state(struct core *core);

/* ---- seats.c ---- */

enum err seats_consume(struct session *session, const struct packet *packet) MUST_USE;
enum err seats_pause(struct session *session, const struct packet *packet) MUST_USE;
enum err seats_cancel(struct session *session, uint64_t tag) MUST_USE;
void seats_free(struct session *session); /* all of them */
/* Seats that wait for a queue of this name sit down. */
void sessions_seat(struct core *core, struct queue *queue);

/* ---- subscribing.c ---- */

/* Answered when it is on disk, or when it is refused. */
enum err subscribing_begin(struct session *session, const struct packet *packet) MUST_USE;
enum err subscribing_end(struct session *session, const struct packet *packet) MUST_USE;

/* ---- inspect.c ---- */

void session_inspect(struct session *session, uint64_t tag);

/* ---- leases.c ---- */

void lease_give(struct seat *seat, struct entry *entry, size_t size);
enum err lease_take_back(struct session *session, uint64_t number, enum settlement how,
			 int64_t delay_ms, const char *reason) MUST_USE;
void leases_drop(struct session *session); /* all of them: their holder is gone */
/* A message that was leased too often, or that its holder gave up. */
void entry_set_aside(struct entry *entry, enum exchange where, const char *reason);

/* ---- publish.c ---- */

/* Takes the record. */
void core_publish(struct session *session, uint64_t tag, struct shared *record,
		  int64_t not_before_wall_ms);
void core_unlink_body(const struct core *core, uint64_t file);

/* ---- delays.c ---- */

struct delays *delays_new(struct core *core);
void delays_free(struct delays **delays);
void delays_note(struct delays *delays,
		 int64_t due_wall_ms); /* something was committed as waiting until then */
int64_t delays_count(const struct delays *delays);
/* Loads what waits into the view's window, which is empty. */
void delays_fill(struct queue *waiting, struct store_txn *txn);

/* ---- permits.c ---- */

/* A core that follows another begins by giving nothing for a while: who held a place then has not noticed yet. */
struct permits *permits_new(struct core *core, bool has_forerunner);
void permits_free(struct permits **permits); /* every session is detached before */
enum err permits_ask(struct session *session, const struct packet *packet) MUST_USE;
enum err permits_forget(struct session *session, uint64_t tag) MUST_USE;
void permits_drop(struct session *session); /* all of its permits: it is gone */

/* ---- control.c ---- */

struct control *control_new(void);
void control_free(struct control **control); /* every session is detached before */
enum err control_ask(struct session *session, uint64_t tag,
		     struct shared *question) MUST_USE;	   /* borrows it */
void control_unask(struct session *session, uint64_t tag); /* 0: all of the session's */
enum err control_answer(struct session *session, uint64_t number, struct shared *answer) MUST_USE;
enum err control_taken(struct session *session, int64_t bytes) MUST_USE;

/* ---- logs.c ---- */

/* A row is all that a table needs here: its two databases come of it. */
#define CORE_TABLES(X)                                                                             \
	X("suppressions")                                                                          \
	X("directives")                                                                            \
	X("sites")                                                                                 \
	X("webhooks")
struct logs *logs_new(struct core *core, struct store_txn *txn);
void logs_free(struct logs **logs);
enum err logs_follow(struct session *session, const struct packet *packet);
void logs_unfollow(struct session *session, uint64_t tag); /* 0: all of the session's */
void logs_append(struct session *session, const struct packet *packet,
		 struct shared *entry); /* takes the entry */

#endif
