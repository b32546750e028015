/* A session with a hostile client: whatever it says, a message has a sender and a recipient, content comes only inside one, each
 * transaction ends once, nothing is said after the end, and all that was taken is answered or waits. The first bytes choose how
 * the world around behaves, the rest is what the client says. */
#include <stdlib.h>
#include <string.h>

#include "ingest/smtp/session.h"

struct world {
	struct smtpd_session_options options;
	struct smtpd_session *session;
	bool is_closed, wants_tls, wants_login, wants_answer, is_paused, refuses;
	bool has_sender, has_data;
	unsigned recipient_count;
	uint64_t content_bytes;
	struct bytes offered;
};

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void on_write(void *owner, struct bytes b)
{
	struct world *w = owner;
	check(!w->is_closed && !w->wants_tls && b.len >= 6 && b.len <= SMTPD_REPLY_MAX);
	check(b.data[0] >= '2' && b.data[0] <= '5');
	check(b.data[b.len - 2] == '\r' && b.data[b.len - 1] == '\n');
}

static size_t on_room(void *owner)
{
	(void)owner;
	return SMTPD_REPLY_MAX;
}

static void on_deadline(void *owner, enum smtpd_deadline which, int64_t delay_ms)
{
	(void)owner;
	check(which < SMTPD_DEADLINE_COUNT && delay_ms >= 0);
}

static void on_resume(void *owner)
{
	(void)owner;
}

static void on_close(void *owner)
{
	struct world *w = owner;
	check(!w->is_closed);
	w->is_closed = true;
}

static void on_start_tls(void *owner)
{
	((struct world *)owner)->wants_tls = true;
}

static void on_pause(void *owner, int64_t delay_ms)
{
	struct world *w = owner;
	check(delay_ms > 0 && !w->is_paused);
	w->is_paused = true;
}

static int64_t on_wall_ms(void *owner)
{
	(void)owner;
	return INT64_C(1795252800123);
}

static void on_login(void *owner, const struct smtpd_login *login)
{
	struct world *w = owner;
	check(login->name.len > 0 && login->password.len > 0 && !w->has_sender);
	w->wants_login = true;
}

