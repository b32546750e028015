/* One function for each column. */
#include "bouncer/telling/accounting_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bouncer/telling/accounting_inner.h"

#define VALUE_MAX	 4096
#define METADATA_PREFIX	 "metadata_"
#define DELIVERY_COLUMNS 0x7u /* d, b, t */
#define REMOTE_COLUMNS	 0x8u
#define FEEDBACK_COLUMNS 0x10u
#define ALL_COLUMNS	 (DELIVERY_COLUMNS | REMOTE_COLUMNS | FEEDBACK_COLUMNS)

struct value {
	char text[VALUE_MAX];
	const struct routing *routing;
};

static void put(struct value *value, struct bytes text)
{
	(void)snprintf(value->text, sizeof value->text, "%.*s", BYTES_ARGS(text));
}

/* ---- records ---- */

enum record record_of_name(const char *name)
{
	static const char *const names[] = {"", "d", "b", "t", "rb", "f"};
	for (unsigned record = RECORD_D; record <= RECORD_F; record++)
		if (strcmp(names[record], name) == 0)
			return (enum record)record;
	return RECORD_NONE;
}

enum record record_of(const struct bouncer_event *event)
{
	switch (event->kind) {
	case EVENT_DELIVERED:
		return event->report.len ? RECORD_NONE : RECORD_D;
	case EVENT_DEFERRED:
		return event->report.len ? RECORD_NONE : RECORD_T;
	case EVENT_BOUNCED:
		return event->report.len ? RECORD_RB : RECORD_B;
	case EVENT_EXPIRED:
	case EVENT_SUPPRESSED:
	case EVENT_CANCELLED:
		return RECORD_B;
	case EVENT_COMPLAINED:
		return RECORD_F;
	default:
		return RECORD_NONE;
	}
}

bool accounting_wants(const struct accounting_settings *settings, const struct bouncer_event *event)
{
	enum record record = record_of(event);
	if (settings->tenant[0] && !bytes_is(event->result.labels.tenant, settings->tenant))
		return false;
	for (size_t i = 0; record && i < settings->records.count; i++)
		if (record_of_name(settings->records.items[i]) == record)
			return true;
	return false;
}

/* ---- values ---- */

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

static void put_time(struct value *value, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	if (wall_ms > 0 && gmtime_r(&seconds, &tm))
		(void)strftime(value->text, sizeof value->text, "%Y-%m-%d %H:%M:%S+0000", &tm);
}

static void put_type(struct value *value, const struct bouncer_event *event)
{
	static const char *const names[] = {"", "d", "b", "t", "rb", "f"};
	put(value, bytes_of(names[record_of(event)]));
}

static void put_logged(struct value *value, const struct bouncer_event *event)
{
	put_time(value, event->at_wall_ms);
}

static void put_queued(struct value *value, const struct bouncer_event *event)
{
	put_time(value, event->result.accepted_wall_ms);
}

static void put_seconds(struct value *value, const struct bouncer_event *event)
{
	int64_t ms = event->at_wall_ms - event->result.accepted_wall_ms;
	if (event->result.accepted_wall_ms > 0 && ms >= 0)
		(void)snprintf(value->text, sizeof value->text, "%" PRId64, ms / 1000);
}

static void put_action(struct value *value, const struct bouncer_event *event)
{
	put(value, event->kind == EVENT_DELIVERED  ? BYTES("relayed")
		   : event->kind == EVENT_DEFERRED ? BYTES("delayed")
						   : BYTES("failed"));
}

/* What RFC 3463 and its registry say of the last two numbers. */
static const char *meaning(struct bytes status)
{
	static const struct {
		const char *code, *text;
	} meanings[] = {
		{".0.0", "undefined status"},
		{".1.0", "other address status"},
		{".1.1", "bad destination mailbox address"},
		{".1.2", "bad destination system address"},
		{".1.3", "bad destination mailbox address syntax"},
		{".1.6", "destination mailbox has moved"},
		{".1.8", "bad sender's system address"},
		{".1.10", "recipient address has null MX"},
		{".2.0", "other or undefined mailbox status"},
		{".2.1", "mailbox disabled"},
		{".2.2", "mailbox full"},
		{".2.3", "message length exceeds administrative limit"},
		{".3.0", "other or undefined mail system status"},
		{".3.2", "system not accepting network messages"},
		{".3.4", "message too big for system"},
		{".4.0", "other or undefined network or routing status"},
		{".4.1", "no answer from host"},
		{".4.2", "bad connection"},
		{".4.4", "unable to route"},
		{".4.6", "routing loop detected"},
		{".4.7", "delivery time expired"},
		{".5.0", "other or undefined protocol status"},
		{".5.3", "too many recipients"},
		{".6.0", "other or undefined media error"},
		{".7.0", "other or undefined security status"},
		{".7.1", "delivery not authorized"},
	};
	for (size_t i = 0; status.len > 1 && i < sizeof meanings / sizeof meanings[0]; i++)
		if (bytes_is(bytes_skip(status, 1), meanings[i].code))
			return meanings[i].text;
	return NULL;
}

