#include "bouncer/tlsreports/sending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bouncer/tlsreports/compose.h"
#include "bouncer/tlsreports/upload.h"
#include "lib/base/memory.h"
#include "lib/crypto/digest.h"
#include "lib/mail/address.h"
#include "lib/obs/log.h"
#include "lib/obs/metrics.h"

#define EXPIRES_MS	 INT64_C(86400000) /* RFC 8460 5.4: tried for a day */
#define REQUEST_HEAD_MAX ((size_t)16 << 10)

struct tls_sending {
	struct tls_sending_tools tools;
	uint32_t day, passed_over;
	char domain[256];
	struct tls_ruas ruas;
	struct buf packed;
	size_t index; /* of the address in work */
	struct tls_upload *upload;
	struct task next;
	struct tls_sent sent;
	void (*done)(void *owner, const struct tls_sent *sent);
	void *owner;
};

static void sending_free(struct tls_sending *sending)
{
	task_cancel(&sending->next, sending->tools.loop);
	tls_upload_cancel(&sending->upload);
	buf_done(&sending->packed);
	free(sending);
}

static struct tls_edition edition_of(const struct tls_sending *sending)
{
	return (struct tls_edition){.settings = sending->tools.keep->settings,
				    .day = sending->day,
				    .domain = sending->domain};
}

/* ---- each address ---- */

static void note(struct tls_sending *sending, enum err err, const char *why)
{
	const char *uri = sending->ruas.uris[sending->index];
	const char *labels[] = {tls_rua_is_https(uri) ? "https" : "mail", err == OK ? "sent"
									  : err == E_REFUSED
										  ? "given_up"
										  : "failed"};
	uint32_t bit = UINT32_C(1) << sending->index;
	if (err == OK)
		sending->sent.done |= bit;
	else if (err == E_REFUSED)
		sending->sent.refused |= bit;
	metric_add(M_tls_reports_total, labels, 1);
	log_event(EV_tls_report_finished, F_TEXT("outcome", labels[1]),
		  F_TEXT("domain", sending->domain), F_INT("day", sending->day), F_TEXT("to", uri),
		  F_TEXT("reason", err ? why : ""));
	sending->index++;
	loop_defer(sending->tools.loop, &sending->next);
}

static void on_uploaded(void *owner, enum err err, const char *why)
{
	struct tls_sending *sending = owner;
	sending->upload = NULL;
	note(sending, err, why);
}

static void on_published(void *owner, enum err err)
{
	struct tls_sending *sending = owner;
	if (err == E_CANCELLED)
		return; /* the broker is closed, and we are next */
	note(sending, err == E_TOO_BIG ? E_REFUSED : err, err_text(err));
}

/* The same for the same report and address, so that what is published again is known by it. */
static void id_of(const struct tls_sending *sending, const char *to, char out[DIGEST_HEX_SIZE])
{
	const struct tls_edition edition = edition_of(sending);
	char id[TLS_REPORT_ID_SIZE];
	tls_edition_id(&edition, id);
	struct bytes parts[] = {BYTES("tlsrpt"), bytes_of(id), bytes_of(to)};
	struct digest digest = digest_of_parts(parts, sizeof parts / sizeof parts[0]);
	digest_hex(&digest, out);
	out[32] = '\0';
}

/* False: mail cannot go there. */
static bool route(const struct tls_sending *sending, const char *to, char site[],
		  const char **ret_pool)
{
	const struct tls_report_settings *settings = sending->tools.keep->settings;
	char from_domain[ADDRESS_DOMAIN_MAX + 1], to_domain[ADDRESS_DOMAIN_MAX + 1];
	struct address from_address, address;
	if (address_parse(bytes_of(to), false, &address) || address.is_null ||
	    domain_canonical(address.domain, to_domain) ||
	    address_parse(bytes_of(settings->from), false, &from_address) ||
	    domain_canonical(from_address.domain, from_domain))
		return false;
	routing_site_key(sending->tools.routing, to_domain, site);
	*ret_pool =
		routing_choose_pool(sending->tools.routing, settings->pool, from_domain, to_domain);
	return true;
}

