/* One SMTP conversation as a client. Knows no queue, no policy, no socket, no clock: bytes, deadlines and TLS go through
 * struct smtp_io, so that tests play the remote host in memory.
 *
 *   greeting -> ehlo [-> starttls -> ehlo] [-> auth...] -> ready
 *   ready -> mail -> rcpt... -> data -> body -> ready     each arrow: send_x, then on_x
 *   rcpt... -> chunk... -> body -> ready                  by BDAT (chunks.c); the last chunk is the body
 *   body -> body ...                                      LMTP: a reply for each accepted recipient
 *   any step -- bad reply, timeout, hang-up --> end, the only way out
 *
 * Steps that were sent wait in a queue for their replies, so pipelining adds no states. A transaction that ended before its body
 * leaves the remote with an open one: the next begins with RSET. So does the first after a long idle time, where RSET tries whether the
 * remote is still there. After a body the remote has nothing to forget, and no RSET is sent. */
#ifndef LEVERET_WORKERS_SMTP_SESSION_H
#define LEVERET_WORKERS_SMTP_SESSION_H

#include "lib/mail/reply.h"
#include "workers/smtp/timeouts.h"
#include "workers/tls/demand.h"

/* step, what it is called in results, time limit, outcome when the session breaks while it waits for its reply,
 * what sends it and what takes its reply (NULL: nothing does) */
#define SMTP_STEPS(X)                                                                              \
	X(CONNECT, "connect", connect, SMTP_NOT_SENT, NULL, NULL)                                  \
	X(GREETING, "greeting", greeting, SMTP_NOT_SENT, NULL, step_on_greeting)                   \
	X(EHLO, "ehlo", ehlo, SMTP_NOT_SENT, step_send_ehlo, step_on_ehlo)                         \
	X(STARTTLS, "starttls", starttls, SMTP_NOT_SENT, step_send_starttls, step_on_starttls)     \
	X(AUTH, "auth", auth, SMTP_NOT_SENT, step_send_auth, step_on_auth)                         \
	X(MAIL, "mail", mail, SMTP_NOT_SENT, step_send_mail, step_on_mail)                         \
	X(RCPT, "rcpt", rcpt, SMTP_NOT_SENT, step_send_rcpt, step_on_rcpt)                         \
	X(DATA, "data", data, SMTP_NOT_SENT, step_send_data, step_on_data)                         \
	X(CHUNK, "bdat", block, SMTP_NOT_SENT, step_send_chunk, step_on_chunk)                     \
	X(BODY, "body", body, SMTP_IN_DOUBT, step_send_body, step_on_body)                         \
	X(RSET, "rset", rset, SMTP_NOT_SENT, step_send_rset, step_on_rset)                         \
	X(QUIT, "quit", quit, SMTP_NOT_SENT, NULL, NULL)

#define SMTP_STEP_ENUM(step, ...) SMTP_STEP_##step,
enum smtp_step { SMTP_STEPS(SMTP_STEP_ENUM) SMTP_STEP_COUNT };
#undef SMTP_STEP_ENUM
const char *smtp_step_name(enum smtp_step step);

/* What a transaction did for one recipient. */
enum smtp_outcome_kind {
	/* `reply` decides: 2xx after the body is delivery, 4xx and 5xx at any step are the remote's answer */
	SMTP_REPLIED,
	/* no answer, and the remote cannot have taken the mail */
	SMTP_NOT_SENT,
	/* no answer, and the remote may have taken it: the final dot was sent */
	SMTP_IN_DOUBT,
};
struct smtp_outcome {
	enum smtp_outcome_kind kind;
	enum smtp_step step;
	/* Why there is no answer: E_TIMEOUT, E_CLOSED, E_IO, E_TLS (handshake), E_MALFORMED (what came is not SMTP),
	 * E_REFUSED (STARTTLS or AUTH that must be, RSET). OK when SMTP_REPLIED. */
	enum err err;
	bool wants_seven_bit; /* it was not asked: the host does not offer 8BITMIME, and the mail needs it */
	bool wants_lines; /* the same of BINARYMIME; or the host offers it, and does not know BDAT: nothing was sent */
	bool wants_data; /* the host offers CHUNKING, and does not know BDAT: nothing was sent */
	bool passes_dsn, is_last_host; /* of a delivery: it offers DSN; it spoke LMTP */
	struct reply reply; /* SMTP_REPLIED; otherwise code 0 and text says what went wrong */
};

