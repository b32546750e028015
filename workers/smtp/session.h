/* One SMTP conversation as a client. Knows no queue, no policy, no socket, no clock: bytes, deadlines and TLS go through
 * struct smtp_io, so that tests play the remote host in memory.
 *
 *   greeting -> ehlo [-> starttls -> ehlo] -> ready
 *   ready -> mail -> rcpt... -> data -> body -> ready     each arrow: send_x, then on_x
 *   ready -> rset -> ready                                before reuse
 *   any step -- bad reply, timeout, hang-up --> end, the only way out
 *
 * Steps that were sent wait in a queue for their replies, so pipelining adds no states. */
#ifndef LEVERET_WORKERS_SMTP_SESSION_H
#define LEVERET_WORKERS_SMTP_SESSION_H

#include "lib/mail/reply.h"
#include "workers/smtp/timeouts.h"

/* step, what it is called in results, timeout setting, outcome when the session breaks at it */
#define SMTP_STEPS(X)                                        \
	X(CONNECT, "connect", connect, SMTP_NOT_SENT)        \
	X(GREETING, "greeting", greeting, SMTP_NOT_SENT)     \
	X(EHLO, "ehlo", ehlo, SMTP_NOT_SENT)                 \
	X(STARTTLS, "starttls", starttls, SMTP_NOT_SENT)     \
	X(MAIL, "mail", mail, SMTP_NOT_SENT)                 \
	X(RCPT, "rcpt", rcpt, SMTP_NOT_SENT)                 \
	X(DATA, "data", data, SMTP_NOT_SENT)                 \
	X(BODY, "body", body, SMTP_IN_DOUBT)                 \
	X(RSET, "rset", rset, SMTP_NOT_SENT)                 \
	X(QUIT, "quit", quit, SMTP_NOT_SENT)

#define SMTP_STEP_ENUM(step, name, timeout, broken) SMTP_STEP_##step,
enum smtp_step { SMTP_STEPS(SMTP_STEP_ENUM) SMTP_STEP_COUNT };
#undef SMTP_STEP_ENUM
const char *smtp_step_name(enum smtp_step step);

/* What a transaction did for one recipient. */
enum smtp_outcome_kind {
	SMTP_REPLIED,  /* `reply` decides: 2xx after the body is delivery, 4xx and 5xx at any step are the remote's answer */
	SMTP_NOT_SENT, /* no answer, and the remote cannot have taken the mail */
	SMTP_IN_DOUBT, /* no answer, and the remote may have taken it: the final dot was sent */
};
struct smtp_outcome {
	enum smtp_outcome_kind kind;
	enum smtp_step step;
	struct reply reply; /* SMTP_REPLIED; otherwise code 0 and text says what went wrong */
};

struct smtp_transaction { /* borrowed until transaction_done */
	struct bytes sender; /* without brackets */
	const struct bytes *recipients;
	size_t recipient_count;
	bool smtputf8, eightbit;
	struct bytes content; /* CRLF lines; the session stuffs dots and adds a final CRLF if missing */
};

struct smtp_io { /* what the session stands on; `owner` of the session is passed back */
	enum err (*write)(void *owner, struct bytes b); /* E_FULL: output full, go on after session_drained() */
	void (*deadline)(void *owner, int64_t delay_ms); /* replaces the earlier one; 0: none */
	void (*start_tls)(void *owner); /* then smtp_session_secured(), or smtp_session_broken() */
	void (*close)(void *owner);     /* after `ended`: send what is queued, then close */
};
struct smtp_session_handler {
	void (*ready)(void *owner); /* a transaction may begin: after the handshake, and after each reset */
	void (*recipient_done)(void *owner, size_t index, const struct smtp_outcome *outcome); /* once per recipient, any order */
	void (*transaction_done)(void *owner); /* after every recipient_done */
	/* The session is over. Open recipients got their recipient_done (and transaction_done) before. `outcome` says at which step and why, as a
	 * recipient's outcome would; a clean end (we said QUIT, or the idle remote hung up) has kind SMTP_REPLIED and code 221. */
	void (*ended)(void *owner, const struct smtp_outcome *outcome);
};
struct smtp_session_options {
	const char *helo;
	int tls; /* index of site.def's tls: none, opportunistic, required, verified */
	const struct smtp_timeouts *timeouts;
};

struct smtp_session;
struct smtp_session *smtp_session_new(const struct smtp_session_options *options, const struct smtp_io *io,
				      const struct smtp_session_handler *handler, void *owner);
void smtp_session_free(struct smtp_session **session);

/* From below. */
void smtp_session_connected(struct smtp_session *session);
size_t smtp_session_received(struct smtp_session *session, struct bytes in); /* returns bytes consumed */
void smtp_session_drained(struct smtp_session *session);
void smtp_session_secured(struct smtp_session *session);
void smtp_session_timed_out(struct smtp_session *session);
void smtp_session_broken(struct smtp_session *session, enum err err, const char *text); /* hang-up, TLS failure */

/* From above. */
void smtp_session_send(struct smtp_session *session, const struct smtp_transaction *transaction); /* only when ready */
void smtp_session_reset(struct smtp_session *session); /* RSET before reuse; `ready` again when answered */
void smtp_session_quit(struct smtp_session *session);
const struct ehlo_capabilities *smtp_session_capabilities(const struct smtp_session *session);
/* False after a reply that says the session is not to be used again: 421, protocol errors, a broken step (CLIENT-RULES 3.1). */
bool smtp_session_is_reusable(const struct smtp_session *session);

#endif
