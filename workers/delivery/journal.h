/* What remote hosts took, kept on disk until the lease it came by is surely settled: a request that comes again skips it
 * (README, promise 3). In LMDB, database "journal", shared by all workers of the host. Lives on one loop.
 *
 * Writing is not waited for: it is durable some milliseconds after the remote's answer, and what a crash takes in between is sent again. */
#ifndef LEVERET_WORKERS_DELIVERY_JOURNAL_H
#define LEVERET_WORKERS_DELIVERY_JOURNAL_H

#include "lib/base/arena.h"
#include "lib/store/store.h"

#define JOURNAL_DATABASE "journal"

struct journal;
struct journal *journal_new(struct loop *loop, struct store *store);
void journal_free(struct journal **journal); /* waits for its writes */

struct journal_entry {
	uint32_t attempt, code;
	int64_t at_wall_ms;
	struct bytes enhanced, text, remote_host; /* text: the first 200 bytes are kept */
};
void journal_note(struct journal *journal, struct bytes id, struct bytes recipient,
		  const struct journal_entry *entry);
/* The entry's bytes are in the arena. */
bool journal_find(struct journal *journal, struct bytes id, struct bytes recipient,
		  struct arena *arena, struct journal_entry *ret);

/* Its lease was acked. The entry goes a while later, when the ack has surely reached the broker. */
void journal_forget(struct journal *journal, struct bytes id, struct bytes recipient);
/* The connection to the broker was lost, and recent acks perhaps with it: what was to be forgotten stays (a week). */
void journal_broker_lost(struct journal *journal);

/* An entry as it is stored. Pure. */
#define JOURNAL_VALUE_MAX 600
size_t journal_entry_encode(const struct journal_entry *entry, uint8_t out[JOURNAL_VALUE_MAX]);
bool journal_entry_decode(struct bytes stored,
			  struct journal_entry *ret); /* borrows from `stored` */

#endif