/* What the sender asked for; told to hosts that offer to know it. */
enum smtp_return { SMTP_RETURN_UNSAID, SMTP_RETURN_FULL, SMTP_RETURN_HEADERS };
struct smtp_mail_wishes {
	struct bytes envelope_id; /* RFC 3461 ENVID, decoded */
	enum smtp_return dsn_return;
	uint32_t priority; /* RFC 6710: 1 to 19 for -9 to 9; 0: not told */
};
#define SMTP_NOTIFY_NEVER   1u
#define SMTP_NOTIFY_SUCCESS 2u
#define SMTP_NOTIFY_FAILURE 4u
#define SMTP_NOTIFY_DELAY   8u
struct smtp_recipient_wishes {
	uint32_t notify;       /* SMTP_NOTIFY_... bits; 0: not told */
	struct bytes original; /* RFC 3461 ORCPT, decoded: "rfc822;ada@example.com" */
};

/* Borrowed until transaction_done. What this remote host cannot take is answered here, as SMTP_REPLIED at MAIL, because asking
 * it would change nothing: 554 5.6.3 for 8-bit content that needs 8BITMIME, and for binary content that needs BINARYMIME, 552 5.3.4 for a message over its SIZE limit, where it does not offer SMTPUTF8 553 5.6.7 for an address and 554 5.6.9 for a header that need it (downgrade.h), 553 5.1.3 or
 * 5.1.7 for an address that cannot be put into a command. */
struct smtp_transaction {
	struct bytes sender; /* without brackets */
	const struct bytes *recipients;
	size_t recipient_count; /* at least 1 */
	bool smtputf8;		/* a header may need it; addresses are looked at by the session */
	bool eightbit; /* told to hosts that offer 8BITMIME; others get the content as it is */
	struct smtp_mail_wishes wishes;
	bool require_tls; /* told to the host; only for a session that requires REQUIRETLS */
	const struct smtp_recipient_wishes *recipient_wishes; /* one for each; NULL: none */
	bool is_binary;	    /* BINARYMIME (RFC 3030): for hosts that offer it with CHUNKING only */
	bool avoids_chunks; /* DATA, though it could go by BDAT */
	bool needs_eightbitmime; /* 8-bit content, not for hosts that do not offer 8BITMIME */
	struct bytes head;	 /* goes before the content: whole lines, or none */
	struct bytes content;	 /* CRLF lines; dots, final CRLF and stray CR or LF: see body.h */
};

/* What the session stands on; `owner` of the session is passed back. */
struct smtp_io {
	/* All or nothing. E_FULL: smtp_session_go_on() comes when there is room. */
	enum err (*write)(void *owner, struct bytes b);
	/* Replaces the earlier one; 0: none. */
	void (*deadline)(void *owner, int64_t delay_ms);
	/* Later, smtp_session_secured() or smtp_session_broken(). */
	void (*start_tls)(void *owner);
	/* After `ended`: send what is queued, then close. */
	void (*close)(void *owner);
};

/* What is told to whoever watches a session. */
enum smtp_said {
	SMTP_SAID_CONNECTED,
	SMTP_SAID_TLS, /* version, cipher and certificate */
	SMTP_SAID_COMMAND,
	SMTP_SAID_BODY, /* it is sent: its size */
	SMTP_SAID_REPLY,
};

