/* A table of fields for each dialect. Labels are kept in the mail's arena, within the limits of schemas.h. */
#include "ingest/metadata.h"

#include <stdio.h>
#include <string.h>

#include "ingest/smtp/parameters.h"
#include "lib/base/clock.h"
#include "lib/mail/header.h"

struct reading {
	struct mail *mail;
	unsigned dialects;
};

typedef const char *field_taker(struct reading *r, struct bytes value); /* NULL, or what is wrong */

/* ---- values ---- */

static bool is_text(struct bytes value, size_t max)
{
	if (value.len > max || !bytes_is_utf8(value))
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] < ' ' || value.data[i] == 0x7f ||
		    (value.data[i] == 0xc2 && i + 1 < value.len && value.data[i + 1] < 0xa0))
			return false;
	return true;
}

static const char *take_name(struct reading *r, struct bytes value, struct bytes *ret)
{
	if (value.len == 0 || !is_text(value, SCHEMA_NAME_MAX))
		return "must be text of 1 to 255 bytes";
	if (ret->len == 0) /* a login's, or the first one's */
		*ret = arena_copy(r->mail->arena, value);
	return NULL;
}

static bool parse_instant(struct bytes value, int64_t now_ms, int64_t *ret_wall_ms)
{
	uint64_t seconds = 0;
	char text[CLOCK_RFC3339_SIZE];
	if (bytes_to_u64(value, 10 * 366 * 86400, &seconds)) {
		*ret_wall_ms = now_ms + (int64_t)seconds * 1000;
		return true;
	}
	if (value.len != strlen("2026-11-21 09:20:00") || value.data[10] != ' ')
		return clock_parse_rfc3339(value, ret_wall_ms);
	(void)snprintf(text, sizeof text, "%.10sT%.8sZ", (const char *)value.data,
		       (const char *)value.data + 11);
	return clock_parse_rfc3339(bytes_of(text), ret_wall_ms);
}

static const char *take_instant(struct reading *r, struct bytes value, int64_t *ret_wall_ms)
{
	bool is_right = parse_instant(value, r->mail->accepted_wall_ms, ret_wall_ms);
	return is_right ? NULL : "must be a date and time such as 2026-11-21T09:20:00Z, or seconds";
}

static const char *add_metadata(struct reading *r, struct bytes name, struct bytes value)
{
	struct labels *labels = &r->mail->labels;
	if (name.len == 0 || !is_text(name, SCHEMA_NAME_MAX) ||
	    !is_text(value, SCHEMA_METADATA_VALUE_MAX))
		return "must be a name of at most 255 bytes and a value of at most 1024";
	for (size_t i = 0; i < labels->metadata_count; i++)
		if (bytes_equal(labels->metadata[i].name, name))
			return "a name is there twice";
	if (labels->metadata_count == SCHEMA_METADATA_MAX)
		return "more than 50 of them";
	if (!labels->metadata)
		labels->metadata =
			arena_zalloc(r->mail->arena, SCHEMA_METADATA_MAX, sizeof *labels->metadata);
	labels->metadata[labels->metadata_count++] =
		(struct pair){arena_copy(r->mail->arena, name), arena_copy(r->mail->arena, value)};
	return NULL;
}

/* ---- fields ---- */

static const char *take_pool(struct reading *r, struct bytes value)
{
	return take_name(r, value, &r->mail->pool_asked);
}

static const char *take_tenant(struct reading *r, struct bytes value)
{
	return take_name(r, value, &r->mail->labels.tenant);
}

static const char *take_campaign(struct reading *r, struct bytes value)
{
	return take_name(r, value, &r->mail->labels.campaign);
}

static const char *take_tag(struct reading *r, struct bytes value)
{
	struct labels *labels = &r->mail->labels;
	if (value.len == 0 || !is_text(value, SCHEMA_NAME_MAX))
		return "must be text of 1 to 255 bytes";
	if (labels->tag_count == SCHEMA_TAGS_MAX)
		return "more than 50 of them";
	if (!labels->tags)
		labels->tags = arena_zalloc(r->mail->arena, SCHEMA_TAGS_MAX, sizeof *labels->tags);
	labels->tags[labels->tag_count++] = arena_copy(r->mail->arena, value);
	return NULL;
}

static const char *take_metadata(struct reading *r, struct bytes value)
{
	ptrdiff_t equals = bytes_find(value, '=');
	if (equals < 0)
		return "must be name=value";
	return add_metadata(r, bytes_trim(bytes_first(value, (size_t)equals)),
			    bytes_trim(bytes_skip(value, (size_t)equals + 1)));
}

