/* Bodies by BDAT (RFC 3030): chunk after chunk, each with its length before it, so that nothing in it need be looked for or doubled.
 *
 *   last RCPT answered -> chunk -> chunk ... all answered -> last chunk     two are on their way at once where PIPELINING is offered
 *
 * The first one waits for the answers to all RCPT, so that no body goes out for nobody. A refused chunk is the answer for all; the one
 * under way is sent to its end, since the host counts its bytes, and no further one. RSET follows. A host that does not know BDAT, though
 * it offers it, might read the chunk as commands: the session ends at once. */
#include "workers/smtp/steps.h"

#define CHUNK_BYTES ((uint64_t)256 << 10) /* and what makes its last piece whole */

bool chunks_are_wanted(const struct smtp_session *s)
{
	const struct smtp_transaction *transaction = s->mailing.transaction;
	const struct ehlo_capabilities *offers = &s->capabilities;
	if (s->is_lmtp || !offers->chunking || s->chunking == SMTP_CHUNKS_NEVER)
		return false;
	if (transaction->is_binary)
		return offers->binarymime;
	if (transaction->avoids_chunks || s->chunking == SMTP_CHUNKS_BINARY)
		return false;
	return s->chunking == SMTP_CHUNKS_ALWAYS || mailing_size(transaction) >= SMTP_LARGE_MIN;
}

bool chunks_may_go(const struct smtp_session *s)
{
	if (s->mailing.is_in_chunk)
		return true;
	if (s->mailing.chunk_count == 0 || s->mailing.is_last_chunk)
		return s->sent.count == 0; /* no earlier reply is taken for the last one's */
	return s->sent.count < (s->capabilities.pipelining ? CHUNKS_SENT_MAX : 1);
}

/* How long the next chunk is: its pieces are looked at ahead of time, as some of them stand for other bytes. */
static enum smtp_step measure(struct mailing *x)
{
	struct body ahead = x->body;
	struct bytes piece = BYTES_NONE;
	x->chunk_left = 0;
	while (x->chunk_left < CHUNK_BYTES && (piece = body_piece(&ahead)).len > 0) {
		x->chunk_left += piece.len;
		body_take_piece(&ahead);
	}
	x->is_last_chunk = body_piece(&ahead).len == 0;
	return x->is_last_chunk ? SMTP_STEP_BODY : SMTP_STEP_CHUNK;
}

enum smtp_step chunks_begin(struct mailing *x)
{
	const struct smtp_transaction *transaction = x->transaction;
	body_init(&x->body, transaction->is_binary ? BODY_BINARY : BODY_LINES, transaction->head,
		  transaction->content);
	x->chunk_count = 0;
	x->is_in_chunk = false;
	return measure(x);
}

/* ---- one chunk ---- */

static enum err begin_chunk(struct smtp_session *s)
{
	struct mailing *x = &s->mailing;
	enum err err = step_write(s, "BDAT %llu%s\r\n", (unsigned long long)x->chunk_left,
				  x->is_last_chunk ? " LAST" : "");
	if (err != OK)
		return err;
	x->is_in_chunk = true;
	x->chunk_count++;
	return OK;
}

static bool is_refused(const struct mailing *x)
{
	return x->open_count == x->later_count;
}

enum err step_send_chunk(struct smtp_session *s)
{
	struct mailing *x = &s->mailing;
	enum err err = x->is_in_chunk ? OK : begin_chunk(s);
	while (err == OK && x->chunk_left > 0) {
		struct bytes piece = body_piece(&x->body);
		err = s->io->write(s->owner, piece);
		if (err != OK)
			break;
		mailing_note_taken(s, piece.len);
		x->chunk_left -= piece.len;
		body_take_piece(&x->body);
	}
	if (err != OK)
		return err;
	x->is_in_chunk = false;
	s->next = x->is_last_chunk || is_refused(x) ? STEP_NONE : measure(x);
	return OK;
}

bool chunks_are_unknown(struct smtp_session *s, const struct reply *reply)
{
	struct smtp_outcome outcome = {.kind = SMTP_REPLIED, .step = step_now(s), .reply = *reply};
	if (!s->mailing.is_chunked || is_refused(&s->mailing) || reply->code < 500 ||
	    reply->code > 504)
		return false; /* 503 is right behind a chunk that was refused */
	outcome.wants_data = true;
	outcome.wants_lines = s->mailing.transaction->is_binary;
	step_end_session(s, &outcome);
	return true;
}

void step_on_chunk(struct smtp_session *s, const struct reply *reply)
{
	if (reply_is_positive(reply) || chunks_are_unknown(s, reply))
		return;
	mailing_refuse(s, SMTP_STEP_CHUNK, reply);
	if (!s->mailing.is_in_chunk)
		s->next = STEP_NONE;
}
