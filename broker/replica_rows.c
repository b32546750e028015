/* A row: version and flags in the byte order of this host, as LMDB's own files are, then the value. */
#include "broker/replica_rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define MARKS_DATABASE "table.positions"

#define REMOVED	 1u
#define UNDERCUT 2u
#define PLACE_SHIFT                                                                                \
	8 /* above it: the place + 1; 0: not known, as in rows that earlier versions wrote */

struct header {
	uint64_t version;
	uint64_t flags;
};

static uint64_t flags_of(bool is_removed, bool is_undercut, uint64_t place)
{
	return (is_removed ? REMOVED : 0) | (is_undercut ? UNDERCUT : 0) |
	       (place + 1) << PLACE_SHIFT;
}

enum err replica_parse(struct bytes stored, struct replica_value *ret)
{
	struct header header;
	if (stored.len < sizeof header)
		return E_MALFORMED;
	memcpy(&header, stored.data, sizeof header);
	*ret = (struct replica_value){
		.version = header.version,
		.is_removed = header.flags & REMOVED,
		.is_undercut = header.flags & UNDERCUT,
		.place = (header.flags >> PLACE_SHIFT) - 1,
		.value = bytes_skip(stored, sizeof header),
	};
	return OK;
}

static enum err put(struct store_txn *txn, int database, struct bytes key,
		    const struct replica_value *row)
{
	uint8_t stored[sizeof(struct header) + REPLICA_VALUE_MAX];
	struct header header = {.version = row->version,
				.flags = flags_of(row->is_removed, row->is_undercut, row->place)};
	assert(row->value.len <= REPLICA_VALUE_MAX);
	memcpy(stored, &header, sizeof header);
	if (row->value.len)
		memcpy(stored + sizeof header, row->value.data, row->value.len);
	return store_put(txn, database, key, bytes_from(stored, sizeof header + row->value.len));
}

/* Seen again: some hosts know less of an entry than others, so the longer value stays. */
static enum err note_again(struct store_txn *txn, int database, const struct table_entry *entry,
			   struct replica_value present, uint64_t place)
{
	bool says_more = entry->value.len > present.value.len && !present.is_removed;
	if (place == present.place && !present.is_undercut && !says_more)
		return OK;
	present.place = place;
	present.is_undercut = false;
	if (says_more)
		present.value = entry->value;
	return put(txn, database, entry->key, &present);
}

static enum err note_older(struct store_txn *txn, int database, struct bytes key,
			   struct replica_value present, uint64_t place)
{
	if (present.is_undercut || present.place == PLACE_UNKNOWN || place < present.place)
		return OK;
	present.is_undercut = true;
	return put(txn, database, key, &present);
}

static enum err apply(struct store_txn *txn, int database, const struct table_entry *entry,
		      uint64_t place, uint64_t horizon, bool *has_changed)
{
	struct bytes stored;
	struct replica_value present;
	enum err err = store_get(txn, database, entry->key, &stored);
	if (err == E_NOT_FOUND && entry->version < horizon)
		return OK;
	if (err && err != E_NOT_FOUND)
		return err;
	bool is_known = !err && !replica_parse(stored, &present);
	if (is_known && present.version >= entry->version && place == PLACE_UNKNOWN)
		return OK;
	if (is_known && present.version == entry->version)
		return note_again(txn, database, entry, present, place);
	if (is_known && present.version > entry->version)
		return note_older(txn, database, entry->key, present, place);
	const struct replica_value row = {.version = entry->version,
					  .is_removed = entry->value.len == 0,
					  .place = place,
					  .value = entry->value};
	*has_changed = true;
	return put(txn, database, entry->key, &row);
}

enum err replica_apply(struct store_txn *txn, int database, const struct table_entry *entry)
{
	bool has_changed;
	return apply(txn, database, entry, PLACE_UNKNOWN, 0, &has_changed);
}

enum err rows_apply(const struct replica_rows *rows, struct store_txn *txn,
		    const struct table_entry *entry, uint64_t position, uint64_t horizon,
		    bool *has_changed)
{
	return apply(txn, rows->database, entry, position, horizon, has_changed);
}

/* ---- marks ---- */

/* The position stands under the table's name alone. */
static struct bytes mark_key(const struct replica_rows *rows, enum replica_mark mark,
			     char out[TABLE_NAME_MAX + 16])
{
	static const char *const ends[] = {"", ".highest", ".horizon", ".cut"};
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
	for (enum replica_mark mark = MARK_POSITION; mark < MARK_COUNT && !err; mark++)
		err = rows_forget_mark(&rows, txn, mark);
	return err;
}
