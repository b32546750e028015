/* One function for each column of PowerMTA's files. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bouncer/telling/accounting_inner.h"

#define METADATA_PREFIX	 "metadata_"
#define HEADER_PREFIX	 "header_"
#define CHOSEN_COLUMNS	 0u   /* only where `fields` names them */
#define DELIVERY_COLUMNS 0x7u /* d, b, t */
#define REMOTE_COLUMNS	 0x8u
#define FEEDBACK_COLUMNS 0x10u
#define ALL_COLUMNS	 (DELIVERY_COLUMNS | REMOTE_COLUMNS | FEEDBACK_COLUMNS)

static void put(struct column_value *value, struct bytes text)
{
	(void)snprintf(value->text, sizeof value->text, "%.*s", BYTES_ARGS(text));
}

struct bytes word_of(struct bytes text, size_t index)
{
	for (;; index--) {
		ptrdiff_t space = bytes_find(text, ' ');
		struct bytes word = space < 0 ? text : bytes_first(text, (size_t)space);
		if (index == 0)
			return word;
		if (space < 0)
			return BYTES_NONE;
		text = bytes_skip(text, (size_t)space + 1);
	}
}

struct bytes ip_of(struct bytes endpoint)
{
	if (endpoint.len > 0 && endpoint.data[0] == '[') {
		ptrdiff_t end = bytes_find(endpoint, ']');
		return end < 0 ? endpoint : bytes_skip(bytes_first(endpoint, (size_t)end), 1);
	}
	ptrdiff_t colon = bytes_find(endpoint, ':');
	return colon < 0 ? endpoint : bytes_first(endpoint, (size_t)colon);
}

struct bytes domain_of_address(struct bytes address)
{
	const uint8_t *at = address.len ? memrchr(address.data, '@', address.len) : NULL;
	return at ? bytes_skip(address, (size_t)(at - address.data) + 1) : BYTES_NONE;
}

static void put_time(struct column_value *value, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	if (wall_ms > 0 && gmtime_r(&seconds, &tm))
		(void)strftime(value->text, sizeof value->text, "%Y-%m-%d %H:%M:%S+0000", &tm);
}

static void put_type(struct column_value *value, const struct bouncer_event *event)
{
	static const char *const names[] = {"", "d", "b", "t", "rb", "f"};
	put(value, bytes_of(names[record_of(event)]));
}

static void put_logged(struct column_value *value, const struct bouncer_event *event)
{
	put_time(value, event->at_wall_ms);
}

static void put_queued(struct column_value *value, const struct bouncer_event *event)
{
	put_time(value, event->result.accepted_wall_ms);
}

static void put_seconds(struct column_value *value, const struct bouncer_event *event)
{
	int64_t ms = event->at_wall_ms - event->result.accepted_wall_ms;
	if (event->result.accepted_wall_ms > 0 && ms >= 0)
		(void)snprintf(value->text, sizeof value->text, "%" PRId64, ms / 1000);
}

static void put_action(struct column_value *value, const struct bouncer_event *event)
{
	put(value, event->kind == EVENT_DELIVERED  ? BYTES("relayed")
		   : event->kind == EVENT_DEFERRED ? BYTES("delayed")
						   : BYTES("failed"));
}

static void put_status(struct column_value *value, const struct bouncer_event *event)
{
	struct bytes status = event->result.enhanced;
	if (status.len == 0)
		status = event->kind == EVENT_DELIVERED	 ? BYTES("2.0.0")
			 : event->kind == EVENT_DEFERRED ? BYTES("4.0.0")
			 : event->kind == EVENT_EXPIRED	 ? BYTES("4.4.7")
							 : BYTES("5.0.0");
	const char *text = bytes_is(status, "2.0.0") ? "success" : status_meaning(status);
	(void)snprintf(value->text, sizeof value->text, "%.*s%s%s%s", BYTES_ARGS(status),
		       text ? " (" : "", text ? text : "", text ? ")" : "");
}

