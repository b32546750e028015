/* Submissions: unpack, decode, then envelope, then content. What a script got wrong is told in
 * words it can be found by. */
#include "ingest/submission.h"

#include <string.h>
#include <strings.h>

#include "ingest/content.h"
#include "ingest/mailerq/translate.h"

#define PRIORITY_MAX 19 /* RFC 6710, from 1 */

#define UNPACKED_MAX                                                                               \
	((size_t)32                                                                                \
	 << 20) /* of a gzip body: what a broker would take unpacked, base64 included   \
			    */

static enum err unpack(struct arena *arena, const struct submission_source *source,
		       struct bytes *ret, struct why *why)
{
	const char *encoding = source->content_encoding;
	if (encoding[0] == '\0' || strcasecmp(encoding, "identity") == 0 ||
	    strcasecmp(encoding, "utf-8") == 0) { /* what some clients say of text */
		*ret = source->body;
		return OK;
	}
	if (strcasecmp(encoding, "gzip") == 0)
		return gunzip(arena, source->body, UNPACKED_MAX, ret, why);
	return fail(why, E_MALFORMED, "content_encoding must be gzip or absent");
}

static bool is_json(const struct submission_source *source, struct bytes body)
{
	if (strncasecmp(source->content_type, "application/json", 16) == 0)
		return true;
	/* No protobuf submission begins so: it would be the end of a group. */
	return body.len > 0 && body.data[0] == '{';
}

static enum err decode(struct arena *arena, const struct submission_source *source,
		       const struct routing *routing, struct submission *ret, struct why *why)
{
	struct bytes body = BYTES_NONE;
	enum err err = unpack(arena, source, &body, why);
	if (err != OK)
		return err;
	if (source->mailerq)
		return mailerq_read(arena, body, source->mailerq, routing_settings(routing), ret,
				    why);
	return is_json(source, body) ? submission_from_json(arena, body, ret, why)
				     : submission_decode(arena, body, ret, why);
}

/* ---- envelope ---- */

