/* Sessions as conversations: what the client says, what it hears, and what becomes of its mail. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/smtp/session.h"

struct fixture {
	struct smtpd_session_options options;
	struct smtpd_session *session;
	char said[1 << 16]; /* what the client heard since the last look */
	char unread[1 << 16];
	size_t unread_len;
	char content[1 << 14], mail[4096]; /* of the last complete message; MAIL and RCPTs as the
					      handler saw them */
	size_t content_len;
	int64_t deadlines[SMTPD_DEADLINE_COUNT];
	size_t room;
	bool is_closed, was_resumed;
	unsigned complete_count, forget_count, refused_count, tls_count;
	struct smtpd_reply sender_verdict, data_verdict, answer; /* answer 0: later */
	enum err content_verdict;
	unsigned hops;
	struct smtpd_content content_facts;
	char login[1024];
	unsigned login_count;
	int64_t pause_ms;
	size_t wiped_bytes;
	bool is_crowded;
	char recounted[NET_ADDRESS_SIZE];
	char xclient[NET_ADDRESS_SIZE];
};

/* ---- what is below ---- */

static void on_write(void *owner, struct bytes b)
{
	struct fixture *f = owner;
	size_t len = strlen(f->said);
	assert_true(len + b.len < sizeof f->said);
	assert_false(f->is_closed);
	memcpy(f->said + len, b.data, b.len);
	f->said[len + b.len] = '\0';
}

static size_t on_room(void *owner)
{
	return ((struct fixture *)owner)->room;
}

static void on_deadline(void *owner, enum smtpd_deadline which, int64_t delay_ms)
{
	((struct fixture *)owner)->deadlines[which] = delay_ms;
}

static void on_resume(void *owner)
{
	((struct fixture *)owner)->was_resumed = true;
}

static void on_close(void *owner)
{
	((struct fixture *)owner)->is_closed = true;
}

/* ---- what is above ---- */

static void note(struct fixture *f, const char *what, struct bytes text)
{
	size_t len = strlen(f->mail);
	snprintf(f->mail + len, sizeof f->mail - len, "%s<%.*s> ", what, BYTES_ARGS(text));
}

static struct smtpd_reply on_sender(void *owner, const struct smtpd_mail *mail)
{
	struct fixture *f = owner;
	f->mail[0] = '\0';
	f->content_len = 0;
	if (!smtpd_objects(f->sender_verdict))
		note(f, mail->parameters->smtputf8 ? "utf8 from" : "from", mail->sender->text);
	return f->sender_verdict;
}

static struct smtpd_reply on_recipient(void *owner, const struct smtpd_recipient *recipient)
{
	const struct address *address = recipient->address;
	if (bytes_is(address->local, "bad"))
		return (struct smtpd_reply){550, "5.7.1 suppressed"};
	note(owner, "to", address->text);
	return SMTPD_NO_OBJECTION;
}

static struct smtpd_reply on_data(void *owner)
{
	return ((struct fixture *)owner)->data_verdict;
}

static enum err on_content(void *owner, struct bytes span)
{
	struct fixture *f = owner;
	assert_true(f->content_len + span.len <= sizeof f->content);
	memcpy(f->content + f->content_len, span.data, span.len);
	f->content_len += span.len;
	return f->content_verdict;
}

static void on_complete(void *owner, const struct smtpd_content *content)
{
	struct fixture *f = owner;
	f->complete_count++;
	f->hops = content->hops;
	f->content_facts = *content;
	assert_int_equal(content->bytes, f->content_len);
	if (f->answer.code)
		smtpd_session_answer(f->session, f->answer);
}

static void on_forget(void *owner)
{
	((struct fixture *)owner)->forget_count++;
}

static void on_refused(void *owner, const char *verb, struct smtpd_reply objection)
{
	assert_non_null(verb);
	assert_true(objection.code >= 400);
	((struct fixture *)owner)->refused_count++;
}

static void on_start_tls(void *owner)
{
	((struct fixture *)owner)->tls_count++;
}

static void on_pause(void *owner, int64_t delay_ms)
{
	((struct fixture *)owner)->pause_ms = delay_ms;
}

static int64_t on_wall_ms(void *owner)
{
	(void)owner;
	return INT64_C(1795252800123); /* 2026-11-21T09:20:00.123Z */
}

static void on_wipe(void *owner, struct bytes secret)
{
	struct fixture *f = owner;
	memset(f->unread + ((const char *)secret.data - f->unread), '#', secret.len);
	f->wiped_bytes += secret.len;
}

static bool on_recount(void *owner, const struct net_address *client)
{
	struct fixture *f = owner;
	snprintf(f->recounted, sizeof f->recounted, "nobody");
	if (client)
		net_address_ip_text(client, f->recounted);
	return !f->is_crowded;
}

static const struct smtpd_io io = {on_write,	 on_room,    on_deadline, on_resume, on_close,
				   on_start_tls, on_wall_ms, on_pause,	  on_wipe,   on_recount};

static void on_login(void *owner, const struct smtpd_login *login)
{
	struct fixture *f = owner;
	snprintf(f->login, sizeof f->login, "%.*s/%.*s", BYTES_ARGS(login->name),
		 BYTES_ARGS(login->password));
	f->login_count++;
}

static struct smtpd_reply on_xclient(void *owner, const struct net_address *client)
{
	struct fixture *f = owner;
	snprintf(f->xclient, sizeof f->xclient, "nobody");
	if (client)
		net_address_ip_text(client, f->xclient);
	return strcmp(f->xclient, "192.0.2.66") == 0 ? (struct smtpd_reply){554, "5.7.1 not you"}
						     : SMTPD_NO_OBJECTION;
}

static const struct smtpd_handler handler = {on_login,	 on_xclient, on_sender,	  on_recipient,
					     on_data,	 on_content, on_complete, on_forget,
					     on_refused, NULL};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->options = (struct smtpd_session_options){
		.hostname = "mx.example",
		.message_bytes_max = 1000,
		.line_max = 100,
		.recipients_max = 3,
		.errors_max = 5,
		.messages_max = 3,
		.command_ms = 1000,
		.data_ms = 2000,
		.message_ms = 3000,
		.hold_max_s = 3600,
	};
	f->answer = (struct smtpd_reply){250, "2.0.0 kept"};
	f->room = 1 << 20;
	f->session = smtpd_session_new(&f->options, &io, f, &handler, f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	smtpd_session_free(&f->session);
	free(f);
	return 0;
}

#define EHLO_CODES "250,250,250,250,250,250,250,250,250,250,250,250,250"

/* ---- talking ---- */

static void offer(struct fixture *f)
{
	size_t used = smtpd_session_received(f->session, bytes_from(f->unread, f->unread_len));
	memmove(f->unread, f->unread + used, f->unread_len - used);
	f->unread_len -= used;
}

static void client_sends(struct fixture *f, struct bytes b)
{
	assert_true(f->unread_len + b.len <= sizeof f->unread);
	memcpy(f->unread + f->unread_len, b.data, b.len);
	f->unread_len += b.len;
	offer(f);
}

static void client_says(struct fixture *f, const char *line)
{
	client_sends(f, bytes_of(line));
	client_sends(f, BYTES("\r\n"));
}

