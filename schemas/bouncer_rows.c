/* Rows of what the bouncer keeps, is told to do, and tells. */
#include "schemas/rows.h"

static const char *const directive_names[] = {NULL,
					      "suspend",
					      "resume",
					      "bounce",
					      "recall",
					      "suppress",
					      "unsuppress",
					      "undo",
					      "release_held",
					      "drop_held",
					      "import",
					      "pause_webhook",
					      "resume_webhook",
					      "learn",
					      "limit",
					      "clear_alert",
					      "test_alert",
					      "tls_report",
					      NULL};

static const char *const bouncer_event_names[] = {NULL,
						  "delivered",
						  "deferred",
						  "bounced",
						  "expired",
						  "suppressed",
						  "cancelled",
						  "complained",
						  "unsubscribed",
						  "suppression_added",
						  "suppression_removed",
						  "alert",
						  "shaping_fired",
						  "shaping_ended",
						  NULL};

const char *bouncer_event_name(enum bouncer_event_kind kind)
{
	return kind >= EVENT_DELIVERED && kind <= BOUNCER_EVENT_LAST ? bouncer_event_names[kind]
								     : "unknown";
}

/* What is done to a site, a source or a host is nobody's, whosever mail was answered. */
static struct bytes shaping_tenant(const struct shaping_event *shaping)
{
	bool is_theirs = bytes_is(shaping->scope, "tenant") || bytes_is(shaping->scope, "campaign");
	return is_theirs ? shaping->tenant : BYTES_NONE;
}

struct bytes bouncer_event_tenant(const struct bouncer_event *event)
{
	if (event->has_alert_state)
		return event->alert_state.tenant;
	if (event->has_shaping)
		return shaping_tenant(&event->shaping);
	return event->has_suppression ? event->suppression.tenant : event->result.labels.tenant;
}

#define OF suppression
static const struct field suppression_fields[] = {
	{"address", FIELD_ADDRESS, AT(address), REQUIRED},
	{"tenant", FIELD_NAME, AT(tenant)},
	{"stream", FIELD_NAME, AT(stream)},
	{"reason", FIELD_NAME, AT(reason)},
	{"origin", FIELD_NAME, AT(origin)},
	{"evidence", FIELD_TEXT, AT(evidence)},
	{"message_id", FIELD_ID, AT(message_id)},
	{"created_wall_ms", FIELD_WALL_MS, AT(created_wall_ms)},
	{"expires_wall_ms", FIELD_WALL_MS, AT(expires_wall_ms)},
	{"version", FIELD_UINT64, AT(version)},
	{"removed", FIELD_BOOL, AT(is_removed)},
	{"covers_tags", FIELD_BOOL, AT(covers_tags)},
	{"held", FIELD_BOOL, AT(is_held)},
	{"rule", FIELD_NAME, AT(rule)},
	{"site", FIELD_NAME, AT(site)},
};
#undef OF
const struct message suppression_message = {
	.pb = &leveret__v1__suppression__descriptor,
	.size = sizeof(struct suppression),
	.field_count = COUNT(suppression_fields),
	.fields = suppression_fields,
};

#define OF suppression_filter
static const struct field suppression_filter_fields[] = {
	{"since_wall_ms", FIELD_WALL_MS, AT(since_wall_ms)},
	{"until_wall_ms", FIELD_WALL_MS, AT(until_wall_ms)},
	{"domain", FIELD_NAME, AT(domain)},
	{"prefix", FIELD_ADDRESS, AT(prefix)},
	{"reason", FIELD_NAME, AT(reason)},
	{"rule", FIELD_NAME, AT(rule)},
	{"text", FIELD_TEXT, AT(text)},
	{"tenant", FIELD_NAME, AT(tenant)},
	{"stream", FIELD_NAME, AT(stream)},
	{"origin", FIELD_NAME, AT(origin)},
	{"site", FIELD_NAME, AT(site)},
};
#undef OF
static const struct message suppression_filter_message = {
	.pb = &leveret__v1__suppression_filter__descriptor,
	.size = sizeof(struct suppression_filter),
	.field_count = COUNT(suppression_filter_fields),
	.fields = suppression_filter_fields,
};