static bool is_id(struct bytes id)
{
	if (id.len == 0 || id.len > SCHEMA_ID_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (id.data[i] <= ' ' || id.data[i] >= 0x7f)
			return false;
	return true;
}

/* The client's own id, else that of its AMQP message: both stay the same when a submission is taken
 * again. */
static void choose_id(struct mail *mail, struct bytes own, struct bytes message_id)
{
	struct bytes id = is_id(own) ? own : message_id;
	if (is_id(id))
		(void)bytes_to_cstr(id, mail->id, sizeof mail->id);
}

static enum err add_recipient(struct mail *mail, const struct submission_rules *rules,
			      struct bytes text)
{
	struct address address;
	struct destination destination;
	enum err err = address_parse(text, true, &address);
	if (err == OK && (address.is_null || address.domain.len == 0))
		err = E_MALFORMED;
	if (err == OK)
		err = mail_route(mail, rules->routing, &address, &destination);
	if (err != OK) {
		mail_route_nowhere(mail, rules->routing, text, &destination);
		destination.labels.echo = mail->labels.echo;
		mail_add(mail, &destination);
		return OK;
	}
	destination.labels.echo = mail->labels.echo;
	err = rules->is_suppressed(rules->owner, mail, destination.address);
	if (err != OK && err != E_NOT_FOUND)
		return err;
	if (err == OK)
		destination.fate = FATE_SUPPRESSED;
	else if (mail->expires_wall_ms != 0 && mail->expires_wall_ms <= rules->wall_ms)
		destination.fate = FATE_EXPIRED;
	mail_add(mail, &destination);
	return OK;
}

static enum err take_recipients(struct mail *mail, const struct submission *submission,
				const struct submission_rules *rules, struct why *why)
{
	for (size_t i = 0; i < submission->recipient_count; i++) {
		enum err err = add_recipient(mail, rules, submission->recipients[i]);
		if (err != OK)
			return fail(why, err, "cannot tell whether recipients may be mailed");
	}
	if (mail_count(mail, FATE_BOUNCED) == mail->destination_count)
		return fail(why, E_MALFORMED, "recipients: none of them is an address");
	return OK;
}

static struct bytes keep(struct mail *mail, struct bytes b)
{
	return b.len > 0 ? arena_copy(mail->arena, b) : BYTES_NONE;
}

/* Labels outlive the submission they were decoded from. */
static void take_labels(struct mail *mail, const struct labels *given)
{
	struct labels *labels = &mail->labels;
	*labels = (struct labels){
		.tenant = keep(mail, given->tenant),
		.campaign = keep(mail, given->campaign),
		.tags = arena_zalloc(mail->arena, given->tag_count, sizeof *labels->tags),
		.tag_count = given->tag_count,
		.metadata =
			arena_zalloc(mail->arena, given->metadata_count, sizeof *labels->metadata),
		.metadata_count = given->metadata_count,
		.echo = keep(mail, given->echo),
	};
	for (size_t i = 0; i < given->tag_count; i++)
		labels->tags[i] = keep(mail, given->tags[i]);
	for (size_t i = 0; i < given->metadata_count; i++)
		labels->metadata[i] = (struct pair){keep(mail, given->metadata[i].name),
						    keep(mail, given->metadata[i].value)};
}

static enum err take_envelope(struct mail *mail, const struct submission *submission,
			      const struct submission_rules *rules, struct why *why)
{
	struct address sender;
	enum err err = address_parse(submission->sender, true, &sender);
	if (err == OK && !sender.is_null && sender.domain.len == 0)
		err = E_MALFORMED;
	if (err == OK)
		err = mail_set_sender(mail, &sender);
	if (err != OK)
		return fail(why, E_MALFORMED, "sender: not an address");
	if (submission->priority > PRIORITY_MAX)
		return fail(why, E_MALFORMED, "priority: not 1 to %d", PRIORITY_MAX);
	mail->pool_asked = keep(mail, submission->pool);
	mail->not_before_wall_ms = submission->not_before_wall_ms;
	mail->expires_wall_ms = submission->expires_wall_ms;
	mail->retry = keep(mail, submission->retry);
	mail->window = keep(mail, submission->window);
	mail->wishes.priority = submission->priority;
	take_labels(mail, &submission->labels);
	return take_recipients(mail, submission, rules, why);
}

/* ---- content ---- */

static enum err take_content(struct mail *mail, struct bytes content,
			     const struct submission_rules *rules, struct why *why)
{
	struct content_facts facts;
	struct blob_writer *writer = blob_writer_new(rules->spool, rules->memory_per_message);
	enum err err = content_normalise(content, rules->line_max, writer, &facts, why);
	if (err == OK) {
		mail->content = blob_writer_finish(&writer);
		mail->hops = facts.hops;
		mail->eightbit = facts.has_8bit;
	}
	blob_writer_free(&writer);
	return err;
}

enum err submission_to_mail(const struct submission_source *source,
			    const struct submission_rules *rules, struct mail **ret,
			    struct why *why)
{
	struct arena *scratch = arena_new(); /* what decoding needs, gone before the mail waits */
	struct mail *mail = mail_new(source->mailerq ? "mailerq" : "amqp", rules->wall_ms);
	struct submission submission;
	mail->protocol = "AMQP";
	enum err err = decode(scratch, source, rules->routing, &submission, why);
	if (err == OK) {
		choose_id(mail, submission.id, bytes_of(source->message_id));
		err = take_envelope(mail, &submission, rules, why);
	}
	if (err == OK)
		err = take_content(mail, submission.content, rules, why);
	if (err == OK) {
		*ret = mail;
		mail = NULL;
	}
	mail_free(&mail);
	arena_free(&scratch);
	return err;
}

/* ---- refusals ---- */

static void glimpse(struct arena *arena, const struct submission_source *source,
		    const struct routing *routing, struct submission *ret)
{
	struct bytes body = BYTES_NONE;
	*ret = (struct submission){0};
	if (unpack(arena, source, &body, NULL) != OK)
		return;
	if (source->mailerq)
		(void)!mailerq_read(arena, body, source->mailerq, routing_settings(routing), ret,
				    NULL);
	else if (is_json(source, body))
		submission_glimpse_json(arena, body, ret);
	else
		submission_glimpse(arena, body, ret);
}

static void add_refused(struct mail *mail, const struct submission_rules *rules, struct bytes text)
{
	struct address address;
	struct destination destination;
	bool is_address = address_parse(text, true, &address) == OK && !address.is_null &&
			  address.domain.len > 0;
	if (!is_address || mail_route(mail, rules->routing, &address, &destination) != OK)
		mail_route_nowhere(mail, rules->routing, text, &destination);
	destination.labels.echo = mail->labels.echo;
	destination.fate = FATE_REFUSED;
	mail_add(mail, &destination);
}

struct mail *submission_refusal(const struct submission_source *source,
				const struct submission_rules *rules, const char *reason)
{
	struct arena *scratch = arena_new();
	struct mail *mail = mail_new(source->mailerq ? "mailerq" : "amqp", rules->wall_ms);
	struct submission submission;
	glimpse(scratch, source, rules->routing, &submission);
	choose_id(mail, submission.id, bytes_of(source->message_id));
	mail->protocol = "AMQP";
	mail->refusal = arena_cstr(mail->arena, bytes_of(reason));
	mail->sender = keep(mail, submission.sender);
	mail->pool_asked = keep(mail, submission.pool);
	take_labels(mail, &submission.labels);
	for (size_t i = 0; i < submission.recipient_count; i++)
		add_refused(mail, rules, submission.recipients[i]);
	arena_free(&scratch);
	if (mail->destination_count == 0) {
		mail_free(&mail);
		return NULL;
	}
	struct blob_writer *writer = blob_writer_new(rules->spool, rules->memory_per_message);
	mail->content = blob_writer_finish(&writer);
	return mail;
}
