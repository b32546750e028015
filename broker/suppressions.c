/* A look-up of one address: canonical key, replica, expiry. Fails closed: what cannot be read is no "not suppressed". */
#include "broker/suppressions.h"

#include "lib/mail/address.h"

enum err suppressions_find(struct replica *replica, struct bytes address, int64_t wall_ms,
			   struct arena *arena, struct suppression *ret)
{
	struct address parsed;
	char canonical[ADDRESS_MAX + 1];
	if (address_parse(address, true, &parsed) || address_canonical(&parsed, canonical))
		return E_MALFORMED;

	uint8_t key[SUPPRESSION_KEY_MAX], value[REPLICA_VALUE_MAX];
	size_t key_len = suppression_key(BYTES_NONE, BYTES_NONE, bytes_of(canonical), key);
	size_t len;
	enum err err = replica_get(replica, bytes_from(key, key_len), value, sizeof value, &len);
	if (err)
		return err == E_NOT_FOUND ? E_NOT_FOUND : E_IO;

	struct suppression found;
	if (suppression_decode(arena, arena_copy(arena, bytes_from(value, len)), &found, NULL))
		return E_IO;
	bool has_expired = found.expires_wall_ms > 0 && found.expires_wall_ms <= wall_ms;
	if (found.is_removed || has_expired)
		return E_NOT_FOUND;
	*ret = found;
	return OK;
}
