/* See recalls.h. */
#include "bouncer/recalls.h"

#include "broker/recalls.h"
#include "lib/obs/log.h"

void recalls_record(struct appender *appender, const struct directive *wish,
		    void (*done)(void *owner, enum err err), void *owner)
{
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct buf value;
	buf_init(&value, REPLICA_VALUE_MAX);
	if (directive_encode(wish, &value) != OK) {
		buf_done(&value);
		done(owner, E_TOO_BIG);
		return;
	}
	log_event(EV_campaign_recalled, F_BYTES("tenant", wish->tenant),
		  F_BYTES("campaign", wish->campaign), F_BYTES("by", wish->by));
	const struct table_entry entry = {
		.key = bytes_from(key, directive_key(wish, key)),
		.value = buf_bytes(&value),
		.version = (uint64_t)wish->until_wall_ms,
	};
	appender_append(appender, DIRECTIVES_TABLE, &entry, done, owner);
	buf_done(&value);
}
