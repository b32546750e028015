/* Small durable state in LMDB: what must be looked up. One env per directory and process, shared by the process's threads; several
 * processes of a host may share the directory.
 *
 * Writes are jobs on the store's own thread: all jobs waiting are run in one transaction with one synced commit, then every
 * waiter is told on its own loop (group commit). Reads happen at once, on any thread, from the mapped file.
 * After a failed commit nothing it covered is acknowledged; E_FULL (disk or map full) may be tried again later, E_IO stays. */
#ifndef LEVERET_LIB_STORE_STORE_H
#define LEVERET_LIB_STORE_STORE_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/loop/loop.h"

struct store;
struct store_txn;

/* Databases are named "table.suppressions", "journal", ...; all are given at opening. Keys: at most 511 bytes (longer: E_TOO_BIG). */
enum err store_open(const char *directory, const char *const *databases, size_t database_count, struct store **ret, struct why *why) MUST_USE;
void store_close(struct store **store); /* finishes the jobs that wait */
int store_database(const struct store *store, const char *name); /* index by name; unknown is a bug */

/* Reading. A snapshot must be ended soon, on the thread that began it; what it gives is borrowed until then. */
struct store_txn *store_read_begin(struct store *store);
void store_read_end(struct store_txn **txn);

enum err store_get(struct store_txn *txn, int database, struct bytes key, struct bytes *ret_value) MUST_USE; /* E_NOT_FOUND */
enum err store_put(struct store_txn *txn, int database, struct bytes key, struct bytes value) MUST_USE; /* write transactions only */
enum err store_delete(struct store_txn *txn, int database, struct bytes key) MUST_USE; /* absent is OK */
/* In key order from the first key >= `from`; stops when `each` returns false. Do not write to that database meanwhile. */
void store_each(struct store_txn *txn, int database, struct bytes from, bool (*each)(void *owner, struct bytes key, struct bytes value), void *owner);
uint64_t store_count(struct store_txn *txn, int database);

/* A write: `job` runs on the store thread inside the shared transaction (an error it returns undoes only its own writes and
 * reaches `done`); `done` runs on `loop` after the commit. `done` may be NULL. Called from any thread. */
void store_write(struct store *store, enum err (*job)(void *owner, struct store_txn *txn), struct loop *loop,
		 void (*done)(void *owner, enum err err), void *owner);

#endif
