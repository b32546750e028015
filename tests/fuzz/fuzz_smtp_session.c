/* A session with a hostile host: whatever it says, every recipient gets one outcome and the session
 * one end; mail is delivered or in doubt only when the final dot went out, and not sent only when
 * it did not. The first bytes choose how the world around behaves, the rest is what the host says.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "workers/smtp/session.h"

#define CONTENT		".mail\r\n"
#define CONTENT_ON_WIRE "..mail\r\n.\r\n"
#define RECIPIENTS	3
#define TRANSACTIONS	4

struct world {
	struct smtp_session *session;
	struct smtp_transaction transaction;
	unsigned done_counts[RECIPIENTS];
	unsigned transaction_count;
	bool is_open; /* a transaction is */
	bool wants_tls, has_ended, is_closed;
	bool tls_fails, resets, quits;
	size_t room;
	struct buf wire; /* of the transaction under way */
};

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static enum err write_bytes(void *owner, struct bytes b)
{
	struct world *world = owner;
	check(!world->is_closed && !world->wants_tls && b.len > 0);
	if (b.len > world->room)
		return E_FULL;
	world->room -= b.len;
	check(buf_append(&world->wire, b) == OK);
	return OK;
}

static void set_deadline(void *owner, int64_t delay_ms)
{
	struct world *world = owner;
	check(!world->is_closed && delay_ms >= 0);
}

static void start_tls(void *owner)
{
	struct world *world = owner;
	world->wants_tls = true;
}

static void close_io(void *owner)
{
	struct world *world = owner;
	check(world->has_ended && !world->is_closed);
	world->is_closed = true;
}

static const struct smtp_io io = {write_bytes, set_deadline, start_tls, close_io};

static const struct bytes recipients[RECIPIENTS] = {{(const uint8_t *)"a@x.example", 11},
						    {(const uint8_t *)"\nb@x.example", 12},
						    {(const uint8_t *)"c@x.example", 11}};

/* The next transaction, some time. */
static void begin(struct world *world)
{
	check(!world->is_open);
	if (!smtp_session_is_reusable(world->session) || world->transaction_count == TRANSACTIONS)
		return;
	world->transaction_count++;
	world->is_open = true;
	buf_clear(&world->wire);
	memset(world->done_counts, 0, sizeof world->done_counts);
	world->transaction = (struct smtp_transaction){
		.sender = BYTES("s@x.example"),
		.recipients = recipients,
		.recipient_count = 1 + world->transaction_count % RECIPIENTS,
		.content = BYTES(CONTENT),
	};
	smtp_session_send(world->session, &world->transaction);
}

static void on_ready(void *owner)
{
	begin(owner);
}

static bool was_sent(const struct world *world)
{
	size_t len = strlen(CONTENT_ON_WIRE);
	struct bytes wire = buf_bytes(&world->wire);
	return wire.len >= len && memcmp(wire.data + wire.len - len, CONTENT_ON_WIRE, len) == 0;
}

static void check_outcome(const struct world *world, const struct smtp_outcome *outcome)
{
	check(outcome->reply.text_len == strlen(outcome->reply.text));
	check(bytes_is_utf8(bytes_of(outcome->reply.text)));
	check((outcome->kind == SMTP_REPLIED) == (outcome->err == OK));
	check((outcome->kind == SMTP_REPLIED) == (outcome->reply.code != 0));
	if (outcome->kind == SMTP_IN_DOUBT)
		check(was_sent(world) && outcome->step == SMTP_STEP_BODY);
	if (outcome->kind == SMTP_NOT_SENT && world->is_open)
		check(!was_sent(world) ||
		      outcome->step == SMTP_STEP_RCPT); /* its round never came */
}

static void on_recipient_done(void *owner, size_t index, const struct smtp_outcome *outcome)
{
	struct world *world = owner;
	check(world->is_open && index < world->transaction.recipient_count);
	check(world->done_counts[index]++ == 0);
	check_outcome(world, outcome);
	if (outcome->kind == SMTP_REPLIED)
		check(reply_is_positive(&outcome->reply)
			      ? was_sent(world) && outcome->step == SMTP_STEP_BODY
			      : outcome->reply.code >= 400);
	if (world->quits)
		smtp_session_quit(world->session);
}

static void on_transaction_done(void *owner)
{
	struct world *world = owner;
	check(world->is_open);
	for (size_t i = 0; i < world->transaction.recipient_count; i++)
		check(world->done_counts[i] == 1);
	world->is_open = false;
	if (world->resets && smtp_session_is_reusable(world->session))
		smtp_session_resume(world->session, true);
	else
		begin(world);
}

static void on_ended(void *owner, const struct smtp_outcome *outcome)
{
	struct world *world = owner;
	check(!world->has_ended && !world->is_open);
	world->has_ended = true;
	check_outcome(world, outcome);
}

static void on_said(void *owner, enum smtp_said kind, struct bytes text)
{
	const struct world *world = owner;
	check(!world->has_ended);
	check(kind == SMTP_SAID_REPLY || !bytes_has_control(text, false));
}

static const struct smtp_session_handler handler = {
	.ready = on_ready,
	.recipient_done = on_recipient_done,
	.transaction_done = on_transaction_done,
	.ended = on_ended,
	.said = on_said,
};

static void turn(struct world *world)
{
	world->room += 50;
	if (world->wants_tls) {
		world->wants_tls = false;
		if (world->tls_fails)
			smtp_session_broken(world->session, E_TLS, "TLS handshake: no");
		else
			smtp_session_secured(world->session);
	} else {
		smtp_session_go_on(world->session);
	}
}

static void converse(struct world *world, struct bytes said, size_t piece)
{
	size_t start = 0, end = 0;
	while (end < said.len) {
		end = piece < said.len - end ? end + piece : said.len;
		size_t used = smtp_session_received(world->session,
						    bytes_from(said.data + start, end - start));
		check(used <= end - start);
		start += used;
		turn(world);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	static const struct smtp_timeouts timeouts = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	const struct smtp_session_options options = {
		.helo = "worker.example", .tls = data[0] & 3, .timeouts = &timeouts};
	struct world world = {.room = data[2],
			      .tls_fails = data[0] & 4,
			      .resets = data[0] & 8,
			      .quits = data[0] & 16};
	buf_init(&world.wire, (size_t)1 << 20);
	world.session = smtp_session_new(&options, &io, &handler, &world);
	smtp_session_watch(world.session, true);
	smtp_session_connected(world.session);
	converse(&world, bytes_from(data + 3, size - 3), 1 + (size_t)data[1]);
	if (data[0] & 32)
		smtp_session_timed_out(world.session);
	else if (data[0] & 64)
		smtp_session_quit(world.session);
	else
		smtp_session_broken(world.session, E_CLOSED, "closed by the peer");
	check(world.has_ended && world.is_closed);
	smtp_session_free(&world.session);
	buf_done(&world.wire);
	return 0;
}
