#include "bouncer/suppressions/present.h"

#include "broker/replica.h"

static enum err read_own(struct store_txn *txn, int database, struct bytes key, struct arena *arena,
			 struct present *ret)
{
	struct bytes stored;
	enum err err = store_get(txn, database, key, &stored);
	if (err)
		return err == E_NOT_FOUND ? OK : err;
	ret->is_known = ret->is_own =
		!suppression_decode(arena, arena_copy(arena, stored), &ret->suppression, NULL);
	return OK; /* what cannot be read is written anew */
}

/* The table may know more than this store: another one was in its place. */
static enum err read_table(struct store_txn *txn, int database, struct bytes key,
			   struct arena *arena, struct present *ret)
{
	struct bytes stored;
	struct replica_value found;
	enum err err = store_get(txn, database, key, &stored);
	if (err)
		return err == E_NOT_FOUND ? OK : err;
	if (replica_parse(stored, &found))
		return OK;
	ret->has_table_version = true;
	ret->table_version = found.version;
	if (ret->is_known && ret->suppression.version >= found.version)
		return OK;
	struct suppression newer = {.is_removed = true};
	if (!found.is_removed &&
	    suppression_decode(arena, arena_copy(arena, found.value), &newer, NULL))
		return OK;
	newer.version = found.version;
	ret->suppression = newer;
	ret->is_known = true;
	ret->is_own = false;
	return OK;
}

enum err present_read(struct store_txn *txn, const struct ledger_databases *databases,
		      struct bytes key, struct arena *arena, struct present *ret)
{
	*ret = (struct present){0};
	enum err err = read_own(txn, databases->own, key, arena, ret);
	return err ? err : read_table(txn, databases->table, key, arena, ret);
}
