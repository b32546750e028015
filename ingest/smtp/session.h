/* One SMTP conversation as the server (RFC 5321, 1870, 2034, 2852, 2920, 3030, 3207,
 * 3461, 4865, 4954, 6152, 6531, 6710, 8689, 9422). Knows no socket, no
 * clock, no broker: bytes and deadlines go through struct smtpd_io, what may be mailed is asked of
 * struct smtpd_handler; so tests need neither.
 *
 *   greeting -> EHLO [-> STARTTLS -> securing -> EHLO] [-> AUTH -> checking] -> ready
 *   ready -> MAIL -> RCPT... -> DATA -> content -> waiting -> ready
 *                            -> BDAT -> chunk [-> BDAT...] -> waiting -> ready
 *   any step -- QUIT, 421, timeout, hang-up --> ended, the only way out
 *
 *   waiting: for smtpd_session_answer(); checking: for smtpd_session_logged_in(); nothing is read
 *   securing: for smtpd_session_secured(); what the client said before it is forgotten, all of it
 *
 * Pipelined commands are taken one after the other, each answered before the next is looked at.
 * Whatever comes of a message, the transaction is over at its end: no MAIL or RCPT outlives it. */
#ifndef LEVERET_INGEST_SMTP_SESSION_H
#define LEVERET_INGEST_SMTP_SESSION_H

#include "ingest/smtp/command.h"
#include "ingest/smtp/data.h"
#include "ingest/smtp/login.h"
#include "ingest/smtp/xclient.h"

enum smtpd_deadline {
	SMTPD_DEADLINE_STEP,	/* for a command, or the next bytes of a message */
	SMTPD_DEADLINE_MESSAGE, /* for all of a message */
	SMTPD_DEADLINE_COUNT
};

struct smtpd_io { /* what the session stands on */
	void (*write)(void *owner, struct bytes b);
	size_t (*output_room)(void *owner); /* commands wait while it is under SMTPD_REPLY_MAX */
	/* Replaces the earlier one; 0: none. */
	void (*deadline)(void *owner, enum smtpd_deadline which, int64_t delay_ms);
	/* Go on with input that was left unread: call smtpd_session_received() soon, not from
	 * inside this. */
	void (*resume)(void *owner);
	void (*close)(void *owner); /* send what is queued, then close; the last call */
	/* Send what is queued, throw away what was received, begin TLS; then smtpd_session_secured(). */
	void (*start_tls)(void *owner);
	int64_t (*wall_ms)(void *owner);
	/* Call smtpd_session_resume() after so long; meanwhile nothing is read. */
	void (*pause)(void *owner, int64_t delay_ms);
	/* These bytes, of the input that is offered, were a password: overwrite them. */
	void (*wipe)(void *owner, struct bytes secret);
	/* The connection is this client's from now on; NULL: nobody's that is known. False: it has too many. */
	bool (*recount)(void *owner, const struct net_address *client);
};

#define SMTPD_CHUNKS_MAX 100000 /* of one message */
#define SMTPD_REPLY_MAX	 1024	/* longest reply to one command */

struct smtpd_mail { /* borrowed during the upcall */
	const struct address *sender;
	const struct smtpd_mail_parameters *parameters; /* only such as are offered */
};

struct smtpd_recipient { /* borrowed during the upcall */
	const struct address *address;
	const struct smtpd_rcpt_parameters *parameters;
};

struct smtpd_content {
	bool has_8bit; /* a byte >= 0x80 somewhere */
	bool is_binary; /* it cannot go by DATA as it is: NUL, CR or LF alone, long lines; only with BINARYMIME */
	bool has_bare_line_ends; /* of that: CR or LF alone */
	bool is_declared_binary; /* BODY=BINARYMIME: its lines may be of any length */
	unsigned hops;		 /* Received fields */
	uint64_t bytes;
};

struct smtpd_handler {
	/* Is it right? Answer by smtpd_session_logged_in(), later; the login is borrowed. */
	void (*login)(void *owner, const struct smtpd_login *login);
	/* A trusted client speaks for this one from now on; NULL: for nobody it knows. */
	struct smtpd_reply (*xclient)(void *owner, const struct net_address *client);
	/* May it be mailed? An objection's code and text are the answer; the text is copied. 530 to a sender and 554 to a recipient say that
	 * the client may not send at all, and count among its errors. */
	struct smtpd_reply (*sender)(void *owner, const struct smtpd_mail *mail);
	struct smtpd_reply (*recipient)(void *owner, const struct smtpd_recipient *recipient);
	/* Before the first byte of content, by DATA or BDAT. */
	struct smtpd_reply (*data)(void *owner);
	/* Content, dots taken out. A failure refuses the message at its end (E_FULL: no room); no
	 * further content comes. */
	enum err (*content)(void *owner, struct bytes span);
	/* The message is complete: answer it by smtpd_session_answer(), now or later. Ends the
	 * transaction, without `forget`. */
	void (*complete)(void *owner, const struct smtpd_content *content);
	/* A transaction that began with a good `sender` is over, and nothing becomes of it. */
	void (*forget)(void *owner);
	/* A refusal was sent; for logs. `objection` is the handler's own, or the protocol's. */
	void (*refused)(void *owner, const char *verb, struct smtpd_reply objection);
	/* What to say of content that failed so; text valid until the next upcall. NULL: general words. */
	struct smtpd_reply (*content_objection)(void *owner, enum err err);
};

