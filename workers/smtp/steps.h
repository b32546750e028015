/* Inside workers/smtp: what one conversation remembers, and what its files ask of each other. session.c has the queue, the
 * ends and the way in; handshake.c and transaction.c have each step as step_send_x directly above step_on_x.
 *
 * A sender writes its step and says what comes next; a handler says what comes next, or ends the session. Neither makes the
 * next thing happen: session.c does, when all replies at hand were taken, so that a reply to what was not asked is seen. */
#ifndef LEVERET_WORKERS_SMTP_STEPS_H
#define LEVERET_WORKERS_SMTP_STEPS_H

#include "lib/mail/address.h"
#include "workers/smtp/body.h"
#include "workers/smtp/session.h"

#define STEPS_SENT_MAX	    64 /* commands that may wait for their replies at once */
#define CHUNKS_SENT_MAX	    2  /* of them, of a body's */
#define STEP_NONE	    SMTP_STEP_COUNT
#define COMMAND_MAX	    2048 /* longest command with its CRLF */
#define MAIL_PARAMETERS_MAX 600	 /* ENVID: at most 100 characters of xtext, RFC 3461 4.4 */
#define RCPT_PARAMETERS_MAX 600	 /* ORCPT: at most 500, 4.2 */

struct step_queue { /* sent and not answered, in order */
	uint8_t steps[STEPS_SENT_MAX];
	size_t first, count;
};

enum recipient_state {
	RECIPIENT_OPEN,
	RECIPIENT_ACCEPTED, /* RCPT was; the rest of the transaction decides */
	RECIPIENT_LATER,    /* waits for the next round */
	RECIPIENT_DONE,	    /* has its outcome */
	RECIPIENT_SKIPPED,  /* has its outcome, and no RCPT is sent for it */
};

/* The message under way: one transaction, or several rounds of them. */
struct mailing {
	const struct smtp_transaction *transaction; /* NULL: none */
	bool has_begun;
	bool needs_smtputf8;
	uint8_t *states;	/* enum recipient_state of each recipient */
	size_t asked, answered; /* recipients up to these had their RCPT sent, its reply taken */
	size_t accepted_count;
	size_t open_count;  /* without outcome: accepted ones and later ones too */
	size_t later_count; /* of them, those that are not of this round */
	size_t round_count;
	struct body body;
	int64_t taken_bytes; /* of it, since the deadline began anew */
	bool is_chunked;     /* it goes by BDAT */
	size_t chunk_count;  /* chunks that were begun */
	bool is_in_chunk;    /* its command was sent, and not all of its bytes */
	uint64_t chunk_left; /* bytes of it that were not sent */
	bool is_last_chunk;  /* the one that was begun last */
};

struct smtp_session {
	char *helo;
	int tls;
	const struct smtp_timeouts *timeouts;
	const struct smtp_io *io;
	const struct smtp_session_handler *handler;
	void *owner;

	enum smtp_chunking chunking;
	bool is_lmtp, has_implicit_tls, requires_requiretls, may_auth_in_clear;
	const char *user, *password; /* NULL: no login */
	unsigned auth_round;	     /* lines of the login that were sent */

	struct reply_parser parser;
	struct ehlo_capabilities capabilities;
	struct step_queue sent;
	enum smtp_step next; /* goes out as soon as it may; STEP_NONE: nothing to send */
	struct mailing mailing;
	uint64_t mail_count; /* MAIL commands in this session */

	bool is_connected, is_securing, is_secured;
	bool speaks_helo; /* EHLO was refused */
	bool is_ready;	  /* handshake done */
	bool is_untried;  /* it was idle, and nothing was answered since */
	bool must_tell_ready;
	bool is_remote_open; /* the remote has a transaction that must be RSET before the next */
	bool is_spoiled;     /* a reply says not to use the session again */
	bool has_progress;   /* the deadline is to begin anew */
	bool is_busy;	     /* inside an entry point */
	bool is_watched;
	bool has_ended;
};

/* session.c */
enum err step_write(struct smtp_session *session, const char *format, ...) MUST_USE
	PRINTF_LIKE(2, 3);
/* The step that a failure now would be told of. */
enum smtp_step step_now(const struct smtp_session *session);
/* The step under way gets one more reply. */
void step_expect_more(struct smtp_session *session);

/* The host takes no further transaction in this session (RFC 9422). */
bool session_is_used_up(const struct smtp_session *session);

