/* Small durable state in LMDB: what must be looked up. One env per directory and process, shared by the process's threads and by
 * all who open that directory in it; several processes of a host may share the directory.
 *
 * Writes are jobs on the store's own thread: the jobs that wait are run in one transaction with one synced commit, then every
 * waiter is told on its own loop (group commit). Reads happen at once, on any thread, from the mapped file.
 * After a failed commit nothing it covered is acknowledged. E_FULL (no space on the disk for this
 * job) may be tried again later, and jobs that take out may come through meanwhile; after E_IO every later
 * write fails E_IO, because a synced commit that succeeds after a failed one proves nothing: leave, and open again. */
#ifndef LEVERET_LIB_STORE_STORE_H
#define LEVERET_LIB_STORE_STORE_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/loop/loop.h"

struct store;
struct store_txn;

#define STORE_KEY_MAX 511

/* Databases are named "table.suppressions", "journal", ...; all that a holder uses are given at its opening. The directory is
 * made when absent, for the owner's eyes only. E_BLOCKED: another process has it to itself. */
enum err store_open(const char *directory, const char *const *databases, size_t database_count,
		    struct store **ret, struct why *why) MUST_USE;

/* Zeros are the usual values; others are for tests. */
struct store_options {
	/* No other process may have the directory open (E_BLOCKED when one has; nor may this one, without the option), and space
	 * is given back: after a commit, when the file is over compact_file_bytes (64 MiB), and what is in use is less than a
	 * quarter of it and under compact_used_bytes (64 MiB), a copy of what is in use takes the file's place. Jobs wait for the
	 * copy, readers only for the exchange. A copy that fails is tried again after compact_retry_ms (a minute). */
	bool is_exclusive;
	uint64_t compact_file_bytes, compact_used_bytes;
	int64_t compact_retry_ms;
	size_t map_bytes; /* how far the file may grow before the map must: address space, not memory */
};
/* The options of the first that opens a directory are in force. */
enum err store_open_with(const char *directory, const char *const *databases, size_t database_count,
			 struct store_options options, struct store **ret,
			 struct why *why) MUST_USE;
/* Takes its files and its folder out of the file system: what is in it is gone with the last holder, however that ends. */
void store_unname(const struct store *store);
/* The last holder's closing finishes the jobs that wait. */
void store_close(struct store **store);
int store_database(const struct store *store, const char *name); /* unknown is a bug */

/* Reading. A snapshot must be ended soon, on the thread that began it, which must not wait for a write meanwhile: one that needs
 * a larger map waits for the snapshot. What it gives is borrowed until its end. Beginning never fails: one that cannot be had gives E_IO at every look-up. */
struct store_txn *store_read_begin(struct store *store);
void store_read_end(struct store_txn **txn);

/* E_NOT_FOUND. In a job, the value is borrowed until its next write. */
enum err store_get(struct store_txn *txn, int database, struct bytes key,
		   struct bytes *ret_value) MUST_USE;
/* In key order from the first key >= `from`; stops when `each` returns false. `each` must not write to that database. */
enum err store_each(struct store_txn *txn, int database, struct bytes from,
		    bool (*each)(void *owner, struct bytes key, struct bytes value),
		    void *owner) MUST_USE;
/* The greatest key and its value, E_NOT_FOUND when the database is empty. Both are borrowed as in store_get(). */
enum err store_last(struct store_txn *txn, int database, struct bytes *ret_key,
		    struct bytes *ret_value) MUST_USE;
uint64_t store_count(struct store_txn *txn, int database);

/* In jobs only. Keys are 1 to STORE_KEY_MAX bytes: E_MALFORMED, E_TOO_BIG. */
enum err store_put(struct store_txn *txn, int database, struct bytes key,
		   struct bytes value) MUST_USE;
enum err store_delete(struct store_txn *txn, int database,
		      struct bytes key) MUST_USE;		    /* absent: OK */
enum err store_clear(struct store_txn *txn, int database) MUST_USE; /* every key */

/* A write, from any thread: `job` runs on the store thread inside the shared transaction, and again from its start when room
 * had to be found; an error it returns undoes only its own writes and reaches `done`. `done` (NULL allowed) runs on `loop` after the
 * commit, in the order of the calls; the owner and the loop outlive it, by store_drain() if need be. */
void store_write(struct store *store, enum err (*job)(void *owner, struct store_txn *txn),
		 struct loop *loop, void (*done)(void *owner, enum err err), void *owner);

/* How large the store is, from any thread; zeros when it cannot be read. What is not in use is free for later writes, not lost. */
struct store_usage {
	uint64_t file_bytes; /* that data.mdb takes of the disk */
	uint64_t used_bytes; /* of its pages in use, as of the last commit */
};
struct store_usage store_usage(struct store *store);

/* For an owner or a loop that must end now, on the loop's thread: waits for the writes asked for with `loop`, of any store, and
 * runs their `done`s. The only call that waits: not for a loop that has other work to do. */
void store_drain(struct loop *loop);

#endif
