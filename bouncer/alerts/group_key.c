#include "bouncer/alerts/group_key.h"

#include <string.h>

#include "lib/base/little.h"
#include "lib/crypto/digest.h"

static bool add(uint8_t *out, size_t *len, struct bytes text)
{
	if (text.len + 1 > ALERT_KEY_MAX - *len || bytes_find(text, 0) >= 0)
		return false;
	if (text.len > 0)
		memcpy(out + *len, text.data, text.len);
	out[*len + text.len] = 0;
	*len += text.len + 1;
	return true;
}

/* A campaign is of a tenant, or of mail without one; everything else must be there. */
static bool may_miss(const struct alert_rule *rule, unsigned by)
{
	return by == BY_TENANT && (rule->by & 1u << BY_CAMPAIGN);
}

size_t group_key_write(const struct alert_rule *rule, const struct sighting *sighting,
		       uint8_t out[ALERT_KEY_MAX])
{
	size_t len = 0;
	if (!add(out, &len, bytes_of(rule->name)))
		return 0;
	for (unsigned by = 0; by < BY_COUNT; by++) {
		struct bytes value = sighting->by[by];
		if (!(rule->by & 1u << by))
			continue;
		if ((value.len == 0 && !may_miss(rule, by)) || !add(out, &len, value))
			return 0;
	}
	return len;
}

static bool take(struct bytes *rest, struct bytes *ret)
{
	ptrdiff_t end = bytes_find(*rest, 0);
	if (end < 0)
		return false;
	*ret = bytes_first(*rest, (size_t)end);
	*rest = bytes_skip(*rest, (size_t)end + 1);
	return true;
}

enum err group_key_read(const struct alert_rule *rule, struct bytes key,
			struct bytes ret_by[BY_COUNT])
{
	struct bytes name;
	for (unsigned by = 0; by < BY_COUNT; by++)
		ret_by[by] = BYTES_NONE;
	if (!take(&key, &name) || !bytes_is(name, rule->name))
		return E_MALFORMED;
	for (unsigned by = 0; by < BY_COUNT; by++)
		if ((rule->by & 1u << by) && !take(&key, &ret_by[by]))
			return E_MALFORMED;
	return key.len == 0 ? OK : E_MALFORMED;
}

struct bytes group_key_name(struct bytes key)
{
	ptrdiff_t end = bytes_find(key, 0);
	return bytes_first(key, end < 0 ? 0 : (size_t)end);
}

uint64_t group_key_id(struct bytes key)
{
	struct digest digest = digest_of_parts(&key, 1);
	return little_get64(digest.bytes);
}