static void client_hears(struct fixture *f, const char *wanted)
{
	assert_string_equal(f->said, wanted);
	f->said[0] = '\0';
}

/* Only the beginnings of the replies: "250 2.1.0,550 5.7.1" */
static void client_hears_codes(struct fixture *f, const char *wanted)
{
	char codes[4096] = "";
	for (const char *line = f->said; *line; line = strchr(line, '\n') + 1) {
		size_t len = line[4] >= '2' && line[4] <= '5' && line[5] == '.' ? 9 : 3;
		snprintf(codes + strlen(codes), sizeof codes - strlen(codes), "%s%.*s",
			 codes[0] ? "," : "", (int)len, line);
	}
	assert_string_equal(codes, wanted);
	f->said[0] = '\0';
}

static void greeted(struct fixture *f)
{
	smtpd_session_start(f->session);
	client_says(f, "EHLO client.example");
	f->said[0] = '\0';
}

static void client_is_at_data(struct fixture *f)
{
	greeted(f);
	client_says(f, "MAIL FROM:<a@x.example>");
	client_says(f, "RCPT TO:<b@x.example>");
	client_says(f, "DATA");
	client_hears_codes(f, "250 2.1.0,250 2.1.5,354");
}

/* ---- the promises ---- */

static void test_a_message_is_taken_and_answered(void **state)
{
	struct fixture *f = *state;
	smtpd_session_start(f->session);
	client_hears(f, "220 mx.example ESMTP\r\n");
	client_says(f, "EHLO client.example");
	client_hears(f, "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
			"250-SMTPUTF8\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250-DSN\r\n"
			"250-DELIVERBY\r\n250-MT-PRIORITY\r\n"
			"250-FUTURERELEASE 3600 2026-11-21T10:20:00Z\r\n"
			"250-LIMITS MAILMAX=3 RCPTMAX=3\r\n250 ENHANCEDSTATUSCODES\r\n");
	client_says(f, "MAIL FROM:<a@x.example> SIZE=5");
	client_says(f, "RCPT TO:<b@x.example>");
	client_says(f, "DATA");
	client_hears_codes(f, "250 2.1.0,250 2.1.5,354");
	client_says(f, "hello");
	client_hears(f, "");
	client_says(f, ".");
	client_hears(f, "250 2.0.0 kept\r\n");
	assert_string_equal(f->mail, "from<a@x.example> to<b@x.example> ");
	assert_true(bytes_is(bytes_from(f->content, f->content_len), "hello\r\n"));
	client_says(f, "QUIT");
	client_hears(f, "221 2.0.0 bye\r\n");
	assert_true(f->is_closed);
	assert_int_equal(smtpd_session_outcome(f->session), SMTPD_OUTCOME_QUIT);
	assert_int_equal(f->forget_count, 0);
}

static void test_helo_is_answered_in_one_line(void **state)
{
	struct fixture *f = *state;
	smtpd_session_start(f->session);
	f->said[0] = '\0';
	client_says(f, "HELO old.example");
	client_hears(f, "250 mx.example\r\n");
	assert_false(smtpd_session_is_extended(f->session));
	assert_string_equal(smtpd_session_helo(f->session), "old.example");
}

static void test_commands_out_of_order_are_refused(void **state)
{
	/* commands since the greeting, and the replies' codes */
	static const struct {
		const char *said, *heard;
	} cases[] = {
		{"MAIL FROM:<a@x.example>\r\n", "503 5.5.1"},
		{"RCPT TO:<b@x.example>\r\n", "503 5.5.1"},
		{"DATA\r\n", "503 5.5.1"},
		{"EHLO x\r\nRCPT TO:<b@x.example>\r\n", EHLO_CODES ",503 5.5.1"},
		{"HELO x\r\nDATA\r\n", "250,503 5.5.1"},
		{"HELO x\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\n", "250,250 2.1.0,503 5.5.1"},
		{"HELO x\r\nMAIL FROM:<>\r\nDATA\r\n", "250,250 2.1.0,554 5.5.1"},
		{"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<bad@x.example>\r\nDATA\r\n",
		 "250,250 2.1.0,550 5.7.1,554 5.5.1"},
		{"HELO x\r\nMAIL FROM:<>\r\nRSET\r\nRCPT TO:<b@x.example>\r\n",
		 "250,250 2.1.0,250 2.0.0,503 5.5.1"},
		{"HELO x\r\nMAIL FROM:<>\r\nHELO x\r\nRCPT TO:<b@x.example>\r\n",
		 "250,250 2.1.0,250,503 5.5.1"},
		{"HELO x\r\nMAIL FROM:<a@x.example> SIZE=1001\r\n", "250,552 5.3.4"},
		{"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<\xc3\xa4@x.example>\r\n",
		 "250,250 2.1.0,553 5.6.7"},
		{"HELO x\r\nMAIL FROM:<> SMTPUTF8\r\nRCPT TO:<\xc3\xa4@x.example>\r\n",
		 "250,250 2.1.0,250 2.1.5"},
		{"NOOP\r\nRSET\r\nHELP\r\nVRFY a\r\nWHAT\r\nSTARTTLS\r\nEXPN a\r\n",
		 "250 2.0.0,250 2.0.0,214 2.0.0,252 2.5.0,500 5.5.1,502 5.5.1,502 5.5.1"},
		{"HELO x\r\nBDAT 4 LAST\r\nQUIT\r\nQUIT\r\n", "250,503 5.5.1,500 5.5.1,221 2.0.0"},
		{"HELO x\r\nMAIL FROM:<> REQUIRETLS\r\n", "250,555 5.5.4"},
		{"HELO x\r\nMAIL FROM:<> HOLDFOR=3601\r\n", "250,501 5.5.4"},
		{"HELO x\r\nMAIL FROM:<> HOLDFOR=3600\r\n", "250,250 2.1.0"},
		{"HELO x\r\nMAIL FROM:<> HOLDUNTIL=2026-11-21T10:20:00Z\r\n", "250,250 2.1.0"},
		{"HELO x\r\nMAIL FROM:<> HOLDUNTIL=2026-11-21T10:20:01Z\r\n", "250,501 5.5.4"},
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "502 5.5.1,421 4.5.0"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		void *own = NULL;
		set_up(&own);
		struct fixture *f = own;
		smtpd_session_start(f->session);
		f->said[0] = '\0';
		client_sends(f, bytes_of(cases[i].said));
		client_hears_codes(f, cases[i].heard);
		assert_int_equal(f->unread_len, 0);
		tear_down(&own);
	}
}

static void test_mail_and_recipients_do_not_outlive_the_message(void **state)
{
	static const char *const ends[] = {".", "a\n.\r\n."};
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = *state;
		client_is_at_data(f);
		client_says(f, ends[i]);
		client_hears_codes(f, i == 0 ? "250 2.0.0" : "550 5.5.2");
		client_says(f, "RCPT TO:<c@x.example>");
		client_says(f, "DATA");
		client_hears_codes(f, "503 5.5.1,503 5.5.1");
	}
}

