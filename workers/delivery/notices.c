/* What senders are told by mail of their recipients. Noted with each result; published as mail of its own when the results are kept and
 * before the lease is acked.
 *
 *   noted --> published --> kept, and noted in the journal --> the lease is acked
 *
 * A request that comes again after a crash tells again of those only that the journal does not know of. A notice leaves with the null
 * sender, and of mail with the null sender nothing is told: no notice is answered by another. */
#include "workers/delivery/request_inner.h"

#include <assert.h>
#include <string.h>

#include "lib/crypto/digest.h"
#include "lib/obs/log.h"
#include "workers/delivery/dsn_wish.h"

#define MINUTE_MS     60000
#define NOTICE_MARGIN ((size_t)1 << 16)

struct notice { /* one mail */
	struct request *request;
	size_t *indexes; /* of whom it tells */
	size_t count;
	bool has_header_only; /* what is returned of the mail */
};

/* ---- noting ---- */

static struct bytes journal_id(const struct request *request, enum dsn_kind kind)
{
	return bytes_of(arena_printf(request->arena, "%s %.*s", dsn_kind_name(kind),
				     BYTES_ARGS(request->journal_id)));
}

static bool was_told(const struct request *request, size_t index, enum dsn_kind kind)
{
	struct journal_entry entry;
	return lease_is_redelivered(request->lease) &&
	       journal_find(request->set->options.journal, journal_id(request, kind),
			    request->mail.recipients[index].address, request->arena, &entry);
}

static struct enhanced_code replied_of(const struct result *result)
{
	struct enhanced_code code = {0};
	(void)enhanced_code_parse(result->enhanced, &code);
	return code;
}

static struct enhanced_code status_of(const struct result *result)
{
	struct enhanced_code code = replied_of(result);
	if (result->event == RESULT_EXPIRED)
		code = (struct enhanced_code){4, 4, 7};
	else if (result->event == RESULT_SUPPRESSED)
		code = (struct enhanced_code){5, 7, 1};
	return code;
}

static struct bytes text_of(const struct request *request, const struct result *result)
{
	return result->event == RESULT_SUPPRESSED ? BYTES("the recipient is not mailed any more")
						  : arena_copy(request->arena, result->text);
}

static void note(struct request *request, size_t index, const struct result *result,
		 enum dsn_kind kind)
{
	const struct recipient *recipient = &request->mail.recipients[index];
	struct fate *fate = &request->fates[index];
	fate->told = arena_zalloc(request->arena, 1, sizeof *fate->told);
	fate->told_kind = kind;
	*fate->told = (struct dsn_recipient){
		.address = recipient->address,
		.original = recipient->original,
		.status = status_of(result),
		.replied = replied_of(result),
		.code = result->code,
		.text = text_of(request, result),
		.remote_host = arena_copy(request->arena, result->remote_host),
		.at_wall_ms = result->at_wall_ms,
		.given_up_wall_ms = request->expires_wall_ms,
	};
}

void notices_note(struct request *request, size_t index, const struct result *result)
{
	const struct dsn_settings *settings = request->set->options.dsn;
	const struct recipient *recipient = &request->mail.recipients[index];
	const struct fate *fate = &request->fates[index];
	int64_t now = result->at_wall_ms, late = request->mail.wishes.late_wall_ms;
	enum dsn_kind kind;
	const struct dsn_facts facts = {
		.has_sender = request->mail.sender.len > 0,
		.notify = recipient->notify,
		.event = result->event,
		.is_passed_on = fate->passes_dsn,
		.is_last_host = fate->is_last_host,
		.was_delay_told = recipient->is_delay_told,
		.age_ms = now - request->mail.begin_wall_ms,
		.is_late = late > 0 && now >= late,
	};
	if (settings && dsn_is_wished(settings, &facts, &kind) && !was_told(request, index, kind))
		note(request, index, result, kind);
}

/* ---- writing ---- */

static const char *hostname_of(const struct request *request)
{
	const struct requests_options *options = &request->set->options;
	return options->dsn->hostname[0] ? options->dsn->hostname : options->hostname;
}

/* The same for the same recipients and attempts, whenever it is written. */
static struct bytes id_of(const struct notice *notice)
{
	const struct request *request = notice->request;
	const struct recipient *first = &request->mail.recipients[notice->indexes[0]];
	enum dsn_kind kind = request->fates[notice->indexes[0]].told_kind;
	char attempt[16], hex[DIGEST_HEX_SIZE];
	(void)snprintf(attempt, sizeof attempt, "%u", first->attempt);
	struct bytes parts[] = {journal_id(request, kind), first->address, bytes_of(attempt)};
	struct digest digest = digest_of_parts(parts, sizeof parts / sizeof parts[0]);
	digest_hex(&digest, hex);
	hex[32] = '\0';
	return arena_copy(request->arena, bytes_of(hex));
}

