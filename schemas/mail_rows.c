/* Rows of mail on its way: submissions, delivery requests, skeletons, returned mail. */
#include "schemas/rows.h"

static const char *const segment_names[] = {NULL,	  "literal",   "header",    "mailbox", "to",
					    "message_id", "text_body", "html_body", NULL};

static const char *const dsn_return_names[] = {NULL, "full", "headers", NULL};

#define OF pair
static const struct field pair_fields[] = {
	{"name", FIELD_NAME, AT(name), REQUIRED},
	{"value", FIELD_TEXT, AT(value), .max = SCHEMA_METADATA_VALUE_MAX},
};
#undef OF
const struct message pair_message = {
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
	{"door", FIELD_NAME, AT(origin.door)},
	{"client", FIELD_NAME, AT(origin.client)},
	{"user", FIELD_NAME, AT(origin.user)},
	{"binary", FIELD_BOOL, AT(binary)},
	{"bare_line_ends", FIELD_BOOL, AT(bare_line_ends)},
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
