/* See fixture_smtp.h. */
#include "fixture_smtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_MAX ((size_t)64 << 20)

/* ---- what the session stands on ---- */

static enum err write_bytes(void *owner, struct bytes b)
{
	struct smtp_fixture *f = owner;
	assert_false(f->is_closed);
	if (b.len > f->room)
		return E_FULL;
	f->room -= b.len;
	return buf_append(&f->wire, b);
}

static void set_deadline(void *owner, int64_t delay_ms)
{
	struct smtp_fixture *f = owner;
	f->deadline_ms = delay_ms;
}

static void start_tls(void *owner)
{
	struct smtp_fixture *f = owner;
	f->wants_tls = true;
}

static void close_io(void *owner)
{
	struct smtp_fixture *f = owner;
	assert_int_equal(f->ended_count, 1);
	assert_false(f->is_closed);
	f->is_closed = true;
}

static const struct smtp_io io = {write_bytes, set_deadline, start_tls, close_io};

/* ---- what it tells ---- */

static const char *const kinds[] = {"replied", "not sent", "in doubt"};

static void tell(struct smtp_fixture *f, const char *what, const struct smtp_outcome *outcome)
{
	enum err err = OK;
	if (outcome)
		err = buf_printf(&f->story, "%s: %s at %s, %u %s\n", what, kinds[outcome->kind],
				 smtp_step_name(outcome->step), outcome->reply.code,
				 outcome->reply.text);
	else
		err = buf_printf(&f->story, "%s\n", what);
	assert_int_equal(err, OK);
}

static void on_ready(void *owner)
{
	struct smtp_fixture *f = owner;
	f->ready_count++;
	tell(f, "ready", NULL);
	assert_true(smtp_session_is_reusable(f->session));
	if (f->on_ready)
		f->on_ready(f);
}

static void on_recipient_done(void *owner, size_t index, const struct smtp_outcome *outcome)
{
	struct smtp_fixture *f = owner;
	assert_true(index < f->transaction.recipient_count);
	assert_int_equal(f->done_counts[index]++, 0);
	f->outcomes[index] = *outcome;
	char what[40];
	(void)snprintf(what, sizeof what, "recipient %zu", index);
	tell(f, what, outcome);
	if (f->on_recipient_done)
		f->on_recipient_done(f);
}

static void on_transaction_done(void *owner)
{
	struct smtp_fixture *f = owner;
	for (size_t i = 0; i < f->transaction.recipient_count; i++)
		assert_int_equal(f->done_counts[i], 1);
	f->transaction_done_count++;
	tell(f, "transaction", NULL);
	if (f->on_transaction_done)
		f->on_transaction_done(f);
}

static void on_ended(void *owner, const struct smtp_outcome *outcome)
{
	struct smtp_fixture *f = owner;
	f->ended_count++;
	f->ended = *outcome;
	tell(f, "ended", outcome);
}

static void on_said(void *owner, enum smtp_said kind, struct bytes text)
{
	static const char *const marks[] = {
		[SMTP_SAID_CONNECTED] = "connected",
		[SMTP_SAID_TLS] = "tls",
		[SMTP_SAID_COMMAND] = "> ",
		[SMTP_SAID_BODY] = ">> ",
		[SMTP_SAID_REPLY] = "< ",
	};
	struct smtp_fixture *f = owner;
	assert_int_equal(buf_printf(&f->said, "%s%.*s\n", marks[kind], BYTES_ARGS(text)), OK);
}

static const struct smtp_session_handler handler = {
	.ready = on_ready,
	.recipient_done = on_recipient_done,
	.transaction_done = on_transaction_done,
	.ended = on_ended,
	.said = on_said,
};

/* ---- setup ---- */

int fixture_setup(void **state)
{
	struct smtp_fixture *f = calloc(1, sizeof *f);
	if (!f)
		return -1;
	f->timeouts = (struct smtp_timeouts){.connect = 1,
					     .greeting = 2,
					     .ehlo = 3,
					     .starttls = 4,
					     .auth = 12,
					     .mail = 5,
					     .rcpt = 6,
					     .data = 7,
					     .block = 8,
					     .body = 9,
					     .rset = 10,
					     .quit = 11};
	buf_init(&f->wire, WIRE_MAX);
	buf_init(&f->story, WIRE_MAX);
	buf_init(&f->said, WIRE_MAX);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct smtp_fixture *f = *state;
	smtp_session_free(&f->session);
	buf_done(&f->wire);
	buf_done(&f->story);
	buf_done(&f->said);
	free(f);
	return 0;
}

void begin_session(struct smtp_fixture *f, enum smtp_tls tls)
{
	smtp_session_free(&f->session);
	f->room = WIRE_MAX;
	f->deadline_ms = 0;
	f->ready_count = f->transaction_done_count = f->ended_count = 0;
	f->is_closed = f->wants_tls = false;
	f->transaction = (struct smtp_transaction){.sender = BYTES("sender@x.example"),
						   .content = BYTES(DEFAULT_CONTENT)};
	memset(f->done_counts, 0, sizeof f->done_counts);
	buf_clear(&f->wire);
	buf_clear(&f->story);
	struct smtp_session_options options = f->options;
	options.helo = "worker.example";
	options.tls = (int)tls;
	options.timeouts = &f->timeouts;
	f->session = smtp_session_new(&options, &io, &handler, f);
}