struct smtp_session_handler {
	/* A transaction may begin: after the handshake, and after each resumption. */
	void (*ready)(void *owner);
	/* Once per recipient, in any order, as soon as it is known. */
	void (*recipient_done)(void *owner, size_t index, const struct smtp_outcome *outcome);
	/* After every recipient_done. The next transaction may begin if the session is reusable. */
	void (*transaction_done)(void *owner);
	/* The session is over. Open recipients got their recipient_done (and transaction_done) before. `outcome` says at which
	 * step and why, as a recipient's outcome would; a clean end (we said QUIT, or the idle remote hung up) has kind
	 * SMTP_REPLIED and code 221. */
	void (*ended)(void *owner, const struct smtp_outcome *outcome);
	/* While it is watched, in the order of the wire; `text` is a line without its end, as the remote sent it, or as we did but for
	 * secrets. Nothing may be asked for inside it. NULL: nobody watches. */
	void (*said)(void *owner, enum smtp_said kind, struct bytes text);
};

/* Which mail goes by BDAT to hosts that offer CHUNKING; as sites.chunking counts them. */
enum smtp_chunking {
	SMTP_CHUNKS_NEVER,
	SMTP_CHUNKS_BINARY,
	SMTP_CHUNKS_LARGE,
	SMTP_CHUNKS_ALWAYS,
};
#define SMTP_LARGE_MIN ((size_t)256 << 10) /* bytes of a message */

struct smtp_session_options {
	const char *helo; /* copied */
	int tls;	  /* enum smtp_tls */
	const struct smtp_timeouts *timeouts;
	bool is_lmtp;	       /* RFC 2033 */
	bool has_implicit_tls; /* TLS before the greeting */
	/* Only hosts that offer REQUIRETLS (RFC 8689) under TLS: others end the session with 550 5.7.30. */
	bool requires_requiretls;
	const char *user, *password; /* borrowed; NULL or "": no login */
	bool may_auth_in_clear;
	enum smtp_chunking chunking;
};

struct smtp_session;
struct smtp_session *smtp_session_new(const struct smtp_session_options *options,
				      const struct smtp_io *io,
				      const struct smtp_session_handler *handler, void *owner);
void smtp_session_free(struct smtp_session **session); /* not inside an upcall */

/* From below. Upcalls come only from inside these. */
void smtp_session_connected(struct smtp_session *session);
/* Returns bytes consumed: whole lines. Bytes behind a reply that starts TLS count as consumed: they are thrown away. */
size_t smtp_session_received(struct smtp_session *session, struct bytes in);
/* The output has room again, or something was asked for from above. */
void smtp_session_go_on(struct smtp_session *session);
void smtp_session_secured(struct smtp_session *session);
void smtp_session_timed_out(struct smtp_session *session);
/* Hang-up, failure to connect, TLS failure. */
void smtp_session_broken(struct smtp_session *session, enum err err, const char *text);
/* End without waiting: QUIT if idle, else just close. Also inside upcalls. */
void smtp_session_quit(struct smtp_session *session);

/* From above. What is asked for begins when the upcall it is asked in has returned, or else with smtp_session_go_on(). */
void smtp_session_send(struct smtp_session *session,
		       const struct smtp_transaction *transaction); /* only when reusable */
/* After an idle time: `ready` comes again. A remote that turns out to be gone before it has answered anything ends the session with
 * SMTP_NOT_SENT: nothing is lost. `is_tried`: with RSET before the next MAIL. Only when reusable. */
void smtp_session_resume(struct smtp_session *session, bool is_tried);
/* `said` comes from now on, or no more. */
void smtp_session_watch(struct smtp_session *session, bool is_watched);
/* The step whose reply is waited for, or what a failure now would be told of. */
enum smtp_step smtp_session_step(const struct smtp_session *session);
const struct ehlo_capabilities *smtp_session_capabilities(const struct smtp_session *session);
/* A transaction may begin, and no reply said that the session is not to be used again: false before `ready`, within a
 * transaction, and after 421, replies about syntax and order (x0z, 555), and broken steps. */
bool smtp_session_is_reusable(const struct smtp_session *session);

#endif