static struct smtpd_reply on_xclient(void *owner, const struct net_address *client)
{
	struct world *w = owner;
	check(!w->has_sender && (!client || client->len > 0));
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply on_sender(void *owner, const struct smtpd_mail *mail)
{
	struct world *w = owner;
	check(!w->has_sender && smtpd_session_helo(w->session)[0]);
	check(mail->sender->is_null || mail->sender->domain.len > 0);
	if (w->options.auth == SMTPD_AUTH_REQUIRED)
		check(smtpd_session_is_logged_in(w->session));
	if (w->options.tls == SMTPD_TLS_REQUIRED)
		check(smtpd_session_is_secured(w->session));
	w->has_sender = true;
	w->recipient_count = 0;
	w->has_data = false;
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply on_recipient(void *owner, const struct smtpd_recipient *recipient)
{
	struct world *w = owner;
	check(w->has_sender && !w->has_data && !recipient->address->is_null);
	if (recipient->address->local.len % 2 == 0)
		return (struct smtpd_reply){550, "5.1.1 no"};
	w->recipient_count++;
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply on_data(void *owner)
{
	struct world *w = owner;
	check(w->has_sender && w->recipient_count > 0 && !w->has_data);
	if (w->refuses)
		return (struct smtpd_reply){451, "4.3.0 no"};
	w->has_data = true;
	w->content_bytes = 0;
	return SMTPD_NO_OBJECTION;
}

static enum err on_content(void *owner, struct bytes span)
{
	struct world *w = owner;
	check(w->has_data && span.len > 0);
	w->content_bytes += span.len;
	check(w->content_bytes <= w->options.message_bytes_max);
	return OK;
}

static void on_complete(void *owner, const struct smtpd_content *content)
{
	struct world *w = owner;
	check(w->has_data && content->bytes == w->content_bytes);
	w->has_sender = false;
	w->wants_answer = true;
}

static void on_forget(void *owner)
{
	struct world *w = owner;
	check(w->has_sender);
	w->has_sender = false;
}

static void on_refused(void *owner, const char *verb, struct smtpd_reply objection)
{
	(void)owner;
	check(*verb && objection.code >= 400 && objection.code < 600);
}

static void on_wipe(void *owner, struct bytes secret)
{
	struct world *w = owner;
	check(secret.len > 0 && secret.data >= w->offered.data &&
	      secret.data + secret.len <= w->offered.data + w->offered.len);
}

static bool on_recount(void *owner, const struct net_address *client)
{
	(void)client;
	return !((struct world *)owner)->refuses;
}

static const struct smtpd_io io = {on_write,	 on_room,    on_deadline, on_resume, on_close,
				   on_start_tls, on_wall_ms, on_pause,	  on_wipe,   on_recount};
static const struct smtpd_handler handler = {on_login,	 on_xclient, on_sender,	  on_recipient,
					     on_data,	 on_content, on_complete, on_forget,
					     on_refused, NULL};

/* What the world owes the session. */
static void settle(struct world *w)
{
	if (w->is_closed)
		return;
	if (w->wants_tls) {
		w->wants_tls = false;
		smtpd_session_secured(w->session);
	} else if (w->is_paused) {
		w->is_paused = false;
		smtpd_session_resume(w->session);
	} else if (w->wants_login) {
		w->wants_login = false;
		smtpd_session_logged_in(w->session, w->refuses
							    ? (struct smtpd_reply){535, "5.7.8 no"}
							    : (struct smtpd_reply){235, "2.7.0"});
	} else if (w->wants_answer) {
		w->wants_answer = false;
		smtpd_session_answer(w->session, (struct smtpd_reply){250, "2.0.0 kept"});
	}
}

static void converse(struct world *w, struct bytes said, size_t piece)
{
	size_t start = 0, end = 0;
	while (end < said.len) {
		end = piece < said.len - end ? end + piece : said.len;
		for (size_t used = 1; used > 0 && start < end;) {
			w->offered = bytes_from(said.data + start, end - start);
			used = smtpd_session_received(w->session, w->offered);
			check(used <= end - start);
			start += used;
			settle(w);
		}
		check(end - start <= SMTPD_LINE_MAX || smtpd_session_is_waiting(w->session));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct world w = {
		.options = {.hostname = "mx.example",
			    .tls = data[0] & 3,
			    .auth = (data[0] >> 2) % 3,
			    .auth_without_tls = data[0] & 16,
			    .failed_logins_max = 2,
			    .message_bytes_max = 200,
			    .line_max = 80,
			    .recipients_max = 3,
			    .errors_max = 20,
			    .messages_max = 3,
			    .command_ms = 1,
			    .data_ms = 1,
			    .message_ms = 1,
			    .hold_max_s = data[0] & 32 ? 60 : 0,
			    .error_delay_ms = data[0] & 32 ? 1 : 0,
			    .refuses_early = data[0] & 64,
			    .offers_requiretls = true},
		.refuses = data[0] & 64,
	};
	w.session = smtpd_session_new(&w.options, &io, &w, &handler, &w);
	if (data[1] & 1)
		smtpd_session_allow_xclient(w.session);
	if (w.options.tls == SMTPD_TLS_IMPLICIT) {
		smtpd_session_start_tls(w.session);
		settle(&w);
	}
	smtpd_session_start(w.session);
	converse(&w, bytes_from(data + 2, size - 2), 1 + (size_t)data[1]);
	if (data[0] & 128)
		smtpd_session_timed_out(w.session);
	else
		smtpd_session_lost(w.session);
	check(smtpd_session_outcome(w.session) != SMTPD_OUTCOME_OPEN && !w.has_sender);
	smtpd_session_free(&w.session);
	return 0;
}
