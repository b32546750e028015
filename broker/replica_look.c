#include "broker/replica_look.h"

#include <string.h>

enum err rows_get(struct store *store, const struct replica_rows *rows, struct bytes key,
		  uint8_t *out, size_t size, size_t *ret_len)
{
	struct store_txn *txn = store_read_begin(store);
	struct bytes stored;
	struct replica_value found;
	enum err err = store_get(txn, rows->database, key, &stored);
	if (!err)
		err = replica_parse(stored, &found);
	if (!err && found.is_removed)
		err = E_NOT_FOUND;
	if (!err && found.value.len > size)
		err = E_TOO_BIG;
	if (!err) {
		if (found.value.len)
			memcpy(out, found.value.data, found.value.len);
		*ret_len = found.value.len;
	}
	store_read_end(&txn);
	return err;
}

struct walk {
	struct arena *arena;
	bool (*each)(void *owner, const struct table_entry *entry);
	void *owner;
};

static bool walk_on(void *owner, struct bytes key, struct bytes stored)
{
	const struct walk *walk = owner;
	struct replica_value value;
	if (replica_parse(stored, &value) || value.is_removed)
		return true;
	const struct table_entry entry = {
		.key = arena_copy(walk->arena, key),
		.value = arena_copy(walk->arena, value.value),
		.version = value.version,
	};
	return walk->each(walk->owner, &entry);
}

enum err rows_each(struct store *store, const struct replica_rows *rows, struct bytes from,
		   struct arena *arena, bool (*each)(void *owner, const struct table_entry *entry),
		   void *owner)
{
	struct walk walk = {arena, each, owner};
	struct store_txn *txn = store_read_begin(store);
	enum err err = store_each(txn, rows->database, from, walk_on, &walk);
	store_read_end(&txn);
	return err;
}

uint64_t rows_count(struct store *store, const struct replica_rows *rows)
{
	struct store_txn *txn = store_read_begin(store);
	uint64_t count = store_count(txn, rows->database);
	store_read_end(&txn);
	return count;
}

uint64_t rows_mark_now(struct store *store, const struct replica_rows *rows, enum replica_mark mark)
{
	struct store_txn *txn = store_read_begin(store);
	uint64_t value = rows_mark(rows, txn, mark);
	store_read_end(&txn);
	return value;
}
