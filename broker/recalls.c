/* Fails closed, as suppressions do. */
#include "broker/recalls.h"

enum err recalls_find(struct replica *replica, const struct labels *labels,
		      int64_t accepted_wall_ms, struct arena *arena)
{
	struct directive directive = {
		.kind = DIRECTIVE_RECALL, .tenant = labels->tenant, .campaign = labels->campaign};
	uint8_t key[SUPPRESSION_KEY_MAX], value[REPLICA_VALUE_MAX];
	size_t len;
	if (labels->campaign.len == 0)
		return E_NOT_FOUND;
	size_t key_len = directive_key(&directive, key);
	enum err err = replica_get(replica, bytes_from(key, key_len), value, sizeof value, &len);
	if (err)
		return err == E_NOT_FOUND ? E_NOT_FOUND : E_IO;
	if (directive_decode(arena, bytes_from(value, len), &directive, NULL))
		return E_IO;
	return accepted_wall_ms <= directive.until_wall_ms ? OK : E_NOT_FOUND;
}