/* endings.c */
void step_end_session(struct smtp_session *session, const struct smtp_outcome *outcome);
/* Says QUIT first. */
void step_end_with_quit(struct smtp_session *session, const struct smtp_outcome *outcome);
/* No answer: whether the mail may have been taken depends on what was sent. */
void step_fail(struct smtp_session *session, enum err err, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* A reply that decides about the session or its mail: some codes say that the session is not to be used again. */
void step_note_refusal(struct smtp_session *session, const struct reply *reply);
/* What the step under way was told; and an end without a failure, and why. */
void step_end_by_reply(struct smtp_session *session, const struct reply *reply);
void step_end_cleanly(struct smtp_session *session, const char *text);
void outcome_say(struct smtp_outcome *outcome, const char *format, ...) PRINTF_LIKE(2, 3);

/* chunks.c: bodies by BDAT. */
bool chunks_are_wanted(const struct smtp_session *session);
/* The next chunk may go out, as far as replies that are waited for matter. */
bool chunks_may_go(const struct smtp_session *session);
enum smtp_step
chunks_begin(struct mailing *mailing); /* behind the last recipient: what comes next */
/* The host does not know BDAT, as it says: the session has ended. */
bool chunks_are_unknown(struct smtp_session *session, const struct reply *reply);

/* said.c: for whoever watches; only while somebody does. */
void said_command(struct smtp_session *session, struct bytes command);
void said_replies(struct smtp_session *session, struct bytes lines);
void said_body(struct smtp_session *session);

/* handshake.c */
void handshake_end_without(struct smtp_session *session, enum smtp_step step, const char *format,
			   ...) PRINTF_LIKE(3, 4);
void handshake_refused(struct smtp_session *session, const struct reply *reply);
void handshake_done(struct smtp_session *session);

/* login.c: what comes after the last EHLO where there is a user. */
void login_begin(struct smtp_session *session);
/* What a host repeats of our password is in no log, result or tap. */
bool login_is_repeated(const struct smtp_session *session, struct bytes text);
void login_hide(const struct smtp_session *session, struct reply *reply);

/* mailing.c */
void mailing_begin(struct smtp_session *session);
/* The next round, when this one has an outcome for all of its recipients and others wait. */
void mailing_go_on(struct smtp_session *session);
/* Every recipient without an outcome gets this one; those whose round has not come were not sent. */
void mailing_decide(struct smtp_session *session, const struct smtp_outcome *outcome);
/* What a reply to MAIL, DATA or the body means for the round; to RCPT for one. */
void mailing_deliver(struct smtp_session *session, const struct reply *reply);
void mailing_answer_next(struct smtp_session *session,
			 const struct reply *reply); /* LMTP: to the body, for one */
void mailing_refuse(struct smtp_session *session, enum smtp_step step, const struct reply *reply);
void mailing_refuse_one(struct smtp_session *session, size_t index, const struct reply *reply);
bool mailing_may_wait(const struct smtp_session *session); /* a recipient for the next round */
/* Tells transaction_done; nothing without a transaction. */
void mailing_done(struct smtp_session *session);
void mailing_note_taken(struct smtp_session *session, size_t count); /* bytes of the body */
/* The first recipient of the round from `index` on. */
size_t mailing_next(const struct mailing *mailing, size_t index);
/* An address as the host is told of it, once the transaction has begun. */
const char *mailing_path(const struct smtp_session *session, struct bytes text,
			 char out[ADDRESS_MAX + 1]);
size_t mailing_size(const struct smtp_transaction *transaction);

/* parameters.c: with a space in front of each. */
void mail_parameters(const struct mailing *mailing, const struct ehlo_capabilities *offers,
		     char out[MAIL_PARAMETERS_MAX]);
void rcpt_parameters(const struct mailing *mailing, size_t index,
		     const struct ehlo_capabilities *offers, char out[RCPT_PARAMETERS_MAX]);

/* The rows of SMTP_STEPS. Senders: OK when all of the step is in the output; else they are called again. */
enum err step_send_ehlo(struct smtp_session *session) MUST_USE;
enum err step_send_starttls(struct smtp_session *session) MUST_USE;
enum err step_send_auth(struct smtp_session *session) MUST_USE;
enum err step_send_mail(struct smtp_session *session) MUST_USE;
enum err step_send_rcpt(struct smtp_session *session) MUST_USE;
enum err step_send_data(struct smtp_session *session) MUST_USE;
enum err step_send_chunk(struct smtp_session *session) MUST_USE;
enum err step_send_body(struct smtp_session *session) MUST_USE;
enum err step_send_rset(struct smtp_session *session) MUST_USE;
void step_on_greeting(struct smtp_session *session, const struct reply *reply);
void step_on_ehlo(struct smtp_session *session, const struct reply *reply);
void step_on_starttls(struct smtp_session *session, const struct reply *reply);
void step_on_auth(struct smtp_session *session, const struct reply *reply);
void step_on_mail(struct smtp_session *session, const struct reply *reply);
void step_on_rcpt(struct smtp_session *session, const struct reply *reply);
void step_on_data(struct smtp_session *session, const struct reply *reply);
void step_on_chunk(struct smtp_session *session, const struct reply *reply);
void step_on_body(struct smtp_session *session, const struct reply *reply);
void step_on_rset(struct smtp_session *session, const struct reply *reply);

#endif