/* A notice has lines. What is large, or cannot be written so, is returned as its header section. */
static struct bytes binary_of(struct notice *notice, struct buf *rendered)
{
	struct bytes content = notice->request->mail.content;
	notice->has_header_only = content.len > REWRITER_AT_ONCE_MAX ||
				  repair_write(content, REPAIR_BINARY | REPAIR_LONG_LINES,
					       REWRITER_LINE_MAX, rendered, NULL) != OK;
	return notice->has_header_only ? content : buf_bytes(rendered);
}

/* What its sender gave: a skeleton as it was written for the recipient. */
static struct bytes message_of(struct notice *notice, struct buf *rendered)
{
	struct request *request = notice->request;
	if (request->mail.binary)
		return binary_of(notice, rendered);
	if (!request->rendering)
		return request->mail.content;
	enum err err = rendering_write(
		request->rendering, &request->mail.recipients[notice->indexes[0]], rendered, NULL);
	return err == OK ? buf_bytes(rendered) : BYTES_NONE;
}

static enum err write_notice(const struct notice *notice, struct bytes id, struct bytes message,
			     struct buf *out, bool *ret_is_8bit)
{
	struct request *request = notice->request;
	const struct dsn_settings *settings = request->set->options.dsn;
	struct dsn_recipient *recipients =
		arena_zalloc(request->arena, notice->count, sizeof *recipients);
	for (size_t i = 0; i < notice->count; i++)
		recipients[i] = *request->fates[notice->indexes[i]].told;
	const char *from = settings->from[0] ? settings->from
					     : arena_printf(request->arena, "MAILER-DAEMON@%s",
							    hostname_of(request));
	const struct dsn dsn = {
		.kind = request->fates[notice->indexes[0]].told_kind,
		.hostname = bytes_of(hostname_of(request)),
		.from = bytes_of(from),
		.to = request->mail.sender,
		.id = id,
		.envelope_id = request->mail.wishes.envelope_id,
		.at_wall_ms = loop_wall_ms(request->set->options.loop),
		.arrived_wall_ms = request->mail.accepted_wall_ms,
		.recipients = recipients,
		.recipient_count = notice->count,
		.message = message,
		.is_full = request->mail.wishes.dsn_return == DSN_RETURN_FULL &&
			   !notice->has_header_only &&
			   request->fates[notice->indexes[0]].told_kind == DSN_FAILED &&
			   message.len <= (size_t)settings->max_returned,
	};
	return dsn_write(&dsn, out, ret_is_8bit);
}

/* ---- publishing ---- */

static bool is_wanted(void *owner)
{
	const struct notice *notice = owner;
	return !lease_is_lost(notice->request->lease);
}

static void on_posted(void *owner, bool is_kept)
{
	const struct notice *notice = owner;
	struct request *request = notice->request;
	const struct journal_entry entry = {.attempt = 1,
					    .at_wall_ms = loop_wall_ms(request->set->options.loop)};
	for (size_t i = 0; is_kept && i < notice->count; i++) {
		struct fate *fate = &request->fates[notice->indexes[i]];
		fate->is_notice_in_journal = true;
		journal_note(request->set->options.journal, journal_id(request, fate->told_kind),
			     request->mail.recipients[notice->indexes[i]].address, &entry);
	}
	request_note_kept(request);
}

static const struct posting_handler posting_handler = {.is_wanted = is_wanted, .done = on_posted};

static void post(struct notice *notice, const struct delivery_request *mail)
{
	struct request *request = notice->request;
	struct blob *content = blob_from_bytes(mail->content);
	struct buf head;
	buf_init(&head, 2 * SCHEMA_HEAD_MAX);
	enum err err = delivery_request_encode_head(mail, mail->content.len, &head);
	assert(!err); /* one recipient, and names that were decoded */
	request->unkept_count++;
	postings_add(request->set->options.postings,
		     &(struct publication){
			     .exchange = EXCHANGE_DELIVER,
			     .key = arena_printf(request->arena, "%.*s.%.*s",
						 BYTES_ARGS(mail->pool), BYTES_ARGS(mail->site)),
			     .message_id = arena_cstr(request->arena, mail->id),
			     .head = buf_bytes(&head),
			     .tail = content,
		     },
		     &posting_handler, notice);
	buf_done(&head);
	blob_unref(&content);
	log_event(EV_dsn_sent,
		  F_TEXT("action", dsn_kind_name(request->fates[notice->indexes[0]].told_kind)),
		  F_BYTES("notice", mail->id), F_BYTES("message", request->mail.id),
		  F_BYTES("sender", request->mail.sender), F_INT("recipients", notice->count));
}