static void test_a_smuggled_message_is_refused_and_nothing_of_it_is_a_command(void **state)
{
	struct fixture *f = *state;
	client_is_at_data(f);
	client_sends(f, BYTES("x\r\n\n.\r\nMAIL FROM:<evil@x.example>\r\nRCPT TO:<v@x.example>\r\n"
			      "DATA\r\nspoof\r\n.\r\nQUIT\r\n"));
	client_hears_codes(f, "550 5.5.2,221 2.0.0");
	assert_int_equal(f->complete_count, 0);
	assert_int_equal(f->forget_count, 1);
	assert_string_equal(f->mail, "from<a@x.example> to<b@x.example> ");
}

static void test_pipelined_commands_are_answered_in_order(void **state)
{
	struct fixture *f = *state;
	greeted(f);
	client_sends(f, BYTES("MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n"
			      "RCPT TO:<bad@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n"));
	client_hears_codes(f, "250 2.1.0,250 2.1.5,550 5.7.1,250 2.1.5,354");
	client_sends(f, BYTES("x\r\n.\r\nMAIL FROM:<d@x.example>\r\nNOOP\r\nQUIT\r\n"));
	client_hears_codes(f, "250 2.0.0,250 2.1.0,250 2.0.0,221 2.0.0");
	assert_int_equal(f->complete_count, 1);
	assert_int_equal(f->forget_count, 1); /* the second mail */
}

static void test_while_a_message_is_being_accepted_nothing_is_read(void **state)
{
	struct fixture *f = *state;
	f->answer.code = 0;
	client_is_at_data(f);
	client_sends(f, BYTES("x\r\n.\r\nNOOP\r\nQUIT\r\n"));
	client_hears(f, "");
	assert_true(smtpd_session_is_waiting(f->session));
	assert_int_equal(f->unread_len, strlen("NOOP\r\nQUIT\r\n"));
	assert_int_equal(f->deadlines[SMTPD_DEADLINE_STEP], 0);
	smtpd_session_answer(f->session, (struct smtpd_reply){451, "4.3.0 broker away"});
	client_hears_codes(f, "451 4.3.0");
	assert_true(f->was_resumed);
	offer(f);
	client_hears_codes(f, "250 2.0.0,221 2.0.0");
}

static void test_a_byte_at_a_time_is_the_same_as_all_at_once(void **state)
{
	/* up to each place where a client has to wait */
	static const char *const parts[] = {
		"EHLO client.example\r\n",
		"NOOP\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nbogus\r\nDATA\r\n",
		"Received: x\r\n\r\n..dot\r\n.\r\n",
		"MAIL FROM:<a@x.example>\r\nRCPT TO:<bad@x.example>\r\nRCPT TO:<c@y.example>\r\n",
		"DATA\r\n",
		"bare\nline\r\n.\r\n",
		"NO\rOP\r\nMAIL FROM:<\nRSET\r\nVRFY x\r\nQUIT\r\n",
	};
	char whole[8192];
	(void)state;
	for (int by_byte = 0; by_byte < 2; by_byte++) {
		void *own = NULL;
		set_up(&own);
		struct fixture *f = own;
		smtpd_session_start(f->session);
		for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
			struct bytes part = bytes_of(parts[i]);
			while (by_byte && part.len > 0) {
				client_sends(f, bytes_first(part, 1));
				part = bytes_skip(part, 1);
			}
			if (part.len > 0)
				client_sends(f, part);
		}
		if (by_byte == 0)
			memcpy(whole, f->said, strlen(f->said) + 1);
		client_hears(f, whole);
		assert_int_equal(f->complete_count, 1);
		assert_int_equal(f->hops, 1);
		assert_true(f->is_closed);
		tear_down(&own);
	}
}

static void test_command_lines_end_in_crlf_only(void **state)
{
	struct fixture *f = *state;
	greeted(f);
	/* one bad line up to its CRLF: what is hidden in it is no command */
	client_sends(f, BYTES("NOOP\nMAIL FROM:<a@x.example>\nRCPT TO:<b@x.example>\r\n"));
	client_hears_codes(f, "500 5.5.2");
	client_sends(f, BYTES("NOOP\rMAIL FROM:<a@x.example>\r\n"));
	client_hears_codes(f, "500 5.5.2");
	client_sends(f, BYTES("NO\0OP\r\n"));
	client_hears_codes(f, "500 5.5.2");
	client_says(f, "RCPT TO:<b@x.example>");
	client_hears_codes(f, "503 5.5.1");
}

static void test_a_line_without_end_is_refused_once_and_passed_over(void **state)
{
	struct fixture *f = *state;
	char many[SMTPD_LINE_MAX];
	memset(many, 'x', sizeof many);
	greeted(f);
	for (int i = 0; i < 20; i++) {
		client_sends(f, bytes_from(many, sizeof many - 1));
		assert_true(f->unread_len < SMTPD_LINE_MAX);
	}
	client_hears_codes(f, "500 5.5.2");
	client_sends(f, BYTES("\r"));
	client_sends(f, BYTES("\nNOOP\r\n"));
	client_hears_codes(f, "250 2.0.0");
}

static void test_errors_of_protocol_end_the_session_refused_recipients_do_not(void **state)
{
	struct fixture *f = *state;
	greeted(f);
	client_says(f, "MAIL FROM:<a@x.example>");
	for (int i = 0; i < 20; i++)
		client_says(f, "RCPT TO:<bad@x.example>");
	assert_false(f->is_closed);
	for (int i = 0; i < 4; i++)
		client_says(f, "BOGUS");
	assert_false(f->is_closed);
	f->said[0] = '\0';
	client_says(f, "BOGUS");
	client_hears_codes(f, "500 5.5.1,421 4.7.0");
	assert_true(f->is_closed);
	assert_int_equal(f->forget_count, 1);
	assert_int_equal(smtpd_session_outcome(f->session), SMTPD_OUTCOME_ERRORS);
}

static void test_further_recipients_get_452(void **state)
{
	struct fixture *f = *state;
	greeted(f);
	client_sends(f, BYTES("MAIL FROM:<>\r\nRCPT TO:<1@x.example>\r\nRCPT TO:<2@x.example>\r\n"
			      "RCPT TO:<3@x.example>\r\nRCPT TO:<4@x.example>\r\nDATA\r\n"));
	client_hears_codes(f, "250 2.1.0,250 2.1.5,250 2.1.5,250 2.1.5,452 4.5.3,354");
}

static void test_a_session_takes_so_many_messages(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 3; i++) {
		client_is_at_data(f);
		client_says(f, ".");
		client_hears_codes(f, "250 2.0.0");
	}
	client_says(f, "MAIL FROM:<a@x.example>");
	client_hears_codes(f, "421 4.7.0");
	assert_int_equal(smtpd_session_outcome(f->session), SMTPD_OUTCOME_LIMIT);
}

static void test_too_much_data_is_refused_after_its_end(void **state)
{
	struct fixture *f = *state;
	client_is_at_data(f);
	for (int i = 0; i < 50; i++)
		client_says(f, "twenty-four bytes a line");
	client_hears(f, "");
	client_says(f, ".");
	client_hears_codes(f, "552 5.3.4");
	assert_int_equal(f->forget_count, 1);
}

