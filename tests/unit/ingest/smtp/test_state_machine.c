/* Random conversations against a small model of the protocol: whatever the order of commands, the cuts between packets and the
 * world's answers, each reply has the code that the model says. LEVERET_SEQUENCES sets how many (tests/acceptance/smtp-state-machine). */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/smtp/session.h"

#define SEQUENCES_DEFAULT 5000
#define STEPS_MAX	  30
#define HEARD_MAX	  (STEPS_MAX * 4)
#define ERRORS_MAX	  12
#define MESSAGES_MAX	  2
#define RECIPIENTS_MAX	  2

/* ---- the model: what the RFCs want remembered, and nothing else ---- */

struct model {
	bool needs_tls, needs_auth;
	bool is_greeted, is_secured, is_logged_in, has_helo, has_sender, is_binary, has_chunks,
		is_over;
	unsigned recipients, errors, messages;
	unsigned codes[HEARD_MAX];
	size_t code_count;
};

static void expect(struct model *m, unsigned code)
{
	assert_true(m->code_count < HEARD_MAX);
	m->codes[m->code_count++] = code;
}

static void expect_error(struct model *m, unsigned code)
{
	expect(m, code);
	if (++m->errors == ERRORS_MAX) {
		expect(m, 421);
		m->is_over = true;
	}
}

static void end_transaction(struct model *m)
{
	m->has_sender = m->is_binary = m->has_chunks = false;
	m->recipients = 0;
}

static void after_message(struct model *m, unsigned code)
{
	m->messages++;
	end_transaction(m);
	expect(m, code);
}

static void model_helo(struct model *m)
{
	end_transaction(m);
	m->has_helo = true;
	expect(m, 250);
}

static void model_starttls(struct model *m)
{
	if (m->is_secured) {
		expect_error(m, 503);
		return;
	}
	end_transaction(m);
	m->is_secured = true;
	m->has_helo = m->is_logged_in = false;
	expect(m, 220);
}

static void model_auth(struct model *m)
{
	if (!m->is_secured)
		expect_error(m, 538);
	else if (!m->has_helo || m->is_logged_in || m->has_sender)
		expect_error(m, 503);
	else {
		m->is_logged_in = true;
		expect(m, 235);
	}
}

static void model_mail(struct model *m, bool is_binary)
{
	if (!m->has_helo)
		expect_error(m, 503);
	else if ((m->needs_tls && !m->is_secured) || (m->needs_auth && !m->is_logged_in))
		expect_error(m, 530);
	else if (m->has_sender)
		expect_error(m, 503);
	else if (m->messages == MESSAGES_MAX) {
		expect(m, 421);
		m->is_over = true;
	} else {
		m->has_sender = true;
		m->is_binary = is_binary;
		expect(m, 250);
	}
}

static void model_rcpt(struct model *m, bool is_good, bool is_denied)
{
	if (!m->has_sender || m->has_chunks)
		expect_error(m, 503);
	else if (m->recipients == RECIPIENTS_MAX)
		expect(m, 452);
	else if (is_denied)
		expect_error(m, 554);
	else if (!is_good)
		expect(m, 550);
	else {
		m->recipients++;
		expect(m, 250);
	}
}

/* True when the content goes to the message. */
static bool model_data(struct model *m)
{
	if (!m->has_sender)
		expect_error(m, 503);
	else if (m->recipients == 0)
		expect(m, 554);
	else if (m->has_chunks || m->is_binary)
		expect_error(m, 503);
	else {
		expect(m, 354);
		return true;
	}
	return false;
}

static void model_bdat(struct model *m, bool is_last, bool is_clean)
{
	if (!m->has_sender)
		expect_error(m, 503);
	else if (m->recipients == 0) {
		end_transaction(m);
		expect(m, 554);
	} else if (!is_clean && !m->is_binary) {
		after_message(m, 550);
	} else if (is_last)
		after_message(m, 250);
	else {
		m->has_chunks = true;
		expect(m, 250);
	}
}

/* ---- the session under test ---- */

struct world {
	struct smtpd_session_options options;
	struct smtpd_session *session;
	unsigned heard[HEARD_MAX];
	size_t heard_count;
	char line[2048];
	size_t line_len;
	bool wants_tls, wants_login, wants_answer, is_closed;
};

static void on_write(void *owner, struct bytes b)
{
	struct world *w = owner;
	for (size_t i = 0; i < b.len; i++) {
		assert_true(w->line_len < sizeof w->line);
		w->line[w->line_len++] = (char)b.data[i];
		if (b.data[i] != '\n')
			continue;
		if (w->line[3] == ' ') {
			assert_true(w->heard_count < HEARD_MAX);
			w->heard[w->heard_count++] = (unsigned)strtoul(w->line, NULL, 10);
		}
		w->line_len = 0;
	}
}

