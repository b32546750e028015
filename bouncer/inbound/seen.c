/* See seen.h. */
#include "bouncer/inbound/seen.h"

#include <string.h>

#include "lib/crypto/digest.h"

#define DAY_MS 86400000

static void write_day(int64_t wall_ms, uint8_t out[2])
{
	int64_t day = wall_ms > 0 ? wall_ms / DAY_MS : 0;
	out[0] = (uint8_t)(day >> 8);
	out[1] = (uint8_t)day;
}

/* A token calls the message by another name than a claim does, where a client chose its id: both are one here. */
void seen_key(const struct finding *finding, uint8_t out[SEEN_KEY_SIZE])
{
	char id[RETURN_ID_SIZE];
	const uint8_t kind = (uint8_t)finding->kind;
	return_id(finding->message_id, id);
	const struct bytes parts[] = {bytes_from(&kind, 1), bytes_of(id), finding->address};
	struct digest digest = digest_of_parts(parts, sizeof parts / sizeof parts[0]);
	write_day(finding->day_wall_ms, out);
	memcpy(out + 2, digest.bytes, SEEN_KEY_SIZE - 2);
}

bool seen_has(struct store *store, const uint8_t key[SEEN_KEY_SIZE])
{
	struct bytes value;
	struct store_txn *txn = store_read_begin(store);
	enum err err = store_get(txn, store_database(store, SEEN_DATABASE),
				 bytes_from(key, SEEN_KEY_SIZE), &value);
	store_read_end(&txn);
	return err == OK;
}

enum err seen_put(struct store_txn *txn, int database, const uint8_t key[SEEN_KEY_SIZE])
{
	return store_put(txn, database, bytes_from(key, SEEN_KEY_SIZE), BYTES("1"));
}

struct old { /* the next rows that are to go */
	uint8_t keys[SEEN_FORGET_MAX][SEEN_KEY_SIZE];
	size_t count;
	uint8_t first_day[2];
};

static bool take_old(void *owner, struct bytes key, struct bytes value)
{
	struct old *old = owner;
	(void)value;
	if (key.len != SEEN_KEY_SIZE || memcmp(key.data, old->first_day, 2) >= 0)
		return false;
	memcpy(old->keys[old->count++], key.data, SEEN_KEY_SIZE);
	return old->count < SEEN_FORGET_MAX;
}

enum err seen_forget(struct store_txn *txn, int database, int64_t first_day_wall_ms)
{
	struct old old = {.count = 0};
	write_day(first_day_wall_ms, old.first_day);
	enum err err = store_each(txn, database, BYTES_NONE, take_old, &old);
	for (size_t i = 0; i < old.count && !err; i++)
		err = store_delete(txn, database, bytes_from(old.keys[i], SEEN_KEY_SIZE));
	return err;
}