static void test_content_that_cannot_be_kept_is_refused_after_its_end(void **state)
{
	struct fixture *f = *state;
	f->content_verdict = E_FULL;
	client_is_at_data(f);
	client_says(f, "hello");
	client_says(f, "again");
	client_hears(f, "");
	client_says(f, ".");
	client_hears_codes(f, "452 4.3.1");
	f->content_verdict = E_IO;
	client_is_at_data(f);
	client_says(f, "hello");
	client_says(f, ".");
	client_hears_codes(f, "451 4.3.0");
	assert_int_equal(f->complete_count, 0);
}

static void test_refusals_from_above_reach_the_client(void **state)
{
	struct fixture *f = *state;
	greeted(f);
	f->sender_verdict = (struct smtpd_reply){451, "4.3.0 broker away"};
	client_says(f, "MAIL FROM:<a@x.example>");
	client_hears(f, "451 4.3.0 broker away\r\n");
	f->sender_verdict = SMTPD_NO_OBJECTION;
	f->data_verdict = (struct smtpd_reply){451, "4.3.2 busy"};
	client_sends(f, BYTES("MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n"));
	client_hears_codes(f, "250 2.1.0,250 2.1.5,451 4.3.2");
	f->data_verdict = SMTPD_NO_OBJECTION;
	client_says(f, "DATA"); /* the transaction is still there */
	client_hears_codes(f, "354");
	assert_int_equal(f->refused_count, 2);
}

static void test_a_message_sent_behind_a_refused_data_is_never_read_as_commands(void **state)
{
	struct fixture *f = *state;
	greeted(f);
	client_sends(f, BYTES("MAIL FROM:<a@x.example>\r\nRCPT TO:<bad@x.example>\r\nDATA\r\n"
			      "MAIL FROM:<evil@x.example>\r\n.\r\n"));
	client_hears_codes(f, "250 2.1.0,550 5.7.1,554 5.5.1,421 4.5.0");
	assert_true(f->is_closed);
	assert_int_equal(f->unread_len, 0);
}

/* Whatever is wrong with the line: what was meant to follow it is a message. */
static void test_a_message_behind_a_crooked_data_is_never_read_as_commands(void **state)
{
	static const struct {
		struct bytes said;
		const char *heard;
	} cases[] = {
		{BYTES("DATA x\r\nRSET\r\n.\r\n"), "501 5.5.4,421 4.5.0"},
		{BYTES("data  x \r\nRSET\r\n"), "501 5.5.4,421 4.5.0"},
		{BYTES("DATA\0\r\nRSET\r\n"), "500 5.5.2,421 4.5.0"},
		{BYTES("DATA\r\r\nRSET\r\n"), "500 5.5.2,421 4.5.0"},
		{BYTES("DATA\nRSET\r\nRSET\r\n"), "500 5.5.2,421 4.5.0"},
		{BYTES("BDAT 6\0\r\nRSET\r\n"), "500 5.5.2,421 4.5.0"},
		{BYTES("BDAT 6 LAST\nRSET\r\nRSET\r\n"), "500 5.5.2,421 4.5.0"},
		{BYTES("DATA x\r\n"), "501 5.5.4"},
		{BYTES("DATABASE\r\nRSET\r\n"), "500 5.5.1,250 2.0.0"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		void *own = NULL;
		set_up(&own);
		struct fixture *f = own;
		greeted(f);
		client_says(f, "MAIL FROM:<a@x.example>");
		client_says(f, "RCPT TO:<b@x.example>");
		f->said[0] = '\0';
		client_sends(f, cases[i].said);
		client_hears_codes(f, cases[i].heard);
		assert_int_equal(f->unread_len, 0);
		tear_down(&own);
	}
}

static void test_content_out_of_turn_is_an_error(void **state)
{
	static const char *const said[] = {"DATA\r\n", "DATA x\r\n", "BDAT 1\r\nx"};
	(void)state;
	for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
		void *own = NULL;
		set_up(&own);
		struct fixture *f = own;
		greeted(f);
		for (int j = 0; j < 5; j++) {
			assert_false(f->is_closed);
			client_sends(f, bytes_of(said[i]));
		}
		assert_true(f->is_closed);
		assert_int_equal(smtpd_session_outcome(f->session), SMTPD_OUTCOME_ERRORS);
		tear_down(&own);
	}
}

static void test_chunks_that_are_too_big_are_errors(void **state)
{
	struct fixture *f = *state;
	char big[1001];
	memset(big, 'x', sizeof big);
	greeted(f);
	f->options.messages_max = 100;
	for (int i = 0; i < 5; i++) {
		assert_false(f->is_closed);
		client_says(f, "MAIL FROM:<a@x.example>");
		client_says(f, "RCPT TO:<b@x.example>");
		client_says(f, "BDAT 1001");
		client_sends(f, bytes_from(big, sizeof big));
	}
	assert_true(f->is_closed);
}

static void test_commands_wait_for_room_in_the_output(void **state)
{
	struct fixture *f = *state;
	greeted(f);
	f->room = SMTPD_REPLY_MAX - 1;
	client_says(f, "NOOP");
	client_hears(f, "");
	assert_int_equal(f->unread_len, 6);
	f->room = SMTPD_REPLY_MAX;
	offer(f);
	client_hears_codes(f, "250 2.0.0");
}

static void test_every_state_has_its_deadline(void **state)
{
	struct fixture *f = *state;
	smtpd_session_start(f->session);
	assert_int_equal(f->deadlines[SMTPD_DEADLINE_STEP], 1000);
	f->deadlines[SMTPD_DEADLINE_STEP] = 1;
	client_sends(f, BYTES("EHL")); /* a slow line wins no time */
	assert_int_equal(f->deadlines[SMTPD_DEADLINE_STEP], 1);
	client_sends(f, BYTES("O client.example\r\n"));
	assert_int_equal(f->deadlines[SMTPD_DEADLINE_STEP], 1000);
	client_is_at_data(f);
	assert_int_equal(f->deadlines[SMTPD_DEADLINE_STEP], 2000);
	assert_int_equal(f->deadlines[SMTPD_DEADLINE_MESSAGE], 3000);
	f->deadlines[SMTPD_DEADLINE_MESSAGE] =
		2; /* further bytes do not move the deadline of all */
	client_says(f, "hello");
	assert_int_equal(f->deadlines[SMTPD_DEADLINE_MESSAGE], 2);
	client_says(f, ".");
	assert_int_equal(f->deadlines[SMTPD_DEADLINE_STEP], 1000);
	assert_int_equal(f->deadlines[SMTPD_DEADLINE_MESSAGE], 0);
}

static void test_a_timeout_ends_the_session_in_any_state(void **state)
{
	(void)state;
	for (int at_data = 0; at_data < 2; at_data++) {
		void *own = NULL;
		set_up(&own);
		struct fixture *f = own;
		if (at_data)
			client_is_at_data(f);
		else
			greeted(f);
		smtpd_session_timed_out(f->session);
		client_hears_codes(f, "421 4.4.2");
		assert_true(f->is_closed);
		assert_int_equal(f->forget_count, at_data);
		assert_int_equal(f->deadlines[SMTPD_DEADLINE_MESSAGE], 0);
		client_says(f, "NOOP"); /* too late: taken and not answered */
		client_hears(f, "");
		tear_down(&own);
	}
}