static void put_diagnosis(struct column_value *value, const struct bouncer_event *event)
{
	const struct result *result = &event->result;
	if (result->code == 0)
		(void)snprintf(value->text, sizeof value->text, "%s%.*s",
			       result->text.len ? "x-leveret;" : "", BYTES_ARGS(result->text));
	else
		(void)snprintf(value->text, sizeof value->text, "smtp;%u%s%.*s%s%.*s",
			       (unsigned)result->code, result->enhanced.len ? " " : "",
			       BYTES_ARGS(result->enhanced), result->text.len ? " " : "",
			       BYTES_ARGS(result->text));
}

static void put_mta(struct column_value *value, const struct bouncer_event *event)
{
	struct bytes ip = ip_of(event->result.remote_address);
	if (event->result.remote_host.len)
		(void)snprintf(value->text, sizeof value->text, "%.*s (%.*s)",
			       BYTES_ARGS(event->result.remote_host), BYTES_ARGS(ip));
}

static void put_source_ip(struct column_value *value, const struct bouncer_event *event)
{
	char name[256];
	const struct source_settings *source = NULL;
	if (value->routing && bytes_to_cstr(event->result.source, name, sizeof name) && name[0])
		source = routing_source(value->routing, name);
	if (source)
		put(value, bytes_of(source->address));
}

static void put_size(struct column_value *value, const struct bouncer_event *event)
{
	if (event->result.content_bytes)
		(void)snprintf(value->text, sizeof value->text, "%" PRIu64,
			       event->result.content_bytes);
}

static void put_queue(struct column_value *value, const struct bouncer_event *event)
{
	struct bytes domain = domain_of_address(event->result.recipient);
	(void)snprintf(value->text, sizeof value->text, "%.*s/%.*s", BYTES_ARGS(domain),
		       BYTES_ARGS(event->result.pool));
}

static void put_delivery_type(struct column_value *value, const struct bouncer_event *event)
{
	if (event->result.code > 0 || event->result.remote_address.len > 0)
		put(value, BYTES("smtp"));
}

static void put_attempt(struct column_value *value, const struct bouncer_event *event)
{
	if (event->result.attempt)
		(void)snprintf(value->text, sizeof value->text, "%" PRIu32, event->result.attempt);
}

static void put_took(struct column_value *value, const struct bouncer_event *event)
{
	if (event->result.took_ms)
		(void)snprintf(value->text, sizeof value->text, "%" PRIu32, event->result.took_ms);
}

#define PUT(name, expression)                                                                      \
	static void put_##name(struct column_value *value, const struct bouncer_event *event)      \
	{                                                                                          \
		put(value, expression);                                                            \
	}
PUT(sender, event->result.sender)
PUT(recipient, event->result.recipient)
PUT(category, event->class)
PUT(target_ip, ip_of(event->result.remote_address))
PUT(source, event->result.source)
PUT(campaign, event->result.labels.campaign)
PUT(id, event->result.id)
PUT(pool, event->result.pool)
PUT(tenant, event->result.labels.tenant)
PUT(tls_protocol, word_of(event->result.tls, 0))
PUT(tls_cipher, word_of(event->result.tls, 1))
PUT(original, event->result.original)
PUT(esmtp, event->result.esmtp)
PUT(door, event->result.origin.door)
PUT(client, event->result.origin.client)
PUT(user, event->result.origin.user)
PUT(site, event->result.site)
PUT(worker, event->result.worker)
PUT(reporter, event->reporter)
PUT(reporting_mta, event->result.remote_host)
PUT(format, event->report)
PUT(feedback_type, event->feedback_type)
PUT(reported_domain, domain_of_address(event->result.sender))

/* ---- columns, in PowerMTA's order ---- */

