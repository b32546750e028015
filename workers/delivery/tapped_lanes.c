/* Lanes and links as those see them who trace (leveret trace). A session belongs to a tap by its lane until a transaction begins, then
 * by that: a tap of one message has the beginning of sessions that were opened while it waited, and of others what they say of it. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "workers/delivery/lane_inner.h"

#define TEXT_ROOM   1200
#define HEADERS_MAX 200 /* lines */

static struct taps *taps_of(const struct lane *lane)
{
	return lane->lanes->options.taps;
}

bool lane_is_tapped(const struct lane *lane)
{
	return taps_are_on(taps_of(lane));
}

/* ---- whose it is ---- */

static struct tap_subject about(const struct lane *lane, const struct transaction *transaction)
{
	struct tap_subject subject = {
		.site = bytes_of(lane->site->key),
		.settings_site = bytes_of(lane->site->settings->name),
		.next_hop = bytes_of(lane->next_hop),
		.source = bytes_of(lane->source->name),
	};
	if (transaction) {
		subject.recipients = transaction->mail.recipients;
		subject.recipient_count = transaction->mail.recipient_count;
		subject.messages = transaction->ids;
	}
	return subject;
}

struct gathering {
	const struct lane *lane;
	tap_set set;
};

static void gather(void *owner, const struct transaction *transaction)
{
	struct gathering *gathering = owner;
	struct tap_subject subject = about(gathering->lane, transaction);
	gathering->set |= taps_match(taps_of(gathering->lane), &subject);
}

static tap_set watchers_of_lane(const struct lane *lane)
{
	struct tap_subject subject = about(lane, NULL);
	struct gathering gathering = {lane, taps_match(taps_of(lane), &subject)};
	turns_each(lane->waiting, gather, &gathering);
	return gathering.set;
}

static void find_watchers(struct link *link)
{
	struct gathering gathering = {.lane = link->lane};
	if (link->transaction)
		gather(&gathering, link->transaction);
	else
		gathering.set = watchers_of_lane(link->lane);
	link->watchers = gathering.set;
	smtp_connection_watch(link->connection, link->watchers != 0);
}

/* ---- telling ---- */

static void tell_lane(const struct lane *lane, tap_set set, enum tap_kind kind, const char *format,
		      ...) PRINTF_LIKE(4, 5);
static void tell_lane(const struct lane *lane, tap_set set, enum tap_kind kind, const char *format,
		      ...)
{
	char text[TEXT_ROOM];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	taps_tell(taps_of(lane), set,
		  &(const struct tap_line){
			  .kind = kind,
			  .site = bytes_of(lane->site->key),
			  .next_hop = bytes_of(lane->next_hop),
			  .source = bytes_of(lane->source->name),
			  .text = bytes_of(text),
			  .after_ms = -1,
		  });
}

static void tell(const struct link *link, tap_set set, enum tap_kind kind, struct bytes text,
		 int64_t after_ms)
{
	const struct lane *lane = link->lane;
	struct smtp_connection_view view = smtp_connection_view(link->connection);
	const struct transaction *transaction = link->transaction;
	taps_tell(taps_of(lane), set,
		  &(const struct tap_line){
			  .kind = kind,
			  .session = view.number,
			  .site = bytes_of(lane->site->key),
			  .next_hop = bytes_of(lane->next_hop),
			  .source = bytes_of(lane->source->name),
			  .local = view.local,
			  .remote = &link->to.address,
			  .mx = link->to.host_name,
			  .message = transaction && transaction->ids ? transaction->ids[0]
								     : BYTES_NONE,
			  .text = text,
			  .after_ms = after_ms,
		  });
}

static void tell_format(const struct link *link, tap_set set, enum tap_kind kind,
			const char *format, ...) PRINTF_LIKE(4, 5);
static void tell_format(const struct link *link, tap_set set, enum tap_kind kind,
			const char *format, ...)
{
	char text[TEXT_ROOM];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	tell(link, set, kind, bytes_of(text), -1);
}

/* ---- lanes ---- */

static const char *level_name(const struct tls_demand *demand)
{
	static const char *const names[] = {
		[SMTP_TLS_NONE] = "none",
		[SMTP_TLS_OPPORTUNISTIC] = "opportunistic",
		[SMTP_TLS_REQUIRED] = "required",
		[SMTP_TLS_VERIFIED] = "verified",
	};
	return names[demand->level];
}

void tap_exchange(const struct lane *lane, const struct exchange_answer *exchange)
{
	tap_set set = watchers_of_lane(lane);
	if (exchange->count == 0)
		tell_lane(lane, set, TAP_DNS, "no host: %u %s", exchange->failure.code,
			  exchange->failure.text);
	for (size_t i = 0; i < exchange->count; i++) {
		char address[NET_ADDRESS_SIZE];
		net_address_text(&exchange->endpoints[i].address, address);
		tell_lane(lane, set, TAP_DNS, "host %zu of %s: %s %s, tls %s (%s)", i + 1,
			  lane->next_hop, exchange->endpoints[i].host_name, address,
			  level_name(exchange->demands[i]),
			  tls_demand_authentication(exchange->demands[i]));
	}
}

