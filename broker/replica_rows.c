/* A row: version and flags in the byte order of this host, as LMDB's own files are, then the value. */
#include "broker/replica_rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define MARKS_DATABASE "table.positions"
#define REMOVED	       1u

struct header {
	uint64_t version;
	uint64_t flags;
};

enum err replica_parse(struct bytes stored, struct replica_value *ret)
{
	struct header header;
	if (stored.len < sizeof header)
		return E_MALFORMED;
	memcpy(&header, stored.data, sizeof header);
	*ret = (struct replica_value){
		.version = header.version,
		.is_removed = header.flags & REMOVED,
		.value = bytes_skip(stored, sizeof header),
	};
	return OK;
}

static enum err put(struct store_txn *txn, int database, const struct table_entry *entry)
{
	uint8_t value[sizeof(struct header) + REPLICA_VALUE_MAX];
	struct header header = {.version = entry->version, .flags = entry->value.len ? 0 : REMOVED};
	assert(entry->value.len <= REPLICA_VALUE_MAX);
	memcpy(value, &header, sizeof header);
	if (entry->value.len)
		memcpy(value + sizeof header, entry->value.data, entry->value.len);
	return store_put(txn, database, entry->key,
			 bytes_from(value, sizeof header + entry->value.len));
}

static enum err apply(struct store_txn *txn, int database, const struct table_entry *entry,
		      uint64_t horizon)
{
	struct bytes stored;
	struct replica_value present;
	enum err err = store_get(txn, database, entry->key, &stored);
	if (err == E_NOT_FOUND && entry->version < horizon)
		return OK;
	if (err && err != E_NOT_FOUND)
		return err;
	if (!err && !replica_parse(stored, &present) && present.version >= entry->version)
		return OK;
	return put(txn, database, entry);
}

enum err replica_apply(struct store_txn *txn, int database, const struct table_entry *entry)
{
	return apply(txn, database, entry, 0);
}

enum err rows_apply(const struct replica_rows *rows, struct store_txn *txn,
		    const struct table_entry *entry, uint64_t horizon)
{
	return apply(txn, rows->database, entry, horizon);
}

/* ---- marks ---- */

/* The position stands under the table's name alone. */
static struct bytes mark_key(const struct replica_rows *rows, enum replica_mark mark,
			     char out[TABLE_NAME_MAX + 16])
{
	static const char *const ends[] = {"", ".highest", ".horizon"};
	(void)snprintf(out, TABLE_NAME_MAX + 16, "%s%s", rows->table, ends[mark]);
	return bytes_of(out);
}

uint64_t rows_mark(const struct replica_rows *rows, struct store_txn *txn, enum replica_mark mark)
{
	char key[TABLE_NAME_MAX + 16];
	struct bytes stored;
	uint64_t value = 0;
	if (!store_get(txn, rows->marks, mark_key(rows, mark, key), &stored) &&
	    stored.len == sizeof value)
		memcpy(&value, stored.data, sizeof value);
	return value;
}

enum err rows_set_mark(const struct replica_rows *rows, struct store_txn *txn,
		       enum replica_mark mark, uint64_t value)
{
	char key[TABLE_NAME_MAX + 16];
	return store_put(txn, rows->marks, mark_key(rows, mark, key),
			 bytes_from(&value, sizeof value));
}

enum err rows_forget_mark(const struct replica_rows *rows, struct store_txn *txn,
			  enum replica_mark mark)
{
	char key[TABLE_NAME_MAX + 16];
	return store_delete(txn, rows->marks, mark_key(rows, mark, key));
}

void rows_init(struct replica_rows *rows, const struct store *store, const char *table)
{
	char name[TABLE_NAME_MAX + sizeof "table."];
	assert(strlen(table) <= TABLE_NAME_MAX);
	(void)snprintf(rows->table, sizeof rows->table, "%s", table);
	(void)snprintf(name, sizeof name, "table.%s", table);
	rows->database = store_database(store, name);
	rows->marks = store_database(store, MARKS_DATABASE);
}

enum err replica_forget(struct store_txn *txn, struct store *store, const char *table)
{
	struct replica_rows rows;
	rows_init(&rows, store, table);
	enum err err = store_clear(txn, rows.database);
	for (enum replica_mark mark = MARK_POSITION; mark <= MARK_HORIZON && !err; mark++)
		err = rows_forget_mark(&rows, txn, mark);
	return err;
}