static const char *take_schedule(struct reading *r, struct bytes value)
{
	return take_instant(r, value, &r->mail->not_before_wall_ms);
}

static const char *take_expiry(struct reading *r, struct bytes value)
{
	return take_instant(r, value, &r->mail->expires_wall_ms);
}

static const char *take_retry(struct reading *r, struct bytes value)
{
	return take_name(r, value, &r->mail->retry);
}

static const char *take_window(struct reading *r, struct bytes value)
{
	return take_name(r, value, &r->mail->window);
}

/* -9 to 9; a sign is a minus only. */
static const char *take_priority(struct reading *r, struct bytes value)
{
	uint64_t size = 0;
	bool is_low = value.len > 0 && value.data[0] == '-';
	if (!bytes_to_u64(bytes_skip(value, is_low), SMTPD_PRIORITY_MAX, &size))
		return "must be a number from -9 to 9";
	r->mail->wishes.priority =
		(uint32_t)(SMTPD_PRIORITY_MAX + 1 + (is_low ? -(int)size : (int)size));
	return NULL;
}

static const char *take_envid(struct reading *r, struct bytes value)
{
	if (value.len == 0 || value.len > SMTPD_ENVELOPE_ID_MAX || !is_text(value, value.len) ||
	    !bytes_is_ascii(value))
		return "must be at most 100 printable characters";
	r->mail->wishes.envelope_id = arena_copy(r->mail->arena, value);
	return NULL;
}

static const char *take_dsn_return(struct reading *r, struct bytes value)
{
	if (bytes_is_nocase(value, "FULL"))
		r->mail->wishes.dsn_return = DSN_RETURN_FULL;
	else if (bytes_is_nocase(value, "HDRS"))
		r->mail->wishes.dsn_return = DSN_RETURN_HEADERS;
	else
		return "must be FULL or HDRS";
	return NULL;
}

static const char *take_notify(struct reading *r, struct bytes value)
{
	struct smtpd_rcpt_parameters parameters = {0};
	struct bytes word = bytes_of(arena_printf(r->mail->arena, "NOTIFY=%.*s",
						  (int)(value.len < 40 ? value.len : 40),
						  (const char *)value.data));
	if (smtpd_objects(smtpd_rcpt_parameter(word, &parameters)))
		return "must be NEVER, or a list of SUCCESS, FAILURE and DELAY";
	for (size_t i = 0; i < r->mail->destination_count; i++)
		r->mail->destinations[i].notify = parameters.notify;
	return NULL;
}

/* What other systems can be told and we cannot: it goes, and nothing comes of it. Some of it is secret. */
static const char *pass_over(struct reading *r, struct bytes value)
{
	(void)r, (void)value;
	return NULL;
}

static const struct row {
	const char *name;
	unsigned dialect;
	field_taker *take;
} rows[] = {
	{"X-Leveret-Pool", METADATA_LEVERET, take_pool},
	{"X-Leveret-Tenant", METADATA_LEVERET, take_tenant},
	{"X-Leveret-Campaign", METADATA_LEVERET, take_campaign},
	{"X-Leveret-Tag", METADATA_LEVERET, take_tag},
	{"X-Leveret-Metadata", METADATA_LEVERET, take_metadata},
	{"X-Leveret-Schedule", METADATA_LEVERET, take_schedule},
	{"X-Leveret-Expiry", METADATA_LEVERET, take_expiry},
	{"X-Leveret-Retry", METADATA_LEVERET, take_retry},
	{"X-Leveret-Window", METADATA_LEVERET, take_window},
	{"X-Leveret-Priority", METADATA_LEVERET, take_priority},
	{"x-mq-pool", METADATA_MAILERQ, take_pool},
	{"x-mq-tag", METADATA_MAILERQ, take_tag},
	{"x-mq-delayed", METADATA_MAILERQ, take_schedule},
	{"x-mq-maxdelivertime", METADATA_MAILERQ, take_expiry},
	{"x-mq-dsn-envid", METADATA_MAILERQ, take_envid},
	{"x-mq-dsn-ret", METADATA_MAILERQ, take_dsn_return},
	{"x-mq-dsn-notify", METADATA_MAILERQ, take_notify},
	{"x-mq-dsn-orcpt", METADATA_MAILERQ, pass_over},
	{"x-mq-envelope", METADATA_MAILERQ, pass_over},
	{"x-mq-ip", METADATA_MAILERQ, pass_over},
	{"x-mq-maxattempts", METADATA_MAILERQ, pass_over},
	{"x-mq-retries", METADATA_MAILERQ, pass_over},
	{"x-mq-inlinecss", METADATA_MAILERQ, pass_over},
	{"x-mq-keepmime", METADATA_MAILERQ, pass_over},
	{"x-mq-results-queue", METADATA_MAILERQ, pass_over},
	{"x-mq-failure-queue", METADATA_MAILERQ, pass_over},
	{"x-mq-success-queue", METADATA_MAILERQ, pass_over},
	{"x-mq-retry-queue", METADATA_MAILERQ, pass_over},
	{"x-mq-smarthost-hostname", METADATA_MAILERQ, pass_over},
	{"x-mq-smarthost-port", METADATA_MAILERQ, pass_over},
	{"x-mq-smarthost-username", METADATA_MAILERQ, pass_over},
	{"x-mq-smarthost-password", METADATA_MAILERQ, pass_over},
	{"x-virtual-mta", METADATA_POWERMTA, take_pool},
	{"x-job", METADATA_POWERMTA, take_campaign},
	{"x-envid", METADATA_POWERMTA, take_envid},
};