/* Where the sender's mail goes. False for an address that cannot be mailed. */
static bool route(const struct request *request, struct delivery_request *mail)
{
	const struct requests_options *options = &request->set->options;
	const char *asked = options->dsn->pool[0] ? options->dsn->pool : request->pool;
	char domain[ADDRESS_DOMAIN_MAX + 1], site[ROUTING_NAME_MAX + 2];
	if (!request_domain(request->mail.sender, domain))
		return false;
	routing_site_key(options->routing, domain, site);
	mail->pool = bytes_of(routing_choose_pool(options->routing, asked, "", domain));
	mail->site = arena_copy(request->arena, bytes_of(site));
	return true;
}

/* RFC 3461 6.2: nothing is told of what became of a notice. */
static void publish(struct notice *notice)
{
	struct request *request = notice->request;
	struct recipient to = {.address = request->mail.sender, .notify = NOTIFY_NEVER};
	struct buf rendered, text;
	buf_init(&rendered, RENDERED_MAX);
	struct bytes message = message_of(notice, &rendered);
	buf_init(&text, message.len + notice->count * DSN_RECIPIENT_SIZE_MAX + NOTICE_MARGIN +
				DSN_HEADERS_MAX);
	struct delivery_request mail = {
		.id = id_of(notice),
		.recipients = &to,
		.recipient_count = 1,
		.accepted_wall_ms = loop_wall_ms(request->set->options.loop),
		.labels = {.tenant = request->mail.labels.tenant},
		.smtputf8 = !bytes_is_ascii(request->mail.sender),
	};
	enum err err = write_notice(notice, mail.id, message, &text, &mail.eightbit);
	mail.content = buf_bytes(&text);
	if (err == OK && route(request, &mail))
		post(notice, &mail);
	else
		log_event(EV_dsn_dropped, F_TEXT("reason", "address"),
			  F_BYTES("message", request->mail.id),
			  F_BYTES("sender", request->mail.sender));
	buf_done(&text);
	buf_done(&rendered);
}

static bool may_send(struct requests *set)
{
	int64_t now = loop_now_ms(set->options.loop);
	if (set->notice_minute_count == 0 || now - set->notice_minute_ms >= MINUTE_MS) {
		set->notice_minute_ms = now;
		set->notice_minute_count = 0;
	}
	return set->notice_minute_count++ < set->options.dsn->max_per_minute;
}

static void send_notice(struct notice *notice)
{
	const struct request *request = notice->request;
	if (may_send(request->set))
		publish(notice);
	else
		log_event(EV_dsn_dropped, F_TEXT("reason", "rate"),
			  F_BYTES("message", request->mail.id),
			  F_BYTES("sender", request->mail.sender));
}

/* One mail for all recipients of a kind; for each its own where each got a text of its own. */
static void send_kind(struct request *request, enum dsn_kind kind)
{
	size_t count_max = request->rendering ? 1 : DSN_RECIPIENTS_MAX;
	struct notice *notice = NULL;
	for (size_t i = 0; i < request->mail.recipient_count; i++) {
		if (!request->fates[i].told || request->fates[i].told_kind != kind)
			continue;
		if (!notice) {
			notice = arena_zalloc(request->arena, 1, sizeof *notice);
			notice->request = request;
			notice->indexes =
				arena_zalloc(request->arena, count_max, sizeof *notice->indexes);
		}
		notice->indexes[notice->count++] = i;
		if (notice->count == count_max) {
			send_notice(notice);
			notice = NULL;
		}
	}
	if (notice)
		send_notice(notice);
}

void notices_publish(struct request *request)
{
	for (int kind = 0; kind < DSN_KIND_COUNT; kind++)
		send_kind(request, (enum dsn_kind)kind);
}

void notices_forget(struct request *request)
{
	for (size_t i = 0; i < request->mail.recipient_count; i++)
		if (request->fates[i].is_notice_in_journal)
			journal_forget(request->set->options.journal,
				       journal_id(request, request->fates[i].told_kind),
				       request->mail.recipients[i].address);
}
