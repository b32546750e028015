/* What identifies an event, and where it goes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bouncer/telling/teller.h"
#include "lib/crypto/digest.h"

void event_id(const struct bouncer_event *event, char out[EVENT_ID_SIZE])
{
	char kind[16], attempt[16], version[24];
	char hex[DIGEST_HEX_SIZE];
	(void)snprintf(kind, sizeof kind, "%d", (int)event->kind);
	(void)snprintf(attempt, sizeof attempt, "%" PRIu32, event->result.attempt);
	(void)snprintf(version, sizeof version, "%" PRIu64, event->suppression.version);
	const struct bytes parts[] = {
		bytes_of(kind),
		event->result.id,
		event->result.recipient,
		bytes_of(attempt),
		event->report,
		event->suppression.tenant,
		event->suppression.stream,
		event->suppression.address,
		bytes_of(event->has_suppression ? version : ""),
		event->alert,
		event->text,
	};
	struct digest digest = digest_of_parts(parts, sizeof parts / sizeof parts[0]);
	digest_hex(&digest, hex);
	memcpy(out, hex, EVENT_ID_SIZE - 1);
	out[EVENT_ID_SIZE - 1] = '\0';
}

void event_key(const struct bouncer_event *event, char out[EVENT_KEY_SIZE])
{
	const char *kind = bouncer_event_name(event->kind);
	struct bytes pool = event->result.pool, site = event->result.site;
	if (event->has_result && pool.len > 0 && site.len > 0)
		(void)snprintf(out, EVENT_KEY_SIZE, "event.%s.%.*s.%.*s", kind, BYTES_ARGS(pool),
			       BYTES_ARGS(site));
	else if (event->has_shaping && event->shaping.site.len > 0) /* as workers have it */
		(void)snprintf(out, EVENT_KEY_SIZE, "event.%s.%.*s.%.*s", kind,
			       BYTES_ARGS(event->shaping.action), BYTES_ARGS(event->shaping.site));
	else
		(void)snprintf(out, EVENT_KEY_SIZE, "event.%s", kind);
}