static void test_a_stopped_session_finishes_its_message_first(void **state)
{
	struct fixture *f = *state;
	f->answer.code = 0;
	client_is_at_data(f);
	smtpd_session_stop(f->session);
	client_says(f, "hello");
	client_says(f, ".");
	assert_false(f->is_closed);
	smtpd_session_answer(f->session, (struct smtpd_reply){250, "2.0.0 kept"});
	client_hears_codes(f, "250 2.0.0,421 4.3.2");
	assert_true(f->is_closed);
	assert_int_equal(smtpd_session_outcome(f->session), SMTPD_OUTCOME_STOPPED);
}

static void test_an_idle_session_stops_at_once(void **state)
{
	struct fixture *f = *state;
	greeted(f);
	smtpd_session_stop(f->session);
	client_hears_codes(f, "421 4.3.2");
	assert_true(f->is_closed);
}

static void test_before_its_greeting_a_session_stops_at_once(void **state)
{
	struct fixture *f = *state;
	smtpd_session_stop(f->session);
	client_hears_codes(f, "421 4.3.2");
	assert_true(f->is_closed);
	smtpd_session_start(f->session); /* a delayed greeting comes too late */
	client_hears(f, "");
}

static void test_a_handshake_is_given_up_at_once(void **state)
{
	struct fixture *f = *state;
	f->options.tls = SMTPD_TLS_IMPLICIT;
	smtpd_session_start_tls(f->session);
	smtpd_session_stop(f->session);
	client_hears(f, "");
	assert_true(f->is_closed);
	assert_int_equal(smtpd_session_outcome(f->session), SMTPD_OUTCOME_STOPPED);
}

static void test_who_speaks_before_the_greeting_is_marked_and_must_wait(void **state)
{
	struct fixture *f = *state;
	client_says(f, "EHLO early.example");
	client_hears(f, "");
	assert_true(smtpd_session_was_early(f->session));
	smtpd_session_start(f->session);
	offer(f);
	client_hears_codes(f, "220," EHLO_CODES);
}

static void test_a_lost_client_is_forgotten(void **state)
{
	struct fixture *f = *state;
	client_is_at_data(f);
	smtpd_session_lost(f->session);
	assert_int_equal(f->forget_count, 1);
	assert_int_equal(smtpd_session_outcome(f->session), SMTPD_OUTCOME_LOST);
	smtpd_session_answer(f->session, (struct smtpd_reply){250, "2.0.0 late"});
	client_hears(f, "");
}

static void test_starttls_forgets_all_that_was_said_in_the_clear(void **state)
{
	struct fixture *f = *state;
	f->options.tls = SMTPD_TLS_REQUIRED;
	smtpd_session_start(f->session);
	client_says(f, "EHLO clear.example");
	assert_non_null(strstr(f->said, "250-STARTTLS\r\n"));
	f->said[0] = '\0';
	client_says(f, "MAIL FROM:<a@x.example>");
	client_hears(f, "530 5.7.0 STARTTLS comes first\r\n");
	client_sends(f, BYTES("STARTTLS\r\nMAIL FROM:<injected@x.example>\r\nNOOP\r\n"));
	client_hears(f, "220 2.0.0 begin TLS\r\n");
	assert_int_equal(f->tls_count, 1);
	assert_int_equal(f->unread_len, 0);
	client_says(f, "NOOP"); /* what comes in the clear meanwhile is nothing either */
	client_hears(f, "");
	assert_int_equal(f->unread_len, 0);
	smtpd_session_secured(f->session);
	assert_string_equal(smtpd_session_helo(f->session), "");
	client_says(f, "MAIL FROM:<a@x.example>");
	client_hears(f, "503 5.5.1 EHLO comes first\r\n");
	client_says(f, "EHLO secure.example");
	assert_null(strstr(f->said, "STARTTLS"));
	f->said[0] = '\0';
	client_says(f, "STARTTLS");
	client_says(f, "MAIL FROM:<a@x.example>");
	client_hears_codes(f, "503 5.5.1,250 2.1.0");
	assert_true(smtpd_session_is_secured(f->session));
}

static void test_an_open_transaction_does_not_survive_starttls(void **state)
{
	struct fixture *f = *state;
	f->options.tls = SMTPD_TLS_OPTIONAL;
	greeted(f);
	client_says(f, "MAIL FROM:<a@x.example>");
	client_says(f, "STARTTLS");
	smtpd_session_secured(f->session);
	assert_int_equal(f->forget_count, 1);
	f->said[0] = '\0';
	client_says(f, "EHLO c.example");
	f->said[0] = '\0';
	client_says(f, "RCPT TO:<b@x.example>");
	client_hears_codes(f, "503 5.5.1");
}

static void test_implicit_tls_greets_after_the_handshake(void **state)
{
	struct fixture *f = *state;
	f->options.tls = SMTPD_TLS_IMPLICIT;
	smtpd_session_start_tls(f->session);
	assert_int_equal(f->tls_count, 1);
	client_hears(f, "");
	smtpd_session_secured(f->session);
	client_hears(f, "");
	smtpd_session_start(f->session);
	client_hears_codes(f, "220");
	client_says(f, "EHLO c.example");
	assert_null(strstr(f->said, "STARTTLS"));
}

static void test_a_handshake_has_a_deadline_and_gets_no_words_in_the_clear(void **state)
{
	struct fixture *f = *state;
	f->options.tls = SMTPD_TLS_OPTIONAL;
	greeted(f);
	client_says(f, "STARTTLS");
	f->said[0] = '\0';
	assert_true(f->deadlines[SMTPD_DEADLINE_STEP] > 0);
	smtpd_session_timed_out(f->session);
	client_hears(f, "");
	assert_true(f->is_closed);
}

/* ---- BDAT ---- */

static void client_is_at_bdat(struct fixture *f, const char *parameters)
{
	greeted(f);
	client_sends(f, BYTES("MAIL FROM:<a@x.example>"));
	client_says(f, parameters);
	client_says(f, "RCPT TO:<b@x.example>");
	client_hears_codes(f, "250 2.1.0,250 2.1.5");
}

static void assert_content(const struct fixture *f, const char *wanted)
{
	assert_true(bytes_is(bytes_from(f->content, f->content_len), wanted));
}