void be_ready(struct smtp_fixture *f, const char *capabilities)
{
	begin_session(f, SMTP_TLS_NONE);
	smtp_session_connected(f->session);
	char reply[1000] = "250-remote.example\r\n";
	const char *rest = capabilities ? capabilities : "HELP";
	for (const char *end = rest; end; rest = end ? end + 2 : rest) {
		end = strstr(rest, "\r\n");
		size_t len = strlen(reply);
		(void)snprintf(reply + len, sizeof reply - len, "250%c%.*s%s", end ? '-' : ' ',
			       end ? (int)(end - rest) : (int)strlen(rest), rest,
			       end ? "\r\n" : "");
	}
	remote_says(f, "220 remote.example", reply);
	assert_int_equal(f->ready_count, 1);
	buf_clear(&f->wire);
}

/* ---- what tests do ---- */

static void submit_filled(struct smtp_fixture *f, size_t count)
{
	f->transaction.recipients = f->recipients;
	f->transaction.recipient_count = count;
	memset(f->done_counts, 0, sizeof f->done_counts);
	smtp_session_send(f->session, &f->transaction);
	smtp_session_go_on(f->session);
}

void submit_list(struct smtp_fixture *f, const char *const *recipients, size_t count)
{
	for (size_t i = 0; i < count; i++)
		f->recipients[i] = bytes_of(recipients[i]);
	submit_filled(f, count);
}

void submit_many(struct smtp_fixture *f, size_t count)
{
	static char texts[RECIPIENTS_MAX][40];
	assert_true(count <= RECIPIENTS_MAX);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(texts[i], sizeof texts[i], "%zu@x.example", i);
		f->recipients[i] = bytes_of(texts[i]);
	}
	submit_filled(f, count);
}

/* Memory of just the right size, so that a read past the end is seen. */
static size_t receive(struct smtp_fixture *f, struct bytes b)
{
	uint8_t *copy = malloc(b.len > 0 ? b.len : 1);
	assert_non_null(copy);
	if (b.len > 0)
		memcpy(copy, b.data, b.len);
	size_t used = smtp_session_received(f->session, bytes_from(copy, b.len));
	assert_true(used <= b.len);
	free(copy);
	return used;
}

void remote_sends(struct smtp_fixture *f, struct bytes b)
{
	size_t step = f->chunk > 0 ? f->chunk : b.len, start = 0;
	for (size_t end = step; start < b.len && end - step < b.len; end += step) {
		size_t stop = end < b.len ? end : b.len;
		start += receive(f, bytes_from(b.data + start, stop - start));
	}
}

void remote_says_list(struct smtp_fixture *f, const char *const *replies, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char line[2000];
		int len = snprintf(line, sizeof line, "%s\r\n", replies[i]);
		assert_in_range(len, 1, sizeof line - 1);
		remote_sends(f, bytes_of(line));
	}
}

void remote_hangs_up(struct smtp_fixture *f)
{
	smtp_session_broken(f->session, E_CLOSED, "closed by the peer");
}

void drain(struct smtp_fixture *f, size_t room)
{
	f->room = room;
	smtp_session_go_on(f->session);
}

/* ---- what they check ---- */

void assert_sent(struct smtp_fixture *f, const char *text)
{
	char got[8000];
	assert_true(bytes_to_cstr(buf_bytes(&f->wire), got, sizeof got));
	assert_string_equal(got, text);
	buf_clear(&f->wire);
}

const struct smtp_outcome *outcome_of(struct smtp_fixture *f, const char *recipient)
{
	for (size_t i = 0; i < f->transaction.recipient_count; i++) {
		if (!bytes_is(f->recipients[i], recipient))
			continue;
		assert_int_equal(f->done_counts[i], 1);
		return &f->outcomes[i];
	}
	assert_true(!"this is one of the recipients");
	return NULL;
}

void assert_result(struct smtp_fixture *f, const char *recipient, unsigned code)
{
	const struct smtp_outcome *outcome = outcome_of(f, recipient);
	assert_int_equal(outcome->kind, SMTP_REPLIED);
	assert_int_equal(outcome->err, OK);
	assert_int_equal(outcome->reply.code, code);
}

void assert_ended(struct smtp_fixture *f, enum smtp_outcome_kind kind, enum smtp_step step,
		  unsigned code, enum err err)
{
	assert_int_equal(f->ended_count, 1);
	assert_true(f->is_closed);
	assert_int_equal(f->deadline_ms, 0);
	assert_false(smtp_session_is_reusable(f->session));
	assert_int_equal(f->ended.kind, kind);
	assert_string_equal(smtp_step_name(f->ended.step), smtp_step_name(step));
	assert_int_equal(f->ended.reply.code, code);
	assert_string_equal(err_text(f->ended.err), err_text(err));
	assert_true(f->ended.reply.text_len > 0);
}

void assert_still_open(struct smtp_fixture *f)
{
	assert_int_equal(f->ended_count, 0);
	assert_false(f->is_closed);
}
