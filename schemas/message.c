/* The rows. A row that is missing, misplaced or misnamed is a bug that tests/unit/schemas/test_message.c shows. */
#include "schemas/message.h"

#include <stddef.h>

#include "schemas/leveret.pb-c.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Parts of a row; OF is the struct that the rows are of. */
#define AT(member) .at = offsetof(struct OF, member)
#define LIST(items, count, most)                                                                   \
	AT(items), .count_at = offsetof(struct OF, count), .count_max = (most)
#define REQUIRED .is_required = true

static const char *const event_names[] = {NULL,	     "delivered",  "deferred",	"bounced",
					  "expired", "suppressed", "cancelled", NULL};
static const char *const segment_names[] = {NULL,	  "literal",   "header",    "mailbox", "to",
					    "message_id", "text_body", "html_body", NULL};
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
						  NULL};

const char *bouncer_event_name(enum bouncer_event_kind kind)
{
	return kind >= EVENT_DELIVERED && kind <= BOUNCER_EVENT_LAST ? bouncer_event_names[kind]
								     : "unknown";
}

struct bytes bouncer_event_tenant(const struct bouncer_event *event)
{
	if (event->has_alert_state)
		return event->alert_state.tenant;
	return event->has_suppression ? event->suppression.tenant : event->result.labels.tenant;
}

static const char *const dsn_return_names[] = {NULL, "full", "headers", NULL};

const char *result_event_name(enum result_event event)
{
	return event >= RESULT_DELIVERED && event <= RESULT_EVENT_LAST ? event_names[event]
								       : "unknown";
}

#define OF pair
static const struct field pair_fields[] = {
	{"name", FIELD_NAME, AT(name), REQUIRED},
	{"value", FIELD_TEXT, AT(value), .max = SCHEMA_METADATA_VALUE_MAX},
};
#undef OF
static const struct message pair_message = {
	.pb = &leveret__v1__pair__descriptor,
	.size = sizeof(struct pair),
	.field_count = COUNT(pair_fields),
	.fields = pair_fields,
};

#define OF submission
static const struct field submission_fields[] = {
	{"id", FIELD_ID, AT(id)},
	{"sender", FIELD_ADDRESS, AT(sender)},
	{"recipients", FIELD_ADDRESS, REQUIRED,
	 LIST(recipients, recipient_count, SCHEMA_RECIPIENTS_MAX)},
	{"pool", FIELD_NAME, AT(pool)},
	{"tenant", FIELD_NAME, AT(labels.tenant)},
	{"campaign", FIELD_NAME, AT(labels.campaign)},
	{"tags", FIELD_NAME, LIST(labels.tags, labels.tag_count, SCHEMA_TAGS_MAX)},
	{"metadata", FIELD_MESSAGE, .message = &pair_message,
	 LIST(labels.metadata, labels.metadata_count, SCHEMA_METADATA_MAX)},
	{"not_before_wall_ms", FIELD_WALL_MS, AT(not_before_wall_ms)},
	{"expires_wall_ms", FIELD_WALL_MS, AT(expires_wall_ms)},
	{"retry", FIELD_NAME, AT(retry)},
	{"priority", FIELD_UINT32, AT(priority)},
	{"window", FIELD_NAME, AT(window)},
	{"content", FIELD_CONTENT, AT(content), REQUIRED},
};
#undef OF

/* Results show metadata by name, so a name can stand only once. */
static const char *submission_problem(const void *decoded)
{
	const struct labels *labels = &((const struct submission *)decoded)->labels;
	for (size_t i = 0; i < labels->metadata_count; i++)
		for (size_t k = 0; k < i; k++)
			if (bytes_equal(labels->metadata[i].name, labels->metadata[k].name))
				return "metadata: a name is there twice";
	return NULL;
}

const struct message submission_message = {
	.pb = &leveret__v1__submission__descriptor,
	.size = sizeof(struct submission),
	.field_count = COUNT(submission_fields),
	.fields = submission_fields,
	.problem = submission_problem,
};

#define OF recipient
static const struct field recipient_fields[] = {
	{"address", FIELD_ADDRESS, AT(address), REQUIRED},
	{"attempt", FIELD_UINT32, AT(attempt)},
	{"id", FIELD_ID, AT(id)},
	{"tags", FIELD_NAME, LIST(labels.tags, labels.tag_count, SCHEMA_TAGS_MAX)},
	{"metadata", FIELD_MESSAGE, .message = &pair_message,
	 LIST(labels.metadata, labels.metadata_count, SCHEMA_METADATA_MAX)},
	{"notify", FIELD_UINT32, AT(notify)},
	{"original", FIELD_TEXT, AT(original), .max = 512},
	{"variables", FIELD_TEXT, AT(variables), .max = SCHEMA_VARIABLES_MAX},
	{"name", FIELD_NAME, AT(name)},
	{"shown_address", FIELD_ADDRESS, AT(shown_address)},
	{"echo", FIELD_TEXT, AT(labels.echo), .max = SCHEMA_ECHO_MAX},
	{"delay_told", FIELD_BOOL, AT(is_delay_told)},
};
#undef OF
static const struct message recipient_message = {
	.pb = &leveret__v1__recipient__descriptor,
	.size = sizeof(struct recipient),
	.field_count = COUNT(recipient_fields),
	.fields = recipient_fields,
};