static void put_status(struct value *value, const struct bouncer_event *event)
{
	struct bytes status = event->result.enhanced;
	if (status.len == 0)
		status = event->kind == EVENT_DELIVERED	 ? BYTES("2.0.0")
			 : event->kind == EVENT_DEFERRED ? BYTES("4.0.0")
			 : event->kind == EVENT_EXPIRED	 ? BYTES("4.4.7")
							 : BYTES("5.0.0");
	const char *text = bytes_is(status, "2.0.0") ? "success" : meaning(status);
	(void)snprintf(value->text, sizeof value->text, "%.*s%s%s%s", BYTES_ARGS(status),
		       text ? " (" : "", text ? text : "", text ? ")" : "");
}

static void put_diagnosis(struct value *value, const struct bouncer_event *event)
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

static void put_mta(struct value *value, const struct bouncer_event *event)
{
	struct bytes ip = ip_of(event->result.remote_address);
	if (event->result.remote_host.len)
		(void)snprintf(value->text, sizeof value->text, "%.*s (%.*s)",
			       BYTES_ARGS(event->result.remote_host), BYTES_ARGS(ip));
}

static void put_source_ip(struct value *value, const struct bouncer_event *event)
{
	char name[256];
	const struct source_settings *source = NULL;
	if (value->routing && bytes_to_cstr(event->result.source, name, sizeof name) && name[0])
		source = routing_source(value->routing, name);
	if (source)
		put(value, bytes_of(source->address));
}

static void put_size(struct value *value, const struct bouncer_event *event)
{
	if (event->result.content_bytes)
		(void)snprintf(value->text, sizeof value->text, "%" PRIu64,
			       event->result.content_bytes);
}

static void put_queue(struct value *value, const struct bouncer_event *event)
{
	struct bytes domain = domain_of_address(event->result.recipient);
	(void)snprintf(value->text, sizeof value->text, "%.*s/%.*s", BYTES_ARGS(domain),
		       BYTES_ARGS(event->result.pool));
}

static void put_delivery_type(struct value *value, const struct bouncer_event *event)
{
	if (event->result.code > 0 || event->result.remote_address.len > 0)
		put(value, BYTES("smtp"));
}

static void put_none(struct value *value, const struct bouncer_event *event)
{
	(void)event;
	value->text[0] = '\0';
}

#define PUT(name, expression)                                                                      \
	static void put_##name(struct value *value, const struct bouncer_event *event)             \
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
PUT(reporting_mta, event->result.remote_host)
PUT(format, event->report)
PUT(feedback_type, event->feedback_type)
PUT(reported_domain, domain_of_address(event->result.sender))

/* ---- columns, in PowerMTA's order ---- */

#define BIT(record) (1u << ((record)-1))
static const struct column {
	const char *name;
	unsigned records; /* whose default columns it is among */
	void (*put)(struct value *value, const struct bouncer_event *event);
} columns[] = {
	{"type", ALL_COLUMNS, put_type},
	{"timeLogged", ALL_COLUMNS, put_logged},
	{"timeQueued", DELIVERY_COLUMNS, put_queued},
	{"totalSecondsQueued", DELIVERY_COLUMNS, put_seconds},
	{"repSourceIp", FEEDBACK_COLUMNS, put_none},
	{"feedbackType", FEEDBACK_COLUMNS, put_feedback_type},
	{"orig", ALL_COLUMNS, put_sender},
	{"rcpt", ALL_COLUMNS, put_recipient},
	{"orcpt", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_none},
	{"dsnAction", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_action},
	{"dsnStatus", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_status},
	{"dsnDiag", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_diagnosis},
	{"dsnMta", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_mta},
	{"dsnReportingMta", REMOTE_COLUMNS, put_reporting_mta},
	{"bounceCat", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_category},
	{"srcType", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_none},
	{"srcMta", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_none},
	{"dlvType", DELIVERY_COLUMNS, put_delivery_type},
	{"dlvSourceIp", DELIVERY_COLUMNS, put_source_ip},
	{"dlvDestinationIp", DELIVERY_COLUMNS, put_target_ip},
	{"dlvEsmtpAvailable", DELIVERY_COLUMNS, put_none},
	{"dlvSize", DELIVERY_COLUMNS, put_size},
	{"vmta", DELIVERY_COLUMNS, put_source},
	{"jobId", DELIVERY_COLUMNS, put_campaign},
	{"envId", DELIVERY_COLUMNS | REMOTE_COLUMNS, put_id},
	{"envid", FEEDBACK_COLUMNS, put_id},
	{"queue", DELIVERY_COLUMNS, put_queue},
	{"vmtaPool", DELIVERY_COLUMNS, put_pool},
	{"format", REMOTE_COLUMNS | FEEDBACK_COLUMNS, put_format},
	{"userAgent", FEEDBACK_COLUMNS, put_none},
	{"reportingMTA", FEEDBACK_COLUMNS, put_reporting_mta},
	{"reportedDomain", FEEDBACK_COLUMNS, put_reported_domain},
	{"userString", DELIVERY_COLUMNS, put_tenant},
	{"dlvTlsProtocol", DELIVERY_COLUMNS, put_tls_protocol},
	{"dlvTlsCipher", DELIVERY_COLUMNS, put_tls_cipher},
	{"rcvSmtpUser", DELIVERY_COLUMNS, put_none},
};
#define COLUMN_COUNT (sizeof columns / sizeof columns[0])

