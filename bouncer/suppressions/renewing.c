#include "bouncer/suppressions/renewing.h"

#include "lib/base/buf.h"
#include "schemas/schemas.h"

static bool has_expired(const struct suppression *entry, int64_t wall_ms)
{
	return entry->expires_wall_ms > 0 && entry->expires_wall_ms <= wall_ms;
}

/* The copy leaves out whose entry it is, which its key tells. */
static enum renewal judge_copied(struct arena *arena, int64_t wall_ms,
				 const struct table_entry *row, struct bytes *value)
{
	struct suppression entry;
	struct buf whole;
	if (suppression_decode(arena, arena_copy(arena, row->value), &entry, NULL))
		return RENEWAL_LATE; /* of a later version of Leveret, maybe */
	if (has_expired(&entry, wall_ms))
		return RENEWAL_NONE;
	if (!suppression_key_owner(row->key, &entry.tenant, &entry.stream))
		return RENEWAL_LATE;
	entry.version = row->version;
	buf_init(&whole, REPLICA_VALUE_MAX);
	if (suppression_encode(&entry, &whole) == OK)
		*value = arena_copy(arena, buf_bytes(&whole));
	buf_done(&whole);
	return RENEWAL_LATE;
}

enum renewal renewing_judge(struct store_txn *txn, int own, struct arena *arena, int64_t wall_ms,
			    const struct table_entry *row, struct bytes *value)
{
	struct suppression entry;
	struct bytes stored;
	if (store_get(txn, own, row->key, &stored))
		return judge_copied(arena, wall_ms, row, value);
	struct bytes kept = arena_copy(arena, stored);
	if (suppression_decode(arena, kept, &entry, NULL) || entry.version < row->version)
		return judge_copied(arena, wall_ms, row, value);
	/* A later one of the ledger is on its way into the table. */
	if (entry.version > row->version || entry.is_removed || has_expired(&entry, wall_ms))
		return RENEWAL_NONE;
	*value = kept;
	return RENEWAL_DUE;
}