#define OF directive
static const struct field directive_fields[] = {
	{"kind", FIELD_ENUM, AT(kind), REQUIRED, .names = directive_names},
	{"pool", FIELD_NAME, AT(pool)},
	{"site", FIELD_NAME, AT(site)},
	{"source", FIELD_NAME, AT(source)},
	{"tenant", FIELD_NAME, AT(tenant)},
	{"campaign", FIELD_NAME, AT(campaign)},
	{"until_wall_ms", FIELD_WALL_MS, AT(until_wall_ms)},
	{"by", FIELD_NAME, AT(by)},
	{"suppression", FIELD_MESSAGE, AT(suppression), .message = &suppression_message,
	 .count_at = offsetof(struct directive, has_suppression)},
	{"filter", FIELD_MESSAGE, AT(filter), .message = &suppression_filter_message,
	 .count_at = offsetof(struct directive, has_filter)},
	{"suppressions", FIELD_MESSAGE, .message = &suppression_message,
	 LIST(suppressions, suppression_count, SCHEMA_SUPPRESSIONS_MAX)},
	{"webhook", FIELD_NAME, AT(webhook)},
	{"reason", FIELD_NAME, AT(reason)},
	{"domain", FIELD_NAME, AT(domain)},
	{"limits", FIELD_NAME, AT(limits), .max = SCHEMA_LIMITS_MAX},
	{"alert", FIELD_NAME, AT(alert)},
};
#undef OF

static const char *directive_problem(const void *decoded)
{
	const struct directive *directive = decoded;
	bool needs_suppression =
		directive->kind == DIRECTIVE_SUPPRESS || directive->kind == DIRECTIVE_UNSUPPRESS;
	bool needs_filter = directive->kind == DIRECTIVE_UNDO ||
			    directive->kind == DIRECTIVE_RELEASE_HELD ||
			    directive->kind == DIRECTIVE_DROP_HELD;
	if (needs_suppression && !directive->has_suppression)
		return "suppression: missing";
	if (needs_filter && (!directive->has_filter || directive->filter.until_wall_ms == 0))
		return "filter.until_wall_ms: missing";
	if (directive->kind == DIRECTIVE_IMPORT && directive->suppression_count == 0)
		return "suppressions: missing";
	if (directive->kind == DIRECTIVE_RECALL && directive->campaign.len == 0)
		return "campaign: missing";
	if (directive->kind == DIRECTIVE_LIMIT && directive->site.len == 0)
		return "site: missing";
	if ((directive->kind == DIRECTIVE_LEARN || directive->kind == DIRECTIVE_TLS_REPORT) &&
	    directive->domain.len == 0)
		return "domain: missing";
	return NULL;
}

const struct message directive_message = {
	.pb = &leveret__v1__directive__descriptor,
	.size = sizeof(struct directive),
	.field_count = COUNT(directive_fields),
	.fields = directive_fields,
	.problem = directive_problem,
};

static const char *const webhook_mode_names[] = {NULL, "on", "paused", "disabled", NULL};

#define OF webhook_row
static const struct field webhook_row_fields[] = {
	{"name", FIELD_NAME, AT(name), REQUIRED},
	{"url", FIELD_NAME, AT(url), .max = 2000},
	{"secret", FIELD_NAME, AT(secret)},
	{"old_secret", FIELD_NAME, AT(old_secret)},
	{"events", FIELD_NAME, LIST(events, event_count, 20)},
	{"tenant", FIELD_NAME, AT(tenant)},
	{"batch_max", FIELD_UINT32, AT(batch_max)},
	{"batch_every_ms", FIELD_UINT32, AT(batch_every_ms)},
	{"requests", FIELD_UINT32, AT(requests)},
	{"timeout_ms", FIELD_UINT32, AT(timeout_ms)},
	{"give_up_ms", FIELD_UINT32, AT(give_up_ms)},
	{"created_wall_ms", FIELD_WALL_MS, AT(created_wall_ms)},
	{"mode", FIELD_ENUM, AT(mode), .names = webhook_mode_names},
	{"mode_since_wall_ms", FIELD_WALL_MS, AT(mode_since_wall_ms)},
	{"version", FIELD_UINT64, AT(version)},
};
#undef OF
const struct message webhook_row_message = {
	.pb = &leveret__v1__webhook__descriptor,
	.size = sizeof(struct webhook_row),
	.field_count = COUNT(webhook_row_fields),
	.fields = webhook_row_fields,
};

#define OF alert_state
static const struct field alert_state_fields[] = {
	{"id", FIELD_ID, AT(id)},
	{"state", FIELD_NAME, AT(state)},
	{"measure", FIELD_NAME, AT(measure)},
	{"tenant", FIELD_NAME, AT(tenant)},
	{"campaign", FIELD_NAME, AT(campaign)},
	{"pool", FIELD_NAME, AT(pool)},
	{"site", FIELD_NAME, AT(site)},
	{"source", FIELD_NAME, AT(source)},
	{"sender_domain", FIELD_NAME, AT(sender_domain)},
	{"matched", FIELD_UINT64, AT(matched)},
	{"total", FIELD_UINT64, AT(total)},
	{"rate_ppm", FIELD_UINT64, AT(rate_ppm)},
	{"raise_ppm", FIELD_UINT64, AT(raise_ppm)},
	{"window_ms", FIELD_UINT64, AT(window_ms)},
	{"since_wall_ms", FIELD_WALL_MS, AT(since_wall_ms)},
	{"action", FIELD_NAME, AT(action)},
	{"until_wall_ms", FIELD_WALL_MS, AT(until_wall_ms)},
	{"alert", FIELD_NAME, AT(alert)},
};
#undef OF
const struct message alert_state_message = {
	.pb = &leveret__v1__alert_state__descriptor,
	.size = sizeof(struct alert_state),
	.field_count = COUNT(alert_state_fields),
	.fields = alert_state_fields,
};