static void test_a_message_in_chunks_is_taken(void **state)
{
	/* whatever the cuts, dots mean nothing, and commands may stand behind the last byte */
	static const char *const forms[] = {
		"BDAT 11 LAST\r\n..a\r\n.\r\nb\r\nNOOP\r\n",
		"BDAT 10\r\n..a\r\n.\r\nb\rBDAT 1 LAST\r\n\nNOOP\r\n",
		"BDAT 11\r\n..a\r\n.\r\nb\r\nBDAT 0 LAST\r\nNOOP\r\n",
		"bdat 9 last\r\n..a\r\n.\r\nbNOOP\r\n", /* without the end of its last line */
		"BDAT 0\r\nBDAT 4\r\n..a\rBDAT 2\r\n\n.BDAT 5 LAST\r\n\r\nb\r\nNOOP\r\n",
	};
	static const char *const heard[] = {
		"250 2.0.0,250 2.0.0",
		"250 2.0.0,250 2.0.0,250 2.0.0",
		"250 2.0.0,250 2.0.0,250 2.0.0",
		"250 2.0.0,250 2.0.0",
		"250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0",
	};
	(void)state;
	for (size_t i = 0; i < 2 * sizeof forms / sizeof forms[0]; i++) {
		void *own = NULL;
		set_up(&own);
		struct fixture *f = own;
		client_is_at_bdat(f, "");
		struct bytes form = bytes_of(forms[i / 2]);
		while (i % 2 == 1 && form.len > 0) { /* a byte at a time */
			client_sends(f, bytes_first(form, 1));
			form = bytes_skip(form, 1);
		}
		if (form.len > 0)
			client_sends(f, form);
		client_hears_codes(f, heard[i / 2]);
		assert_content(f, "..a\r\n.\r\nb\r\n");
		assert_int_equal(f->complete_count, 1);
		assert_int_equal(f->forget_count, 0);
		assert_int_equal(f->deadlines[SMTPD_DEADLINE_MESSAGE], 0);
		tear_down(&own);
	}
}

static void test_a_chunk_that_is_refused_ends_the_transaction(void **state)
{
	static const struct {
		const char *parameters, *said, *heard;
	} cases[] = {
		{"", "BDAT 3\r\na\nbBDAT 3 LAST\r\nxyzDATA\r\n", "550 5.5.2,503 5.5.1,503 5.5.1"},
		{"", "BDAT 2\r\na\rBDAT 1 LAST\r\nxNOOP\r\n", "250 2.0.0,550 5.5.2,250 2.0.0"},
		{"", "BDAT 1 LAST\r\n\rNOOP\r\n", "550 5.5.2,250 2.0.0"},
		{"", "BDAT 1001 LAST\r\n", ""},
		{"", "BDAT 2\r\nabDATA\r\nQUIT\r\n", "250 2.0.0,503 5.5.1,421 4.5.0"},
		{"", "BDAT 2\r\nabRCPT TO:<c@x.example>\r\n", "250 2.0.0,503 5.5.1"},
		{"", "BDAT 2\r\nabMAIL FROM:<c@x.example>\r\n", "250 2.0.0,503 5.5.1"},
		{"", "BDAT 2\r\nabRSET\r\nBDAT 2 LAST\r\ncd", "250 2.0.0,250 2.0.0,503 5.5.1"},
		{"", "BDAT\r\nQUIT\r\n", "501 5.5.4,421 4.5.0"},
		{"", "BDAT x\r\n", "501 5.5.4,421 4.5.0"},
		{"", "BDAT 1 FIRST\r\nQUIT\r\n", "501 5.5.4,421 4.5.0"},
		{"", "BDAT -1\r\n", "501 5.5.4,421 4.5.0"},
		{"", "BDAT 9223372036854775808\r\n", "501 5.5.4,421 4.5.0"},
		{"", "BDAT 9223372036854775807\r\n", "552 5.3.4,421 4.5.0"},
		{" BODY=BINARYMIME", "DATA\r\n", "503 5.5.1"},
		{" BODY=BINARYMIME", "BDAT 4 LAST\r\na\xff\r\n", "250 2.0.0"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		void *own = NULL;
		set_up(&own);
		struct fixture *f = own;
		client_is_at_bdat(f, cases[i].parameters);
		client_sends(f, bytes_of(cases[i].said));
		client_hears_codes(f, cases[i].heard);
		assert_int_equal(f->unread_len, 0);
		tear_down(&own);
	}
}

static void test_binary_content_is_handed_on_as_it_is(void **state)
{
	struct fixture *f = *state;
	static const char content[] = "X: y\r\n\r\na\nb\0c\r\xff";
	char long_line[200];
	memset(long_line, 'x', sizeof long_line);
	client_is_at_bdat(f, " BODY=BINARYMIME");
	client_says(f, "BDAT 15");
	client_sends(f, bytes_from(content, 15));
	client_says(f, "BDAT 200 LAST");
	client_sends(f, bytes_from(long_line, sizeof long_line));
	client_hears_codes(f, "250 2.0.0,250 2.0.0");
	assert_true(f->content_facts.is_binary && f->content_facts.is_declared_binary &&
		    f->content_facts.has_bare_line_ends);
	assert_int_equal(f->content_len, 215);
	assert_memory_equal(f->content, content, 15);
	client_says(f, "MAIL FROM:<a@x.example>"); /* the next one is not */
	client_says(f, "RCPT TO:<b@x.example>");
	client_says(f, "BDAT 3 LAST");
	client_sends(f, BYTES("a\nb"));
	client_hears_codes(f, "250 2.1.0,250 2.1.5,550 5.5.2");
}

static void test_what_a_long_line_or_a_nul_makes_binary_is_handed_on_as_it_is(void **state)
{
	(void)state;
	static const struct {
		char c;
		size_t len, handed_on;
		bool is_binary;
	} cases[] = {{'x', 99, 101, false}, {'x', 600, 600, true}, {'\0', 3, 3, true}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *own;
		char text[600], command[40];
		set_up(&own);
		struct fixture *f = own;
		memset(text, cases[i].c, sizeof text);
		(void)snprintf(command, sizeof command, "BDAT %zu LAST", cases[i].len);
		client_is_at_bdat(f, " BODY=BINARYMIME");
		client_says(f, command);
		client_sends(f, bytes_from(text, cases[i].len));
		assert_int_equal(f->content_facts.is_binary, cases[i].is_binary);
		assert_false(f->content_facts.has_bare_line_ends);
		assert_int_equal(f->content_len, cases[i].handed_on); /* 2: a line's end */
		tear_down(&own);
	}
}

static void test_chunks_together_have_the_limit_of_a_message(void **state)
{
	struct fixture *f = *state;
	char many[600];
	memset(many, 'x', sizeof many);
	for (size_t i = 78; i < sizeof many; i += 80)
		memcpy(many + i, "\r\n", 2);
	client_is_at_bdat(f, "");
	client_says(f, "BDAT 600");
	client_sends(f, bytes_from(many, 600));
	client_hears_codes(f, "250 2.0.0");
	assert_int_equal(f->deadlines[SMTPD_DEADLINE_MESSAGE], 3000);
	client_says(f, "BDAT 600 LAST"); /* its bytes are no commands */
	client_sends(f, bytes_from(many, 600));
	client_hears_codes(f, "552 5.3.4");
	client_says(f, "NOOP");
	client_hears_codes(f, "250 2.0.0");
	assert_int_equal(f->complete_count, 0);
	assert_int_equal(f->forget_count, 1);
	assert_int_equal(f->deadlines[SMTPD_DEADLINE_MESSAGE], 0);
}

static void test_a_million_empty_chunks_are_too_many(void **state)
{
	struct fixture *f = *state;
	client_is_at_bdat(f, "");
	for (int i = 0; i < SMTPD_CHUNKS_MAX; i++) {
		client_sends(f, BYTES("BDAT 0\r\n"));
		f->said[0] = '\0';
	}
	client_says(f, "BDAT 0");
	client_hears_codes(f, "552 5.3.4");
}

static void test_xclient_begins_the_session_anew(void **state)
{
	struct fixture *f = *state;
	f->options.errors_max = 20;
	smtpd_session_allow_xclient(f->session);
	smtpd_session_start(f->session);
	client_says(f, "EHLO filter.example");
	assert_non_null(strstr(f->said, "250-XCLIENT NAME ADDR"));
	f->said[0] = '\0';
	client_says(f, "XCLIENT NAME=a.example ADDR=192.0.2.7 PORT=99 HELO=a+2Bb PROTO=ESMTP");
	client_hears(f, "220 mx.example ESMTP\r\n");
	assert_string_equal(f->xclient, "192.0.2.7");
	client_says(f, "MAIL FROM:<a@x.example>");
	client_hears_codes(f, "503 5.5.1");
	client_says(f, "XCLIENT ADDR=IPV6:2001:db8::1");
	client_hears_codes(f, "220");
	assert_string_equal(f->xclient, "2001:db8::1");
	assert_string_equal(f->recounted, "2001:db8::1");
	client_says(f, "XCLIENT ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]");
	assert_string_equal(f->xclient, "nobody");
	assert_string_equal(f->recounted, "nobody");
	f->said[0] = '\0';
	client_says(f, "XCLIENT");
	client_says(f, "XCLIENT ADDR=a.example");
	client_says(f, "XCLIENT ADDR=192.0.2.7 ADDR=192.0.2.8");
	client_says(f, "XCLIENT FOO=1");
	client_hears_codes(f, "501 5.5.4,501 5.5.4,501 5.5.4,501 5.5.4");
	client_says(f, "XCLIENT ADDR=192.0.2.66");
	client_hears_codes(f, "554 5.7.1");
	assert_true(f->is_closed);
}

static void test_a_client_of_too_many_connections_is_sent_away_behind_a_filter_too(void **state)
{
	struct fixture *f = *state;
	f->is_crowded = true;
	smtpd_session_allow_xclient(f->session);
	greeted(f);
	client_says(f, "XCLIENT ADDR=192.0.2.7");
	client_hears_codes(f, "421 4.7.0");
	assert_true(f->is_closed);
}

static void test_xclient_is_for_the_trusted(void **state)
{
	struct fixture *f = *state;
	greeted(f);
	client_says(f, "XCLIENT ADDR=192.0.2.7");
	client_hears_codes(f, "502 5.5.1");
	assert_string_equal(f->xclient, "");
}

static void test_errors_cost_time_and_what_waits_is_read_later(void **state)
{
	struct fixture *f = *state;
	f->options.error_delay_ms = 700;
	greeted(f);
	client_sends(f, BYTES("A\r\nB\r\nC\r\nD\r\nNOOP\r\n"));
	client_hears_codes(f, "500 5.5.1,500 5.5.1,500 5.5.1,500 5.5.1");
	assert_int_equal(f->pause_ms, 700);
	assert_true(smtpd_session_is_waiting(f->session));
	assert_int_equal(f->unread_len, 6);
	smtpd_session_resume(f->session);
	assert_true(f->was_resumed);
	offer(f);
	client_hears_codes(f, "250 2.0.0");
}

static void test_early_talkers_may_be_sent_away(void **state)
{
	struct fixture *f = *state;
	f->options.refuses_early = true;
	client_says(f, "EHLO early.example");
	smtpd_session_start(f->session);
	client_hears_codes(f, "554 5.5.1");
	assert_true(f->is_closed);
}

static void asked_to_log_in(struct fixture *f)
{
	f->options.auth = SMTPD_AUTH_REQUIRED;
	f->options.auth_without_tls = true;
	f->options.failed_logins_max = 2;
	greeted(f);
}

static void test_a_login_opens_the_door(void **state)
{
	static const char *const exchanges[][3] = {
		{"AUTH PLAIN AHUAcA=="},
		{"AUTH PLAIN", "AHUAcA=="},
		{"auth login", "dQ==", "cA=="},
		{"AUTH LOGIN dQ==", "cA=="},
	};
	(void)state;
	for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++) {
		void *own = NULL;
		set_up(&own);
		struct fixture *f = own;
		asked_to_log_in(f);
		client_says(f, "MAIL FROM:<a@x.example>");
		client_hears(f, "530 5.7.0 AUTH comes first\r\n");
		for (size_t k = 0; k < 3 && exchanges[i][k]; k++)
			client_says(f, exchanges[i][k]);
		f->said[0] = '\0';
		assert_int_equal(f->login_count, 1);
		assert_string_equal(f->login, "u/p");
		assert_true(smtpd_session_is_waiting(f->session));
		client_says(f, "MAIL FROM:<a@x.example>"); /* not read before the answer */
		client_hears(f, "");
		smtpd_session_logged_in(f->session, (struct smtpd_reply){235, "2.7.0 welcome"});
		assert_true(f->was_resumed && smtpd_session_is_logged_in(f->session));
		offer(f);
		client_hears_codes(f, "235 2.7.0,250 2.1.0");
		client_says(f, "RSET");
		client_says(f, "AUTH PLAIN AHUAcA==");
		client_hears_codes(f, "250 2.0.0,503 5.5.1");
		tear_down(&own);
	}
}