unsigned metadata_dialect(const char *word)
{
	static const char *const words[] = {"leveret", "mailerq", "powermta"};
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(word, words[i]) == 0)
			return 1U << i;
	return 0;
}

/* ---- the section ---- */

#define PREFIX_LEVERET "X-Leveret-"
#define PREFIX_MAILERQ "x-mq-"

/* Any other x-mq-foo is foo for whoever reads the results; a misspelt field of ours is not to be a silent one. */
static const char *take_unlisted(struct reading *r, struct bytes name, struct bytes value)
{
	if (bytes_starts_with_nocase(name, PREFIX_LEVERET))
		return "is not a field that we know";
	return add_metadata(r, bytes_skip(name, strlen(PREFIX_MAILERQ)), value);
}

static bool is_for_us(const struct reading *r, struct bytes name, const struct row **ret_row)
{
	*ret_row = NULL;
	if (name.len < 5 || (name.data[0] | 0x20) != 'x' || name.data[1] != '-')
		return false;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !*ret_row; i++)
		if (rows[i].dialect & r->dialects && bytes_is_nocase(name, rows[i].name))
			*ret_row = &rows[i];
	return *ret_row ||
	       (r->dialects & METADATA_LEVERET && bytes_starts_with_nocase(name, PREFIX_LEVERET)) ||
	       (r->dialects & METADATA_MAILERQ && bytes_starts_with_nocase(name, PREFIX_MAILERQ));
}

static enum err take_field(struct reading *r, const struct header_field *field,
			   const struct row *row, struct why *why)
{
	struct bytes value = header_unfold(r->mail->arena, field->value);
	const char *fault = row ? row->take(r, value) : take_unlisted(r, field->name, value);
	if (!fault)
		return OK;
	return fail(why, E_MALFORMED, "%.*s: %s",
		    (int)(field->name.len < 60 ? field->name.len : 60),
		    (const char *)field->name.data, fault);
}

enum err metadata_read(struct bytes header, unsigned dialects, struct mail *mail,
		       enum err (*keep)(void *owner, struct bytes run), void *owner,
		       struct why *why)
{
	struct reading reading = {mail, dialects};
	struct bytes rest = header, kept = bytes_first(header, 0);
	struct header_field field;
	enum err err = OK;
	while (err == OK && header_next(&rest, &field)) {
		const struct row *row = NULL;
		if (!is_for_us(&reading, field.name, &row)) {
			kept.len += field.whole.len;
			continue;
		}
		err = take_field(&reading, &field, row, why);
		if (err == OK && kept.len > 0)
			err = keep(owner, kept);
		kept = bytes_first(rest, 0);
	}
	kept.len += rest.len; /* the empty line */
	return err == OK && kept.len > 0 ? keep(owner, kept) : err;
}

struct metadata_gaps metadata_find_gaps(struct bytes header)
{
	struct metadata_gaps gaps = {false, false};
	struct header_field field;
	while (header_next(&header, &field)) {
		gaps.has_date |= bytes_is_nocase(field.name, "Date");
		gaps.has_message_id |= bytes_is_nocase(field.name, "Message-ID");
	}
	return gaps;
}
