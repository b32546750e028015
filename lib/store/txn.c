/* Reading and writing inside a transaction. A struct store_txn is a read snapshot, which owns its LMDB transaction and a share of
 * the map's lock, or a job's transaction, which belongs to the writer. Failures are those of the look-up; nothing is retried here. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/store/env.h"

static MDB_val val_of(struct bytes b)
{
	return (MDB_val){.mv_size = b.len, .mv_data = (void *)(uintptr_t)b.data};
}

static struct bytes bytes_of_val(MDB_val val)
{
	return bytes_from(val.mv_data, val.mv_size);
}

static MDB_dbi dbi_of(const struct store_txn *txn, int database)
{
	assert(database >= 0 && (size_t)database < atomic_load(&txn->store->database_count));
	return txn->store->databases[database].dbi;
}

struct store_txn *store_read_begin(struct store *store)
{
	struct store_txn *txn = memory_new(sizeof *txn);
	txn->store = store;
	if (store_begin(store, MDB_RDONLY, &txn->mdb))
		txn->mdb = NULL;
	return txn;
}

void store_read_end(struct store_txn **txn)
{
	struct store_txn *ending = *txn;
	*txn = NULL;
	if (!ending)
		return;
	if (ending->mdb) {
		mdb_txn_abort(ending->mdb);
		store_end(ending->store);
	}
	free(ending);
}

/* Remembers failures for the writer. */
static enum err outcome(struct store_txn *txn, int rc, const char *doing)
{
	enum err err = store_fail(NULL, rc, doing);
	if (err == E_FULL)
		txn->shortage = rc;
	if (err && err != E_NOT_FOUND)
		txn->failure = err;
	return err;
}

static enum err check_key(struct bytes key)
{
	if (key.len > STORE_KEY_MAX)
		return E_TOO_BIG;
	return key.len ? OK : E_MALFORMED;
}

enum err store_get(struct store_txn *txn, int database, struct bytes key, struct bytes *ret_value)
{
	if (!txn->mdb)
		return E_IO;
	if (check_key(key))
		return E_NOT_FOUND; /* it cannot have been put */
	MDB_val k = val_of(key), v;
	enum err err = outcome(txn, mdb_get(txn->mdb, dbi_of(txn, database), &k, &v), "get");
	if (err)
		return err;
	*ret_value = bytes_of_val(v);
	return OK;
}

enum err store_each(struct store_txn *txn, int database, struct bytes from,
		    bool (*each)(void *owner, struct bytes key, struct bytes value), void *owner)
{
	if (!txn->mdb)
		return E_IO;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn->mdb, dbi_of(txn, database), &cursor);
	if (rc)
		return outcome(txn, rc, "open cursor");
	MDB_val k = val_of(bytes_first(from, STORE_KEY_MAX)), v;
	rc = mdb_cursor_get(cursor, &k, &v, from.len ? MDB_SET_RANGE : MDB_FIRST);
	while (!rc && each(owner, bytes_of_val(k), bytes_of_val(v)))
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? OK : outcome(txn, rc, "walk");
}

enum err store_last(struct store_txn *txn, int database, struct bytes *ret_key,
		    struct bytes *ret_value)
{
	if (!txn->mdb)
		return E_IO;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn->mdb, dbi_of(txn, database), &cursor);
	if (rc)
		return outcome(txn, rc, "open cursor");
	MDB_val k, v;
	rc = mdb_cursor_get(cursor, &k, &v, MDB_LAST);
	mdb_cursor_close(cursor);
	if (rc)
		return outcome(txn, rc, "find last");
	*ret_key = bytes_of_val(k);
	*ret_value = bytes_of_val(v);
	return OK;
}

uint64_t store_count(struct store_txn *txn, int database)
{
	MDB_stat about;
	if (!txn->mdb || mdb_stat(txn->mdb, dbi_of(txn, database), &about))
		return 0;
	return about.ms_entries;
}

enum err store_put(struct store_txn *txn, int database, struct bytes key, struct bytes value)
{
	enum err err = check_key(key);
	if (err)
		return err;
	MDB_val k = val_of(key), v = val_of(value);
	txn->write_count++;
	txn->write_bytes += value.len;
	errno = 0;
	int rc = mdb_put(txn->mdb, dbi_of(txn, database), &k, &v, 0);
	return outcome(txn, store_write_rc(rc), "put");
}

enum err store_delete(struct store_txn *txn, int database, struct bytes key)
{
	if (check_key(key))
		return OK; /* it cannot have been put */
	MDB_val k = val_of(key);
	txn->write_count++;
	errno = 0;
	int rc = mdb_del(txn->mdb, dbi_of(txn, database), &k, NULL);
	return rc == MDB_NOTFOUND ? OK : outcome(txn, store_write_rc(rc), "delete");
}

enum err store_clear(struct store_txn *txn, int database)
{
	errno = 0;
	int rc = mdb_drop(txn->mdb, dbi_of(txn, database), 0);
	return outcome(txn, store_write_rc(rc), "clear");
}