static void test_what_is_no_login_is_refused(void **state)
{
	static const struct {
		const char *said, *heard;
	} cases[] = {
		{"AUTH CRAM-MD5\r\n", "504 5.5.4"},
		{"AUTH\r\n", "501 5.5.4"},
		{"AUTH PLAIN a b\r\n", "501 5.5.4"},
		{"AUTH PLAIN =\r\n", "501 5.5.2"},
		{"AUTH PLAIN !\r\nNOOP\r\n", "501 5.5.2,250 2.0.0"},
		{"AUTH PLAIN\r\n*\r\nNOOP\r\n", "334,501 5.0.0,250 2.0.0"},
		{"AUTH LOGIN\r\n*\r\nNOOP\r\n", "334,501 5.0.0,250 2.0.0"},
		{"AUTH LOGIN\r\nAA==\r\nNOOP\r\n", "334,501 5.5.2,250 2.0.0"},
		{"AUTH LOGIN\r\ndQ==\r\n=\r\nNOOP\r\n", "334,334,501 5.5.2,250 2.0.0"},
		{"AUTH LOGIN\r\nd\nQ==\r\nNOOP\r\n", "334,500 5.5.2,250 2.0.0"},
		{"AUTH PLAIN Ym9zcwB1AHA=\r\n", "535 5.7.8"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		void *own = NULL;
		set_up(&own);
		struct fixture *f = own;
		asked_to_log_in(f);
		client_sends(f, bytes_of(cases[i].said));
		client_hears_codes(f, cases[i].heard);
		assert_int_equal(f->login_count, 0);
		tear_down(&own);
	}
}

static void test_auth_is_offered_under_tls_only(void **state)
{
	struct fixture *f = *state;
	f->options.tls = SMTPD_TLS_OPTIONAL;
	f->options.auth = SMTPD_AUTH_OPTIONAL;
	smtpd_session_start(f->session);
	client_says(f, "EHLO c.example");
	assert_null(strstr(f->said, "AUTH"));
	f->said[0] = '\0';
	client_says(f, "AUTH PLAIN AHUAcA==");
	client_hears(f, "538 5.7.11 not without TLS\r\n");
	client_says(f, "STARTTLS");
	smtpd_session_secured(f->session);
	f->said[0] = '\0';
	client_says(f, "AUTH PLAIN AHUAcA==");
	client_hears_codes(f, "503 5.5.1");
	client_says(f, "EHLO c.example");
	assert_non_null(strstr(f->said, "250-AUTH PLAIN LOGIN\r\n"));
	f->said[0] = '\0';
	client_says(f, "MAIL FROM:<a@x.example>"); /* optional: the handler decides */
	client_hears_codes(f, "250 2.1.0");
	client_says(f, "AUTH PLAIN AHUAcA==");
	client_hears_codes(f, "503 5.5.1");
	assert_int_equal(f->login_count, 0);
}

/* The input is the fixture's: what was wiped is overwritten there. */
static void test_no_password_stays_in_the_input(void **state)
{
	static const struct {
		const char *said;
		size_t wiped;
	} cases[] = {
		{"AUTH PLAIN AGFkYQBzZWNyZXQ=\r\n", 29}, {"AUTH PLAIN AGFkYQBzZWNyZXQ= x\r\n", 31},
		{"AUTH FOO AGFkYQBzZWNyZXQ=\r\n", 27},	 {" auth PLAIN\r\n*\r\n", 13},
		{"AUTH PLAIN\r\nc2VjcmV0\n\r\n", 21},	 {"NOOP AUTH\r\n", 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		void *own = NULL;
		set_up(&own);
		struct fixture *f = own;
		asked_to_log_in(f);
		client_sends(f, bytes_of(cases[i].said));
		assert_int_equal(f->wiped_bytes, cases[i].wiped);
		assert_null(memmem(f->unread, sizeof f->unread, "ZWNyZX", 6));
		tear_down(&own);
	}
}

static void test_who_guesses_is_sent_away(void **state)
{
	struct fixture *f = *state;
	asked_to_log_in(f);
	client_says(f, "AUTH PLAIN AHUAcA==");
	smtpd_session_logged_in(f->session, (struct smtpd_reply){454, "4.7.0 busy"});
	client_hears_codes(f, "454 4.7.0");
	for (int i = 0; i < 2; i++) {
		assert_false(f->is_closed);
		client_says(f, "AUTH PLAIN AHUAcA==");
		smtpd_session_logged_in(f->session, (struct smtpd_reply){535, "5.7.8 wrong"});
	}
	client_hears_codes(f, "535 5.7.8,535 5.7.8,421 4.7.0");
	assert_true(f->is_closed);
	assert_int_equal(smtpd_session_outcome(f->session), SMTPD_OUTCOME_LOGINS);
}

static void test_a_megabyte_of_login_is_passed_over(void **state)
{
	struct fixture *f = *state;
	char many[SMTPD_LINE_MAX];
	memset(many, 'A', sizeof many);
	asked_to_log_in(f);
	client_says(f, "AUTH PLAIN");
	f->said[0] = '\0';
	for (int i = 0; i < 500; i++)
		client_sends(f, bytes_from(many, sizeof many));
	client_says(f, "");
	client_hears_codes(f, "500 5.5.2");
	client_says(f, "NOOP");
	client_hears_codes(f, "250 2.0.0");
}

static void test_a_session_may_end_while_its_login_is_checked(void **state)
{
	struct fixture *f = *state;
	asked_to_log_in(f);
	client_says(f, "AUTH PLAIN AHUAcA==");
	smtpd_session_lost(f->session);
	smtpd_session_logged_in(f->session, (struct smtpd_reply){235, "2.7.0 late"});
	client_hears(f, "");
	assert_false(smtpd_session_is_logged_in(f->session));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_message_is_taken_and_answered),
		TEST(test_helo_is_answered_in_one_line),
		TEST(test_commands_out_of_order_are_refused),
		TEST(test_mail_and_recipients_do_not_outlive_the_message),
		TEST(test_a_smuggled_message_is_refused_and_nothing_of_it_is_a_command),
		TEST(test_pipelined_commands_are_answered_in_order),
		TEST(test_while_a_message_is_being_accepted_nothing_is_read),
		TEST(test_a_byte_at_a_time_is_the_same_as_all_at_once),
		TEST(test_command_lines_end_in_crlf_only),
		TEST(test_a_line_without_end_is_refused_once_and_passed_over),
		TEST(test_errors_of_protocol_end_the_session_refused_recipients_do_not),
		TEST(test_further_recipients_get_452),
		TEST(test_a_session_takes_so_many_messages),
		TEST(test_too_much_data_is_refused_after_its_end),
		TEST(test_content_that_cannot_be_kept_is_refused_after_its_end),
		TEST(test_refusals_from_above_reach_the_client),
		TEST(test_a_message_sent_behind_a_refused_data_is_never_read_as_commands),
		TEST(test_a_message_behind_a_crooked_data_is_never_read_as_commands),
		TEST(test_content_out_of_turn_is_an_error),
		TEST(test_chunks_that_are_too_big_are_errors),
		TEST(test_commands_wait_for_room_in_the_output),
		TEST(test_every_state_has_its_deadline),
		TEST(test_a_timeout_ends_the_session_in_any_state),
		TEST(test_a_stopped_session_finishes_its_message_first),
		TEST(test_an_idle_session_stops_at_once),
		TEST(test_before_its_greeting_a_session_stops_at_once),
		TEST(test_a_handshake_is_given_up_at_once),
		TEST(test_who_speaks_before_the_greeting_is_marked_and_must_wait),
		TEST(test_a_lost_client_is_forgotten),
		TEST(test_starttls_forgets_all_that_was_said_in_the_clear),
		TEST(test_an_open_transaction_does_not_survive_starttls),
		TEST(test_implicit_tls_greets_after_the_handshake),
		TEST(test_a_handshake_has_a_deadline_and_gets_no_words_in_the_clear),
		TEST(test_a_message_in_chunks_is_taken),
		TEST(test_a_chunk_that_is_refused_ends_the_transaction),
		TEST(test_binary_content_is_handed_on_as_it_is),
		TEST(test_what_a_long_line_or_a_nul_makes_binary_is_handed_on_as_it_is),
		TEST(test_chunks_together_have_the_limit_of_a_message),
		TEST(test_a_million_empty_chunks_are_too_many),
		TEST(test_xclient_begins_the_session_anew),
		TEST(test_a_client_of_too_many_connections_is_sent_away_behind_a_filter_too),
		TEST(test_xclient_is_for_the_trusted),
		TEST(test_errors_cost_time_and_what_waits_is_read_later),
		TEST(test_early_talkers_may_be_sent_away),
		TEST(test_a_login_opens_the_door),
		TEST(test_what_is_no_login_is_refused),
		TEST(test_auth_is_offered_under_tls_only),
		TEST(test_no_password_stays_in_the_input),
		TEST(test_who_guesses_is_sent_away),
		TEST(test_a_megabyte_of_login_is_passed_over),
		TEST(test_a_session_may_end_while_its_login_is_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