static const struct column {
	const char *name;
	unsigned records; /* whose default columns it is among */
	void (*put)(struct column_value *value, const struct bouncer_event *event);
} columns[] = {
	{"type", ALL_COLUMNS, put_type},
	{"timeLogged", ALL_COLUMNS, put_logged},
	{"timeQueued", DELIVERY_COLUMNS, put_queued},
	{"totalSecondsQueued", DELIVERY_COLUMNS, put_seconds},
	{"repSourceIp", FEEDBACK_COLUMNS, put_client},
	{"feedbackType", FEEDBACK_COLUMNS, put_feedback_type},
	{"orig", ALL_COLUMNS, put_sender},
	{"rcpt", ALL_COLUMNS, put_recipient},
	{"orcpt", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_original},
	{"dsnAction", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_action},
	{"dsnStatus", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_status},
	{"dsnDiag", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_diagnosis},
	{"dsnMta", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_mta},
	{"dsnReportingMta", REMOTE_COLUMNS, put_reporter},
	{"bounceCat", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_category},
	{"srcType", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_door},
	{"srcMta", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_client},
	{"dlvType", DELIVERY_COLUMNS, put_delivery_type},
	{"dlvSourceIp", DELIVERY_COLUMNS, put_source_ip},
	{"dlvDestinationIp", DELIVERY_COLUMNS, put_target_ip},
	{"dlvEsmtpAvailable", DELIVERY_COLUMNS, put_esmtp},
	{"dlvSize", DELIVERY_COLUMNS, put_size},
	{"vmta", DELIVERY_COLUMNS, put_source},
	{"jobId", DELIVERY_COLUMNS, put_campaign},
	{"envId", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_id},
	{"envid", FEEDBACK_COLUMNS, put_id},
	{"queue", DELIVERY_COLUMNS, put_queue},
	{"vmtaPool", DELIVERY_COLUMNS, put_pool},
	{"format", REMOTE_COLUMNS | FEEDBACK_COLUMNS, put_format},
	{"userAgent", FEEDBACK_COLUMNS, put_reporter},
	{"reportingMTA", FEEDBACK_COLUMNS, put_reporting_mta},
	{"reportedDomain", FEEDBACK_COLUMNS, put_reported_domain},
	{"userString", DELIVERY_COLUMNS, put_tenant},
	{"dlvTlsProtocol", DELIVERY_COLUMNS, put_tls_protocol},
	{"dlvTlsCipher", DELIVERY_COLUMNS, put_tls_cipher},
	{"rcvSmtpUser", DELIVERY_COLUMNS, put_user},
	{"attempt", CHOSEN_COLUMNS, put_attempt},
	{"dlvMs", CHOSEN_COLUMNS, put_took},
	{"site", CHOSEN_COLUMNS, put_site},
	{"worker", CHOSEN_COLUMNS, put_worker},
};
#define COLUMN_COUNT (sizeof columns / sizeof columns[0])

static const struct column *find_column(const char *name)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		if (strcmp(columns[i].name, name) == 0)
			return &columns[i];
	return NULL;
}

/* What stands behind the prefix; NULL: it is not there, or nothing is. */
static const char *behind(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);
	return strncmp(name, prefix, len) == 0 && name[len] ? name + len : NULL;
}

bool column_is_known(const char *name)
{
	return behind(name, METADATA_PREFIX) || behind(name, HEADER_PREFIX) || find_column(name);
}

const char *column_usual(unsigned records, size_t *at)
{
	while (*at < COLUMN_COUNT) {
		const struct column *column = &columns[(*at)++];
		if (column->records & records)
			return column->name;
	}
	return NULL;
}

static void put_metadata(struct column_value *value, const struct labels *labels, const char *name)
{
	for (size_t i = 0; i < labels->metadata_count; i++)
		if (bytes_is(labels->metadata[i].name, name))
			put(value, labels->metadata[i].value);
}

static void put_header(struct column_value *value, const struct result *result, const char *name)
{
	for (size_t i = 0; i < result->header_count; i++)
		if (bytes_is_nocase(result->headers[i].name, name))
			put(value, result->headers[i].value);
}

void column_put(const char *name, const struct bouncer_event *event, struct column_value *value)
{
	const struct column *column = find_column(name);
	value->text[0] = '\0';
	if (column)
		column->put(value, event);
	else if (behind(name, HEADER_PREFIX))
		put_header(value, &event->result, behind(name, HEADER_PREFIX));
	else if (behind(name, METADATA_PREFIX))
		put_metadata(value, &event->result.labels, behind(name, METADATA_PREFIX));
}