static size_t on_room(void *owner)
{
	(void)owner;
	return SMTPD_REPLY_MAX;
}

static void on_deadline(void *owner, enum smtpd_deadline which, int64_t delay_ms)
{
	(void)owner, (void)which, (void)delay_ms;
}

static void on_nothing(void *owner)
{
	(void)owner;
}

static void on_close(void *owner)
{
	((struct world *)owner)->is_closed = true;
}

static void on_start_tls(void *owner)
{
	((struct world *)owner)->wants_tls = true;
}

static int64_t on_wall_ms(void *owner)
{
	(void)owner;
	return 1;
}

static void on_pause(void *owner, int64_t delay_ms)
{
	(void)owner, (void)delay_ms;
}

static void on_login(void *owner, const struct smtpd_login *login)
{
	(void)login;
	((struct world *)owner)->wants_login = true;
}

static struct smtpd_reply on_xclient(void *owner, const struct net_address *client)
{
	(void)owner, (void)client;
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply on_sender(void *owner, const struct smtpd_mail *mail)
{
	(void)owner, (void)mail;
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply on_recipient(void *owner, const struct smtpd_recipient *recipient)
{
	(void)owner;
	if (bytes_is(recipient->address->local, "denied"))
		return (struct smtpd_reply){554, "5.7.1 denied"};
	return bytes_is(recipient->address->local, "bad") ? (struct smtpd_reply){550, "5.1.1 no"}
							  : SMTPD_NO_OBJECTION;
}

static struct smtpd_reply on_data(void *owner)
{
	(void)owner;
	return SMTPD_NO_OBJECTION;
}

static enum err on_content(void *owner, struct bytes span)
{
	(void)owner, (void)span;
	return OK;
}

static void on_complete(void *owner, const struct smtpd_content *content)
{
	(void)content;
	((struct world *)owner)->wants_answer = true;
}

static void on_refused(void *owner, const char *verb, struct smtpd_reply objection)
{
	(void)owner, (void)verb, (void)objection;
}

static void on_wipe(void *owner, struct bytes secret)
{
	(void)owner, (void)secret;
}

static bool on_recount(void *owner, const struct net_address *client)
{
	(void)owner, (void)client;
	return true;
}

static const struct smtpd_io io = {on_write,	 on_room,    on_deadline, on_nothing, on_close,
				   on_start_tls, on_wall_ms, on_pause,	  on_wipe,    on_recount};
static const struct smtpd_handler handler = {on_login,	 on_xclient, on_sender,	  on_recipient,
					     on_data,	 on_content, on_complete, on_nothing,
					     on_refused, NULL};

static bool settle(struct world *w)
{
	bool is_owed = w->wants_tls || w->wants_login || w->wants_answer;
	bool wants_tls = w->wants_tls, wants_login = w->wants_login, wants_answer = w->wants_answer;
	w->wants_tls = w->wants_login = w->wants_answer = false;
	if (wants_tls)
		smtpd_session_secured(w->session);
	if (wants_login)
		smtpd_session_logged_in(w->session, (struct smtpd_reply){235, "2.7.0 in"});
	if (wants_answer)
		smtpd_session_answer(w->session, (struct smtpd_reply){250, "2.0.0 kept"});
	return is_owed;
}

/* In packets of random size. All of it is taken, unless the session ended. */
static void deliver(struct world *w, const char *text, size_t len)
{
	size_t start = 0, end = 0;
	while (end < len && !w->is_closed) {
		end += 1 + (size_t)rand() % 40;
		end = end > len ? len : end;
		size_t used = 0;
		do {
			used = smtpd_session_received(w->session,
						      bytes_from(text + start, end - start));
			start += used;
		} while ((settle(w) || used > 0) && start < end && !w->is_closed);
	}
	assert_true(w->is_closed || start == len);
}

/* ---- conversations ---- */

struct talk {
	struct model model;
	char text[8192];
	size_t len;
};

static void say(struct talk *t, const char *text)
{
	size_t len = strlen(text);
	assert_true(t->len + len <= sizeof t->text);
	memcpy(t->text + t->len, text, len);
	t->len += len;
}

/* A client that pipelines may send a message only behind a DATA that it knows is taken; likewise nothing behind STARTTLS. */
static bool step(struct talk *t)
{
	struct model *m = &t->model;
	bool flag = rand() % 2;
	switch (rand() % 15) {
	case 0:
	case 1:
		say(t, flag ? "EHLO a\r\n" : "ehlo a\r\n");
		model_helo(m);
		return true;
	case 2:
		say(t, "STARTTLS\r\n");
		model_starttls(m);
		return false;
	case 3:
		say(t, "AUTH PLAIN AHUAcA==\r\n");
		model_auth(m);
		return true;
	case 4:
	case 5:
	case 6:
		say(t, flag ? "MAIL FROM:<a@x.example>\r\n"
			    : "MAIL FROM:<> BODY=BINARYMIME RET=FULL\r\n");
		model_mail(m, !flag);
		return true;
	case 7:
	case 8:
	case 9:
		if (rand() % 6 == 0) {
			say(t, "RCPT TO:<denied@x.example>\r\n");
			model_rcpt(m, false, true);
			return true;
		}
		say(t, flag ? "RCPT TO:<b@x.example> NOTIFY=NEVER\r\n"
			    : "RCPT TO:<bad@x.example>\r\n");
		model_rcpt(m, flag, false);
		return true;
	case 10:
		say(t, "DATA\r\n");
		if (model_data(m)) {
			say(t, flag ? "x\r\n..\r\n.\r\n" : "x\ny\r\nQUIT\r\n.\r\n");
			after_message(m, flag ? 250 : 550);
			return true;
		}
		return false;
	case 11:
		say(t, flag ? "BDAT 5\r\nQUIT\r" : "BDAT 5 LAST\r\nRSET\n");
		model_bdat(m, !flag, flag);
		/* the CR that ends the first one is the beginning of a line end, or a CR of its own */
		if (flag && m->has_chunks) {
			say(t, "BDAT 1\r\n\n");
			model_bdat(m, false, true);
		}
		return true;
	case 12:
		say(t, "BDAT 7 LAST\r\nDATA\r\n\r"); /* its last CR stands alone */
		model_bdat(m, true, false);
		return true;
	case 13:
		say(t, "RSET\r\n");
		end_transaction(m);
		expect(m, 250);
		return true;
	default:
		say(t, flag ? "NOOP\r\n" : "BOGUS\r\n");
		if (flag)
			expect(m, 250);
		else
			expect_error(m, 500);
		return true;
	}
}

static void assert_same(const struct world *w, const struct talk *t, unsigned seed)
{
	bool is_same = w->heard_count == t->model.code_count &&
		       memcmp(w->heard, t->model.codes, w->heard_count * sizeof w->heard[0]) == 0;
	if (is_same)
		return;
	print_error("seed %u, said:\n%.*s\nheard   ", seed, (int)t->len, t->text);
	for (size_t i = 0; i < w->heard_count; i++)
		print_error(" %u", w->heard[i]);
	print_error("\nexpected");
	for (size_t i = 0; i < t->model.code_count; i++)
		print_error(" %u", t->model.codes[i]);
	print_error("\n");
	assert_true(is_same);
}

static void converse(unsigned seed)
{
	srand(seed);
	struct world w = {.options = {.hostname = "mx.example",
				      .tls = seed % 2 ? SMTPD_TLS_REQUIRED : SMTPD_TLS_OPTIONAL,
				      .auth = seed % 3 ? SMTPD_AUTH_OPTIONAL : SMTPD_AUTH_REQUIRED,
				      .failed_logins_max = 3,
				      .message_bytes_max = 1000,
				      .line_max = 100,
				      .recipients_max = RECIPIENTS_MAX,
				      .errors_max = ERRORS_MAX,
				      .messages_max = MESSAGES_MAX,
				      .command_ms = 1,
				      .data_ms = 1,
				      .message_ms = 1}};
	struct talk t = {.model = {.needs_tls = seed % 2, .needs_auth = seed % 3 == 0}};
	w.session = smtpd_session_new(&w.options, &io, &w, &handler, &w);
	smtpd_session_start(w.session);
	expect(&t.model, 220);
	size_t sent = 0;
	for (int steps = 1 + rand() % STEPS_MAX; steps > 0 && !t.model.is_over; steps--) {
		bool may_pipeline = step(&t);
		if (may_pipeline && rand() % 3 && steps > 1 && !t.model.is_over)
			continue;
		deliver(&w, t.text + sent, t.len - sent);
		sent = t.len;
	}
	deliver(&w, t.text + sent, t.len - sent);
	assert_same(&w, &t, seed);
	assert_int_equal(w.is_closed, t.model.is_over);
	smtpd_session_free(&w.session);
}

static void test_the_session_and_the_model_never_part(void **state)
{
	const char *asked = getenv("LEVERET_SEQUENCES");
	unsigned count = asked ? (unsigned)strtoul(asked, NULL, 10) : SEQUENCES_DEFAULT;
	(void)state;
	for (unsigned seed = 1; seed <= count; seed++)
		converse(seed);
	print_message("%u conversations\n", count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_session_and_the_model_never_part)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
