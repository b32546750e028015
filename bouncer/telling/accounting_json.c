/* A line as KumoMTA's logs have it. */
#include <inttypes.h>
#include <string.h>

#include "bouncer/telling/accounting_inner.h"
#include "lib/obs/log.h"
#include "lib/report/class.h"

#define TEXT_MAX 8192

static const char *type_of(const struct bouncer_event *event)
{
	switch (event->kind) {
	case EVENT_DELIVERED:
		return "Delivery";
	case EVENT_DEFERRED:
		return "TransientFailure";
	case EVENT_BOUNCED:
		return event->report.len ? "OOB" : "Bounce";
	case EVENT_EXPIRED:
		return "Expiration";
	case EVENT_COMPLAINED:
		return "Feedback";
	default:
		return "AdminBounce";
	}
}

static const char *classification(struct bytes class)
{
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (bytes_is(class, bounce_class_name((enum bounce_class)i)))
			return bounce_class_kumomta((enum bounce_class)i);
	return "Uncategorized";
}

static struct bytes reception_of(struct bytes door)
{
	return bytes_is(door, "smtp")	? BYTES("ESMTP")
	       : bytes_is(door, "http") ? BYTES("HTTP")
	       : bytes_is(door, "amqp") ? BYTES("AMQP")
					: BYTES_NONE;
}

/* ,"name":"text" */
static enum err add(struct buf *out, enum err err, const char *name, struct bytes text)
{
	char escaped[TEXT_MAX];
	if (err)
		return err;
	if (text.len == 0)
		return buf_printf(out, ",\"%s\":null", name);
	(void)log_escape_json(text, escaped, sizeof escaped);
	return buf_printf(out, ",\"%s\":\"%s\"", name, escaped);
}

static enum err add_enhanced(struct buf *out, enum err err, struct bytes status)
{
	uint64_t part[3] = {0};
	struct bytes left = status;
	for (size_t i = 0; i < 3 && !err; i++) {
		ptrdiff_t dot = bytes_find(left, '.');
		struct bytes digits = dot < 0 ? left : bytes_first(left, (size_t)dot);
		if (!bytes_to_u64(digits, 999, &part[i]))
			return buf_append_text(out, ",\"enhanced_code\":null");
		left = bytes_skip(left, digits.len + 1);
	}
	return err ? err
		   : buf_printf(out,
				",\"enhanced_code\":{\"class\":%" PRIu64 ",\"subject\":%" PRIu64
				",\"detail\":%" PRIu64 "}",
				part[0], part[1], part[2]);
}

static enum err add_response(struct buf *out, enum err err, const struct result *result)
{
	if (!err)
		err = buf_printf(out, ",\"response\":{\"code\":%u", (unsigned)result->code);
	err = add_enhanced(out, err, result->enhanced);
	err = add(out, err, "content", result->text);
	err = add(out, err, "command", result->step);
	return err ? err : buf_append_text(out, "}");
}

static enum err add_peer(struct buf *out, enum err err, const struct result *result)
{
	char host[TEXT_MAX], address[TEXT_MAX];
	if (err || result->remote_address.len == 0)
		return err ? err : buf_append_text(out, ",\"peer_address\":null");
	(void)log_escape_json(result->remote_host, host, sizeof host);
	(void)log_escape_json(ip_of(result->remote_address), address, sizeof address);
	return buf_printf(out, ",\"peer_address\":{\"name\":\"%s\",\"addr\":\"%s\"}", host,
			  address);
}

/* "name":{...} */
static enum err add_pairs(struct buf *out, enum err err, const char *what, const struct pair *pairs,
			  size_t count)
{
	char name[TEXT_MAX], value[TEXT_MAX];
	if (!err)
		err = buf_printf(out, ",\"%s\":{", what);
	for (size_t i = 0; i < count && !err; i++) {
		(void)log_escape_json(pairs[i].name, name, sizeof name);
		(void)log_escape_json(pairs[i].value, value, sizeof value);
		err = buf_printf(out, "%s\"%s\":\"%s\"", i > 0 ? "," : "", name, value);
	}
	return err ? err : buf_append_text(out, "}");
}

/* campaign:tenant@domain, without what is absent */
static enum err add_queue(struct buf *out, enum err err, const struct result *result)
{
	char campaign[TEXT_MAX], tenant[TEXT_MAX], domain[TEXT_MAX];
	(void)log_escape_json(result->labels.campaign, campaign, sizeof campaign);
	(void)log_escape_json(result->labels.tenant, tenant, sizeof tenant);
	(void)log_escape_json(domain_of_address(result->recipient), domain, sizeof domain);
	return err ? err
		   : buf_printf(out, ",\"queue\":\"%s%s%s%s%s\"", campaign, campaign[0] ? ":" : "",
				tenant, tenant[0] ? "@" : "", domain);
}

static enum err add_numbers(struct buf *out, enum err err, const struct bouncer_event *event)
{
	int64_t at = event->at_wall_ms, created = event->result.accepted_wall_ms;
	return err ? err
		   : buf_printf(out,
				",\"size\":%" PRIu64 ",\"timestamp\":%" PRId64
				",\"event_time\":%" PRId64 ".%03d,\"created\":%" PRId64
				",\"num_attempts\":%u",
				event->result.content_bytes, at / 1000, at / 1000, (int)(at % 1000),
				created / 1000,
				event->result.attempt > 0 ? (unsigned)event->result.attempt - 1
							  : 0);
}

enum err json_row(const struct bouncer_event *event, struct buf *out)
{
	const struct result *result = &event->result;
	struct bytes class =
		event->class.len ? bytes_of(classification(event->class)) : BYTES("Uncategorized");
	enum err err = buf_printf(out, "{\"type\":\"%s\"", type_of(event));
	err = add(out, err, "id", result->id);
	err = add(out, err, "sender", result->sender);
	err = add(out, err, "recipient", result->recipient);
	err = add_queue(out, err, result);
	err = add(out, err, "site", result->site);
	err = add_numbers(out, err, event);
	err = add_response(out, err, result);
	err = add_peer(out, err, result);
	err = add(out, err, "bounce_classification", class);
	err = add(out, err, "egress_pool", result->pool);
	err = add(out, err, "egress_source", result->source);
	err = add(out, err, "feedback_type", event->feedback_type);
	err = add_pairs(out, err, "meta", result->labels.metadata, result->labels.metadata_count);
	err = add_pairs(out, err, "headers", result->headers, result->header_count);
	err = add(out, err, "delivery_protocol", result->code ? BYTES("ESMTP") : BYTES_NONE);
	err = add(out, err, "reception_protocol", reception_of(result->origin.door));
	err = add(out, err, "nodeid", result->worker);
	err = add(out, err, "tls_protocol_version", word_of(result->tls, 0));
	err = add(out, err, "tls_cipher", word_of(result->tls, 1));
	err = add(out, err, "event_id", event->id);
	return err ? err : buf_append_text(out, "}\n");
}