#define OF shaping_event
static const struct field shaping_event_fields[] = {
	{"id", FIELD_ID, AT(id)},
	{"action", FIELD_NAME, AT(action), REQUIRED},
	{"scope", FIELD_NAME, AT(scope)},
	{"rule", FIELD_NAME, AT(rule)},
	{"site", FIELD_NAME, AT(site)},
	{"source", FIELD_NAME, AT(source)},
	{"host", FIELD_NAME, AT(host)},
	{"tenant", FIELD_NAME, AT(tenant)},
	{"campaign", FIELD_NAME, AT(campaign)},
	{"value", FIELD_UINT64, AT(value)},
	{"argument", FIELD_NAME, AT(argument)},
	{"period_ms", FIELD_UINT64, AT(period_ms)},
	{"until_wall_ms", FIELD_WALL_MS, AT(until_wall_ms)},
	{"step", FIELD_NAME, AT(step)},
	{"code", FIELD_UINT32, AT(code)},
	{"enhanced", FIELD_NAME, AT(enhanced)},
	{"text", FIELD_TEXT, AT(text)},
	{"count", FIELD_UINT64, AT(count)},
	{"replies", FIELD_UINT64, AT(replies)},
	{"reason", FIELD_NAME, AT(reason)},
	{"worker", FIELD_NAME, AT(worker), .max = 320},
};
#undef OF
static const struct message shaping_event_message = {
	.pb = &leveret__v1__shaping__descriptor,
	.size = sizeof(struct shaping_event),
	.field_count = COUNT(shaping_event_fields),
	.fields = shaping_event_fields,
};

#define OF bouncer_event
static const struct field bouncer_event_fields[] = {
	{"id", FIELD_ID, AT(id), REQUIRED},
	{"kind", FIELD_ENUM, AT(kind), REQUIRED, .names = bouncer_event_names},
	{"at_wall_ms", FIELD_WALL_MS, AT(at_wall_ms)},
	{"result", FIELD_MESSAGE, AT(result), .message = &result_message,
	 .count_at = offsetof(struct bouncer_event, has_result)},
	{"class", FIELD_NAME, AT(class)},
	{"hardness", FIELD_NAME, AT(hardness)},
	{"rule", FIELD_NAME, AT(rule)},
	{"confidence", FIELD_UINT32, AT(confidence)},
	{"report", FIELD_NAME, AT(report)},
	{"feedback_type", FIELD_NAME, AT(feedback_type)},
	{"verified", FIELD_BOOL, AT(is_verified)},
	{"suppression", FIELD_MESSAGE, AT(suppression), .message = &suppression_message,
	 .count_at = offsetof(struct bouncer_event, has_suppression)},
	{"alert", FIELD_NAME, AT(alert)},
	{"text", FIELD_TEXT, AT(text)},
	{"count", FIELD_UINT64, AT(count)},
	{"alert_state", FIELD_MESSAGE, AT(alert_state), .message = &alert_state_message,
	 .count_at = offsetof(struct bouncer_event, has_alert_state)},
	{"reporter", FIELD_NAME, AT(reporter)},
	{"shaping", FIELD_MESSAGE, AT(shaping), .message = &shaping_event_message,
	 .count_at = offsetof(struct bouncer_event, has_shaping)},
};
#undef OF
const struct message bouncer_event_message = {
	.pb = &leveret__v1__bouncer_event__descriptor,
	.size = sizeof(struct bouncer_event),
	.field_count = COUNT(bouncer_event_fields),
	.fields = bouncer_event_fields,
};

#define OF bouncer_event_batch
static const struct field bouncer_event_batch_fields[] = {
	{"events", FIELD_MESSAGE, REQUIRED, .message = &bouncer_event_message,
	 LIST(events, count, SCHEMA_RESULTS_MAX)},
};
#undef OF
const struct message bouncer_event_batch_message = {
	.pb = &leveret__v1__bouncer_event_batch__descriptor,
	.size = sizeof(struct bouncer_event_batch),
	.field_count = COUNT(bouncer_event_batch_fields),
	.fields = bouncer_event_batch_fields,
};