#define OF delivery_request
static const struct field delivery_request_fields[] = {
	{"id", FIELD_ID, AT(id), REQUIRED},
	{"sender", FIELD_ADDRESS, AT(sender)},
	{"recipients", FIELD_MESSAGE, REQUIRED, .message = &recipient_message,
	 LIST(recipients, recipient_count, SCHEMA_RECIPIENTS_MAX)},
	{"pool", FIELD_NAME, AT(pool), REQUIRED},
	{"site", FIELD_NAME, AT(site), REQUIRED},
	{"accepted_wall_ms", FIELD_WALL_MS, AT(accepted_wall_ms)},
	{"expires_wall_ms", FIELD_WALL_MS, AT(expires_wall_ms)},
	{"not_before_wall_ms", FIELD_WALL_MS, AT(not_before_wall_ms)},
	{"tenant", FIELD_NAME, AT(labels.tenant)},
	{"campaign", FIELD_NAME, AT(labels.campaign)},
	{"tags", FIELD_NAME, LIST(labels.tags, labels.tag_count, SCHEMA_TAGS_MAX)},
	{"metadata", FIELD_MESSAGE, .message = &pair_message,
	 LIST(labels.metadata, labels.metadata_count, SCHEMA_METADATA_MAX)},
	{"smtputf8", FIELD_BOOL, AT(smtputf8)},
	{"eightbit", FIELD_BOOL, AT(eightbit)},
	{"content", FIELD_CONTENT, AT(content), REQUIRED},
	{"envelope_id", FIELD_NAME, AT(wishes.envelope_id)},
	{"dsn_return", FIELD_ENUM, AT(wishes.dsn_return), .names = dsn_return_names},
	{"priority", FIELD_UINT32, AT(wishes.priority)},
	{"require_tls", FIELD_BOOL, AT(wishes.require_tls)},
	{"late_wall_ms", FIELD_WALL_MS, AT(wishes.late_wall_ms)},
	{"retry", FIELD_NAME, AT(retry)},
	{"begin_wall_ms", FIELD_WALL_MS, AT(begin_wall_ms)},
	{"window", FIELD_NAME, AT(window)},
	{"heeds_no_tls_policy", FIELD_BOOL, AT(wishes.heeds_no_tls_policy)},
	{"forwards", FIELD_UINT32, AT(forwards)},
};
#undef OF
/* Either the content is a skeleton for all of them, or for none. */
static const char *delivery_request_problem(const void *decoded)
{
	const struct delivery_request *request = decoded;
	for (size_t i = 1; i < request->recipient_count; i++)
		if ((request->recipients[i].variables.len > 0) !=
		    (request->recipients[0].variables.len > 0))
			return "recipients: some have variables, and some have not";
	return NULL;
}

const struct message delivery_request_message = {
	.pb = &leveret__v1__delivery_request__descriptor,
	.problem = delivery_request_problem,
	.size = sizeof(struct delivery_request),
	.field_count = COUNT(delivery_request_fields),
	.fields = delivery_request_fields,
};

#define OF segment
static const struct field segment_fields[] = {
	{"kind", FIELD_ENUM, AT(kind), REQUIRED, .names = segment_names},
	{"name", FIELD_NAME, AT(name)},
	{"address", FIELD_ADDRESS, AT(address)},
	{"text", FIELD_TEXT, AT(text), .max = SCHEMA_CONTENT_MAX},
};
#undef OF
static const struct message segment_message = {
	.pb = &leveret__v1__segment__descriptor,
	.size = sizeof(struct segment),
	.field_count = COUNT(segment_fields),
	.fields = segment_fields,
};

#define OF skeleton
static const struct field skeleton_fields[] = {
	{"segments", FIELD_MESSAGE, REQUIRED, .message = &segment_message,
	 LIST(segments, segment_count, SCHEMA_SEGMENTS_MAX)},
	{"variables", FIELD_TEXT, AT(variables), .max = SCHEMA_VARIABLES_MAX},
};
#undef OF
const struct message skeleton_message = {
	.pb = &leveret__v1__skeleton__descriptor,
	.size = sizeof(struct skeleton),
	.field_count = COUNT(skeleton_fields),
	.head_max = SCHEMA_CONTENT_MAX,
	.fields = skeleton_fields,
};

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

#define OF inbound_mail
static const struct field inbound_mail_fields[] = {
	{"id", FIELD_ID, AT(id)},
	{"sender", FIELD_ADDRESS, AT(sender)},
	{"recipients", FIELD_ADDRESS, REQUIRED,
	 LIST(recipients, recipient_count, SCHEMA_RECIPIENTS_MAX)},
	{"client_address", FIELD_NAME, AT(client_address)},
	{"received_wall_ms", FIELD_WALL_MS, AT(received_wall_ms)},
	{"content", FIELD_CONTENT, AT(content), REQUIRED},
};
#undef OF
const struct message inbound_mail_message = {
	.pb = &leveret__v1__inbound_mail__descriptor,
	.size = sizeof(struct inbound_mail),
	.field_count = COUNT(inbound_mail_fields),
	.fields = inbound_mail_fields,
};

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
	{"limits", FIELD_NAME, AT(limits)},
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

size_t field_item_size(const struct field *field)
{
	switch (field->kind) {
	case FIELD_MESSAGE:
		return field->message->size;
	case FIELD_WALL_MS:
		return sizeof(int64_t);
	case FIELD_UINT32:
		return sizeof(uint32_t);
	case FIELD_UINT64:
		return sizeof(uint64_t);
	case FIELD_BOOL:
		return sizeof(bool);
	case FIELD_ENUM:
		return sizeof(enum result_event);
	default:
		return sizeof(struct bytes);
	}
}

const struct field *message_content(const struct message *message)
{
	for (size_t i = message->field_count; i-- > 0;)
		if (message->fields[i].kind == FIELD_CONTENT)
			return &message->fields[i];
	return NULL;
}

uint32_t message_content_number(const struct message *message)
{
	const struct field *content = message_content(message);
	return content ? message->pb->fields[content - message->fields].id : 0;
}
