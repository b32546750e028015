/* Rows of what became of mail. */
#include "schemas/rows.h"

static const char *const event_names[] = {NULL,	     "delivered",  "deferred",	"bounced",
					  "expired", "suppressed", "cancelled", NULL};

const char *result_event_name(enum result_event event)
{
	return event >= RESULT_DELIVERED && event <= RESULT_EVENT_LAST ? event_names[event]
								       : "unknown";
}

#define OF result
static const struct field result_fields[] = {
	{"id", FIELD_ID, AT(id), REQUIRED},
	{"recipient", FIELD_ADDRESS, AT(recipient), REQUIRED},
	{"sender", FIELD_ADDRESS, AT(sender)},
	{"event", FIELD_ENUM, AT(event), REQUIRED, .names = event_names},
	{"attempt", FIELD_UINT32, AT(attempt)},
	{"code", FIELD_UINT32, AT(code)},
	{"enhanced", FIELD_NAME, AT(enhanced)},
	{"text", FIELD_TEXT, AT(text)},
	{"step", FIELD_NAME, AT(step)},
	{"remote_host", FIELD_NAME, AT(remote_host)},
	{"remote_address", FIELD_NAME, AT(remote_address)},
	{"source", FIELD_NAME, AT(source)},
	{"tls", FIELD_NAME, AT(tls)},
	{"at_wall_ms", FIELD_WALL_MS, AT(at_wall_ms)},
	{"accepted_wall_ms", FIELD_WALL_MS, AT(accepted_wall_ms)},
	{"next_attempt_wall_ms", FIELD_WALL_MS, AT(next_attempt_wall_ms)},
	{"pool", FIELD_NAME, AT(pool)},
	{"site", FIELD_NAME, AT(site)},
	{"tenant", FIELD_NAME, AT(labels.tenant)},
	{"campaign", FIELD_NAME, AT(labels.campaign)},
	{"tags", FIELD_NAME, LIST(labels.tags, labels.tag_count, SCHEMA_TAGS_MAX)},
	{"metadata", FIELD_MESSAGE, .message = &pair_message,
	 LIST(labels.metadata, labels.metadata_count, SCHEMA_METADATA_MAX)},
	{"content_bytes", FIELD_UINT64, AT(content_bytes)},
	{"worker", FIELD_NAME, AT(worker)},
	{"echo", FIELD_TEXT, AT(labels.echo), .max = SCHEMA_ECHO_MAX},
	{"class", FIELD_NAME, AT(class)},
	{"original", FIELD_TEXT, AT(original), .max = 512},
	{"esmtp", FIELD_NAME, AT(esmtp)},
	{"headers", FIELD_MESSAGE, .message = &pair_message,
	 LIST(headers, header_count, SCHEMA_HEADERS_MAX)},
	{"took_ms", FIELD_UINT32, AT(took_ms)},
	{"door", FIELD_NAME, AT(origin.door)},
	{"client", FIELD_NAME, AT(origin.client)},
	{"user", FIELD_NAME, AT(origin.user)},
};
#undef OF
const struct message result_message = {
	.pb = &leveret__v1__result__descriptor,
	.size = sizeof(struct result),
	.field_count = COUNT(result_fields),
	.fields = result_fields,
};

#define OF result_batch
static const struct field result_batch_fields[] = {
	{"results", FIELD_MESSAGE, REQUIRED, .message = &result_message,
	 LIST(results, count, SCHEMA_RESULTS_MAX)},
};
#undef OF
const struct message result_batch_message = {
	.pb = &leveret__v1__result_batch__descriptor,
	.size = sizeof(struct result_batch),
	.field_count = COUNT(result_batch_fields),
	.fields = result_batch_fields,
};