static const struct column *find_column(const char *name)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		if (strcmp(columns[i].name, name) == 0)
			return &columns[i];
	return NULL;
}

static bool is_metadata(const char *name)
{
	size_t len = strlen(METADATA_PREFIX);
	return strncmp(name, METADATA_PREFIX, len) == 0 && name[len];
}

bool accounting_has_field(const char *name)
{
	return is_metadata(name) || find_column(name);
}

/* ---- lines ---- */

/* Line breaks and other controls become spaces, so that a line is a line for every tool. */
static enum err append_value(struct buf *out, char *text, bool is_first)
{
	bool must_quote = strpbrk(text, ",\"") != NULL;
	enum err err = buf_append_text(out, is_first ? "" : ",");
	if (!err && must_quote)
		err = buf_append_text(out, "\"");
	for (char *at = text; *at && !err; at++) {
		char c = (unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at;
		if (c == '"')
			err = buf_append_text(out, "\"");
		if (!err)
			err = buf_append(out, bytes_from(&c, 1));
	}
	return !err && must_quote ? buf_append_text(out, "\"") : err;
}

static void put_metadata(struct value *value, const struct bouncer_event *event, const char *name)
{
	const struct labels *labels = &event->result.labels;
	for (size_t i = 0; i < labels->metadata_count; i++)
		if (bytes_is(labels->metadata[i].name, name + strlen(METADATA_PREFIX)))
			put(value, labels->metadata[i].value);
}

static unsigned records_of(const struct accounting_settings *settings)
{
	unsigned records = 0;
	for (size_t i = 0; i < settings->records.count; i++)
		records |= BIT(record_of_name(settings->records.items[i]));
	return records;
}

/* Calls `each` with the name of every column of the file. */
static enum err
walk(const struct accounting_settings *settings, struct buf *out,
     enum err (*each)(void *owner, struct buf *out, const char *name, bool is_first), void *owner)
{
	unsigned records = records_of(settings);
	enum err err = OK;
	bool is_first = true;
	for (size_t i = 0; i < settings->fields.count && !err; i++, is_first = false)
		err = each(owner, out, settings->fields.items[i], is_first);
	for (size_t i = 0; settings->fields.count == 0 && i < COLUMN_COUNT && !err; i++) {
		if (!(columns[i].records & records))
			continue;
		err = each(owner, out, columns[i].name, is_first);
		is_first = false;
	}
	return err ? err : buf_append_text(out, "\r\n");
}

static enum err write_name(void *owner, struct buf *out, const char *name, bool is_first)
{
	(void)owner;
	enum err err = buf_append_text(out, is_first ? "" : ",");
	return err ? err : buf_append_text(out, name);
}

void accounting_header(const struct accounting_settings *settings, struct buf *out)
{
	if (settings->format == ACCOUNTING_POWERMTA)
		(void)!walk(settings, out, write_name, NULL); /* names fit */
}

struct writing {
	struct value value;
	const struct bouncer_event *event;
};

static enum err write_value(void *owner, struct buf *out, const char *name, bool is_first)
{
	struct writing *writing = owner;
	const struct column *column = find_column(name);
	writing->value.text[0] = '\0';
	if (column)
		column->put(&writing->value, writing->event);
	else
		put_metadata(&writing->value, writing->event, name);
	return append_value(out, writing->value.text, is_first);
}

enum err accounting_row(const struct accounting_settings *settings, const struct routing *routing,
			const struct bouncer_event *event, struct buf *out)
{
	if (settings->format == ACCOUNTING_KUMOMTA)
		return json_row(event, out);
	struct writing writing = {.value = {.routing = routing}, .event = event};
	return walk(settings, out, write_value, &writing);
}
