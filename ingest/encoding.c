/* Encoding: a few fields copied from one struct to another, and what a fate is called in results.
 */
#include "ingest/encoding.h"

#include <stdio.h>

#include "lib/mail/received.h"

/* For every fate but delivery: the result at the door, as if a remote host had said it. */
static const struct fate_result {
	enum result_event event;
	unsigned code;
	const char *enhanced, *text, *step;
} fate_results[] = {
	[FATE_SUPPRESSED] = {RESULT_SUPPRESSED, 0, "5.7.1", "the address is suppressed",
			     "suppression"},
	[FATE_BOUNCED] = {RESULT_BOUNCED, 0, "5.1.3", "not an address that mail can be sent to",
			  "rcpt"},
	[FATE_REFUSED] = {RESULT_BOUNCED, 0, "5.6.0", NULL, "submission"}, /* text: the refusal */
	[FATE_EXPIRED] = {RESULT_EXPIRED, 0, "5.4.7", "expired before the first attempt", "expiry"},
};

/* As a skeleton of its own, which joins the one behind it. */
static enum err write_segment(const struct received *received, struct buf *out)
{
	struct buf field;
	buf_init(&field, 4096);
	enum err err = received_write(received, &field);
	struct segment segment = {.kind = SEGMENT_LITERAL, .text = buf_bytes(&field)};
	struct skeleton skeleton = {.segments = &segment, .segment_count = 1};
	if (err == OK)
		err = skeleton_encode(&skeleton, out);
	buf_done(&field);
	return err;
}

enum err encode_received(const struct mail *mail, const char *hostname, struct buf *out)
{
	char recipient[ADDRESS_MAX + 1];
	bool is_alone = mail->destination_count == 1 &&
			bytes_to_cstr(mail->destinations[0].address, recipient, sizeof recipient);
	struct received received = {
		.client_helo = mail->client_helo,
		.client_ip = mail->client_ip,
		.by_host = hostname,
		.protocol = mail->protocol,
		.id = mail->id,
		.for_recipient = is_alone ? recipient : NULL,
		.wall_ms = mail->accepted_wall_ms,
	};
	return mail->is_skeleton ? write_segment(&received, out) : received_write(&received, out);
}

static struct recipient recipient_of(const struct destination *destination)
{
	return (struct recipient){
		.address = destination->address,
		.id = destination->id,
		.labels = destination->labels,
		.notify = destination->notify,
		.original = destination->original,
		.variables = destination->variables,
		.name = destination->name,
		.shown_address = destination->shown_address,
	};
}

/* What names may be in what travels. */
static struct bytes name_of(const char *text)
{
	struct bytes name = bytes_of(text);
	bool is_good = name.len <= SCHEMA_NAME_MAX && bytes_is_utf8(name) &&
		       !bytes_has_control(name, false);
	return is_good ? name : BYTES_NONE;
}

static struct mail_origin origin_of(const struct mail *mail)
{
	return (struct mail_origin){
		.door = name_of(mail->door),
		.client = name_of(mail->client_ip),
		.user = name_of(mail->user),
	};
}

enum err encode_request_head(const struct mail *mail, const struct group *group,
			     struct bytes received, struct buf *out)
{
	struct recipient recipients[GROUP_RECIPIENTS_MAX];
	bool needs_smtputf8 = mail->smtputf8;
	for (size_t i = 0; i < group->count; i++) {
		recipients[i] = recipient_of(&group->destinations[i]);
		needs_smtputf8 |= group->destinations[i].needs_smtputf8;
	}
	struct delivery_request request = {
		.id = bytes_of(mail->id),
		.sender = mail->sender,
		.recipients = recipients,
		.recipient_count = group->count,
		.pool = bytes_of(group->destinations->pool),
		.site = bytes_of(group->destinations->site),
		.accepted_wall_ms = mail->accepted_wall_ms,
		.expires_wall_ms = mail->expires_wall_ms,
		.not_before_wall_ms = mail->not_before_wall_ms,
		.labels = mail->labels,
		.smtputf8 = needs_smtputf8,
		.eightbit = mail->eightbit,
		.binary = mail->is_binary,
		.bare_line_ends = mail->has_bare_line_ends,
		.wishes = mail->wishes,
		.origin = origin_of(mail),
		.retry = mail->retry,
		.window = mail->window,
	};
	uint64_t content_bytes = received.len + blob_size(mail->content);
	enum err err = delivery_request_encode_head(&request, content_bytes, out);
	return err == OK ? buf_append(out, received) : err;
}

enum err encode_inbound_head(const struct mail *mail, const struct group *group,
			     struct bytes received, struct buf *out)
{
	struct bytes recipients[GROUP_RECIPIENTS_MAX];
	for (size_t i = 0; i < group->count; i++)
		recipients[i] = group->destinations[i].address;
	const struct inbound_mail inbound = {
		.id = bytes_of(mail->id),
		.sender = mail->sender,
		.recipients = recipients,
		.recipient_count = group->count,
		.client_address = bytes_of(mail->client_ip),
		.received_wall_ms = mail->accepted_wall_ms,
	};
	uint64_t content_bytes = received.len + blob_size(mail->content);
	enum err err = inbound_mail_encode_head(&inbound, content_bytes, out);
	return err == OK ? buf_append(out, received) : err;
}

enum err encode_results(const struct mail *mail, const struct group *group, const char *worker,
			struct buf *out)
{
	const struct fate_result *fate = &fate_results[group->destinations->fate];
	struct result results[GROUP_RECIPIENTS_MAX];
	for (size_t i = 0; i < group->count; i++) {
		const struct destination *to = &group->destinations[i];
		results[i] = (struct result){
			.id = to->id.len > 0 ? to->id : bytes_of(mail->id),
			.recipient = to->address,
			.sender = mail->sender,
			.event = fate->event,
			.attempt = 1,
			.code = fate->code,
			.enhanced = bytes_of(fate->enhanced),
			.text = bytes_of(fate->text ? fate->text : mail->refusal),
			.step = bytes_of(fate->step),
			.at_wall_ms = mail->accepted_wall_ms,
			.accepted_wall_ms = mail->accepted_wall_ms,
			.pool = bytes_of(group->destinations->pool),
			.site = bytes_of(group->destinations->site),
			.labels = labels_with(mail->arena, &mail->labels, &to->labels),
			.content_bytes = blob_size(mail->content),
			.worker = bytes_of(worker),
			.original = to->original,
			.origin = origin_of(mail),
		};
	}
	return result_batch_encode(&(struct result_batch){results, group->count}, out);
}

enum err encode_group(const struct mail *mail, const struct group *group, struct bytes received,
		      const char *worker, struct buf *out)
{
	enum err err;
	switch (group->destinations->fate) {
	case FATE_DELIVER:
		err = encode_request_head(mail, group, received, out);
		break;
	case FATE_INBOUND:
		err = encode_inbound_head(mail, group, received, out);
		break;
	default:
		err = encode_results(mail, group, worker, out);
	}
	return err == E_FULL ? E_TOO_BIG : err; /* it is not the broker that is full */
}

void encode_key(const struct group *group, char out[ENCODING_KEY_SIZE])
{
	const struct destination *first = group->destinations;
	bool is_result = first->fate != FATE_DELIVER;
	if (first->fate == FATE_INBOUND) {
		(void)snprintf(out, ENCODING_KEY_SIZE, "%s", first->site);
		return;
	}
	(void)snprintf(out, ENCODING_KEY_SIZE, "%s%s%s.%s",
		       is_result ? result_event_name(fate_results[first->fate].event) : "",
		       is_result ? "." : "", first->pool, first->site);
}