/* RFC 8460 3: it goes whatever policies say of TLS. */
static void publish(struct tls_sending *sending, const char *to, struct bytes text)
{
	int64_t now = loop_wall_ms(sending->tools.loop);
	char id[DIGEST_HEX_SIZE], site[ROUTING_NAME_MAX + 2], key[2 * ROUTING_NAME_MAX + 8];
	const char *pool;
	if (!route(sending, to, site, &pool)) {
		note(sending, E_REFUSED, "not an address that mail can go to");
		return;
	}
	id_of(sending, to, id);
	struct recipient recipient = {.address = bytes_of(to), .notify = NOTIFY_NEVER};
	const struct delivery_request mail = {
		.id = bytes_of(id),
		.sender = bytes_of(sending->tools.keep->settings->from),
		.recipients = &recipient,
		.recipient_count = 1,
		.pool = bytes_of(pool),
		.site = bytes_of(site),
		.accepted_wall_ms = now,
		.expires_wall_ms = now + EXPIRES_MS,
		.wishes = {.heeds_no_tls_policy = true},
	};
	struct buf head;
	buf_init(&head, REQUEST_HEAD_MAX);
	if (delivery_request_encode_head(&mail, text.len, &head))
		abort(); /* one recipient, and short names */
	(void)snprintf(key, sizeof key, "%s.%s", pool, site);
	struct blob *content = blob_from_bytes(text);
	const struct publication publication = {.exchange = EXCHANGE_DELIVER,
						.key = key,
						.message_id = id,
						.head = buf_bytes(&head),
						.tail = content};
	broker_publish(sending->tools.broker, &publication, on_published, sending);
	blob_unref(&content);
	buf_done(&head);
}

static void mail(struct tls_sending *sending, const char *to)
{
	const struct tls_edition edition = edition_of(sending);
	struct buf text;
	buf_init(&text, tls_edition_mail_size(buf_bytes(&sending->packed).len));
	if (tls_edition_mail(&edition, to, buf_bytes(&sending->packed),
			     loop_wall_ms(sending->tools.loop), &text))
		abort(); /* there is room */
	publish(sending, to, buf_bytes(&text));
	buf_done(&text);
}

static void send_next(void *owner)
{
	struct tls_sending *sending = owner;
	char to[TLS_RUA_SIZE];
	while (sending->index < sending->ruas.count &&
	       sending->passed_over & UINT32_C(1) << sending->index)
		sending->index++;
	if (sending->sent.err || sending->index == sending->ruas.count) {
		sending->done(sending->owner, &sending->sent);
		sending_free(sending);
		return;
	}
	const char *uri = sending->ruas.uris[sending->index];
	const struct tls_upload_options upload = {
		.loop = sending->tools.loop,
		.resolver = sending->tools.resolver,
		.client = sending->tools.client,
		.settings = sending->tools.keep->settings,
		.uri = uri,
		.packed = buf_bytes(&sending->packed),
	};
	if (tls_rua_mail(uri, to))
		mail(sending, to);
	else
		sending->upload = tls_upload_start(&upload, on_uploaded, sending);
}

/* ---- all of it ---- */

/* E_NOT_FOUND: nothing was counted. */
static enum err compose(struct tls_sending *sending)
{
	const struct tls_keep *keep = sending->tools.keep;
	const struct tls_edition edition = edition_of(sending);
	struct arena *arena = arena_new();
	struct tls_tally *tallies;
	size_t count;
	struct buf json;
	buf_init(&json, TLS_REPORT_SIZE_MAX);
	struct store_txn *txn = store_read_begin(keep->store);
	enum err err = tls_keep_read(txn, keep, sending->day, bytes_of(sending->domain), arena,
				     &tallies, &count);
	store_read_end(&txn);
	if (!err && count == 0)
		err = E_NOT_FOUND;
	if (!err)
		err = tls_edition_json(&edition, tallies, count, &json);
	if (!err)
		err = gzip_write(buf_bytes(&json), &sending->packed);
	buf_done(&json);
	arena_free(&arena);
	return err;
}

struct tls_sending *tls_sending_start(const struct tls_sending_tools *tools, uint32_t day,
				      struct bytes domain, const struct tls_ruas *ruas,
				      uint32_t passed_over,
				      void (*done)(void *owner, const struct tls_sent *sent),
				      void *owner)
{
	struct tls_sending *sending = memory_new(sizeof *sending);
	sending->tools = *tools;
	sending->day = day;
	sending->passed_over = passed_over;
	(void)bytes_to_cstr(domain, sending->domain, sizeof sending->domain);
	sending->ruas = *ruas;
	buf_init(&sending->packed, TLS_REPORT_SIZE_MAX);
	sending->next = (struct task){.run = send_next, .owner = sending};
	sending->done = done;
	sending->owner = owner;
	sending->sent.err = compose(sending);
	loop_defer(tools->loop, &sending->next);
	return sending;
}

void tls_sending_cancel(struct tls_sending **sending)
{
	struct tls_sending *ending = *sending;
	*sending = NULL;
	if (ending)
		sending_free(ending);
}