enum smtpd_tls {
	SMTPD_TLS_NONE,
	SMTPD_TLS_OPTIONAL, /* STARTTLS is offered */
	SMTPD_TLS_REQUIRED, /* no mail without */
	SMTPD_TLS_IMPLICIT, /* from the first byte */
};

enum smtpd_auth { SMTPD_AUTH_NONE, SMTPD_AUTH_OPTIONAL, SMTPD_AUTH_REQUIRED };

struct smtpd_session_options { /* borrowed */
	const char *hostname;
	enum smtpd_tls tls;
	enum smtpd_auth auth;
	bool auth_without_tls;
	unsigned failed_logins_max;
	uint64_t message_bytes_max;
	size_t line_max; /* of a message, without CRLF; none with BINARYMIME */
	unsigned recipients_max, errors_max;
	uint64_t messages_max;
	int64_t command_ms, data_ms, message_ms;
	int64_t hold_max_s; /* FUTURERELEASE; 0: not offered */
	bool offers_requiretls;
	int64_t error_delay_ms; /* before reading on, from the fourth error of a session; 0: none */
	bool refuses_early;	/* who speaks before the greeting is sent away */
};

enum smtpd_outcome {
	SMTPD_OUTCOME_OPEN, /* not ended yet */
	SMTPD_OUTCOME_QUIT,
	SMTPD_OUTCOME_LOST, /* the client hung up */
	SMTPD_OUTCOME_TIMEOUT,
	SMTPD_OUTCOME_ERRORS, /* too many protocol errors, or one that leaves no way to go on */
	SMTPD_OUTCOME_LIMIT,  /* messages_max */
	SMTPD_OUTCOME_STOPPED,
	SMTPD_OUTCOME_TLS,    /* the handshake failed */
	SMTPD_OUTCOME_LOGINS, /* too many of them failed */
};

struct smtpd_session;
struct smtpd_session *smtpd_session_new(const struct smtpd_session_options *options,
					const struct smtpd_io *io, void *io_owner,
					const struct smtpd_handler *handler, void *owner);
/* Whom to tell, when it could not be known at birth; before smtpd_session_start(). */
void smtpd_session_set_owner(struct smtpd_session *session, void *owner);
/* Tells `forget` when a transaction is open. Says nothing to the client. */
void smtpd_session_free(struct smtpd_session **session);

void smtpd_session_allow_xclient(struct smtpd_session *session); /* before it starts */

/* From below. */
/* With SMTPD_TLS_IMPLICIT, before all: calls start_tls; smtpd_session_start() comes after
 * smtpd_session_secured(). */
void smtpd_session_start_tls(struct smtpd_session *session);
void smtpd_session_secured(struct smtpd_session *session); /* the handshake is done */
void smtpd_session_start(struct smtpd_session *session);   /* greets */
/* Returns the bytes taken from the front; the caller offers the rest again when more has come,
 * after `resume`, or when there is room for output again. Keep at least SMTPD_LINE_MAX bytes of
 * input. */
size_t smtpd_session_received(struct smtpd_session *session, struct bytes in);
void smtpd_session_resume(struct smtpd_session *session); /* after `pause` */
void smtpd_session_timed_out(struct smtpd_session *session);
void smtpd_session_lost(
	struct smtpd_session *session); /* the connection is gone; io is not called any more */

/* From above. */
void smtpd_session_answer(struct smtpd_session *session,
			  struct smtpd_reply answer); /* to `complete`, once; text copied */
/* To `login`, once; 235 lets in, 535 counts as a failure, 421 ends; text copied. */
void smtpd_session_logged_in(struct smtpd_session *session, struct smtpd_reply answer);
/* 421, as soon as no message is under way; at once, and without a word, in a handshake. */
void smtpd_session_stop(struct smtpd_session *session);

const char *smtpd_session_helo(const struct smtpd_session *session); /* "" before */
bool smtpd_session_is_extended(const struct smtpd_session *session); /* said EHLO */
bool smtpd_session_is_secured(const struct smtpd_session *session);  /* under TLS */
bool smtpd_session_was_early(const struct smtpd_session *session); /* spoke before it was greeted */
bool smtpd_session_is_logged_in(const struct smtpd_session *session);
/* For smtpd_session_answer(), smtpd_session_logged_in() or smtpd_session_resume(). */
bool smtpd_session_is_waiting(const struct smtpd_session *session);
uint64_t smtpd_session_message_count(const struct smtpd_session *session);
enum smtpd_outcome smtpd_session_outcome(const struct smtpd_session *session);
const char *smtpd_outcome_name(enum smtpd_outcome outcome); /* "quit", "timeout", ... */

#endif