void tap_wait(struct lane *lane, const char *why, int64_t wait_ms)
{
	if (!lane_is_tapped(lane) || lane->told_wait == why)
		return;
	lane->told_wait = why;
	if (wait_ms > 0 && wait_ms != TEMPO_UNKNOWN)
		tell_lane(lane, watchers_of_lane(lane), TAP_WAIT,
			  "%s waits: %s, for %" PRId64 " ms", lane->next_hop, why, wait_ms);
	else
		tell_lane(lane, watchers_of_lane(lane), TAP_WAIT, "%s waits: %s", lane->next_hop,
			  why);
}

/* ---- links ---- */

static void tell_session(const struct link *link, tap_set set, const char *how)
{
	struct smtp_connection_view view = smtp_connection_view(link->connection);
	char remote[NET_ADDRESS_SIZE];
	net_address_text(&link->to.address, remote);
	tell_format(link, set, TAP_OPEN,
		    "%s to %s %s for %s, site %s, from source %s; open for %" PRId64 " ms, %" PRId64
		    " messages before%s%s",
		    how, link->to.host_name, remote, link->lane->next_hop, link->lane->site->key,
		    link->lane->source->name, view.age_ms, view.message_count,
		    smtp_connection_tls(link->connection)[0] ? ", " : "",
		    smtp_connection_tls(link->connection));
}

void tap_opened(struct link *link)
{
	if (!lane_is_tapped(link->lane))
		return;
	link->lane->told_wait = NULL;
	find_watchers(link);
	link->said_at_ms = loop_now_ms(link->lane->lanes->options.loop);
	tell_session(link, link->watchers, link->is_reused ? "session reused" : "session");
}

static void tell_headers(const struct link *link, tap_set set, struct bytes text)
{
	for (size_t i = 0; i < HEADERS_MAX && text.len > 0; i++) {
		ptrdiff_t end = bytes_find(text, '\n');
		struct bytes line = end < 0 ? text : bytes_first(text, (size_t)end);
		while (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0)
			return;
		tell(link, set, TAP_HEADER, line, -1);
		text = bytes_skip(text, end < 0 ? text.len : (size_t)end + 1);
	}
}

void tap_transaction(struct link *link)
{
	const struct smtp_transaction *mail = &link->transaction->mail;
	tap_set before = link->watchers;
	link->lane->told_wait = NULL;
	find_watchers(link);
	if (link->watchers == 0)
		return;
	tell_session(link, link->watchers & ~before, "session");
	tell_format(link, link->watchers, TAP_MESSAGE,
		    "message %.*s from <%.*s> for %zu recipients, %zu bytes",
		    link->transaction->ids ? (int)link->transaction->ids[0].len : 0,
		    link->transaction->ids ? (const char *)link->transaction->ids[0].data : "",
		    BYTES_ARGS(mail->sender), mail->recipient_count,
		    mail->head.len + mail->content.len);
	tap_set with_headers = taps_with_headers(taps_of(link->lane), link->watchers);
	if (with_headers == 0)
		return;
	tell_headers(link, with_headers, mail->head);
	tell_headers(link, with_headers, mail->content);
}

void tap_said(void *owner, enum smtp_said kind, struct bytes text)
{
	static const enum tap_kind kinds[] = {
		[SMTP_SAID_CONNECTED] = TAP_CONNECTED, [SMTP_SAID_TLS] = TAP_TLS,
		[SMTP_SAID_COMMAND] = TAP_SENT,	       [SMTP_SAID_BODY] = TAP_BODY,
		[SMTP_SAID_REPLY] = TAP_RECEIVED,
	};
	struct link *link = owner;
	int64_t now = loop_now_ms(link->lane->lanes->options.loop);
	char local[NET_ADDRESS_SIZE], connected[NET_ADDRESS_SIZE + 20];
	int64_t after_ms = now - link->said_at_ms;
	if (kind == SMTP_SAID_COMMAND || kind == SMTP_SAID_BODY) {
		link->said_at_ms = now;
		after_ms = -1;
	}
	if (kind == SMTP_SAID_CONNECTED) {
		net_address_text(smtp_connection_view(link->connection).local, local);
		(void)snprintf(connected, sizeof connected, "connected from %s", local);
		text = bytes_of(connected);
	}
	tell(link, link->watchers, kinds[kind], text, after_ms);
}

void tap_left(struct link *link, const char *how)
{
	if (link->watchers != 0)
		tell(link, link->watchers, TAP_CLOSED, bytes_of(how), -1);
	link->watchers = 0;
}

void tap_ended(struct link *link, const struct smtp_outcome *outcome)
{
	if (link->watchers == 0)
		return;
	tell_format(link, link->watchers, TAP_CLOSED, "session ended at %s: %u %s",
		    smtp_step_name(outcome->step), outcome->reply.code, outcome->reply.text);
	link->watchers = 0;
}

/* Of a session that is under way a new tap hears at what it is. */
static void tap_link_anew(struct link *link)
{
	tap_set before = link->watchers;
	find_watchers(link);
	tap_set added = link->watchers & ~before;
	if (added == 0)
		return;
	tell_session(link, added, "session");
	tell_format(link, added, TAP_WAIT, "it is at %s",
		    smtp_step_name(smtp_connection_view(link->connection).step));
}

void tap_anew(void *owner)
{
	struct lanes *lanes = owner;
	struct lane *lane;
	struct link *link;
	TAILQ_FOREACH(lane, &lanes->all, all_next)
	{
		lane->told_wait = NULL;
		LIST_FOREACH(link, &lane->links, next)
		{
			if (link->connection)
				tap_link_anew(link);
		}
	}
}
