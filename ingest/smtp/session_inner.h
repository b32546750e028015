/* Inside a session: shared by session.c (its states and entry points), session_commands.c, session_auth.c, session_mail.c (a
 * transaction and its content) and nobody else. */
#ifndef LEVERET_INGEST_SMTP_SESSION_INNER_H
#define LEVERET_INGEST_SMTP_SESSION_INNER_H

#include "ingest/smtp/session.h"

enum smtpd_state {
	STATE_NEW,	/* not greeted yet */
	STATE_SECURING, /* for smtpd_session_secured(); nothing is said */
	STATE_COMMAND,
	STATE_LOGIN,	/* a line of an AUTH exchange */
	STATE_CHECKING, /* for smtpd_session_logged_in(); nothing is read */
	STATE_CONTENT,
	STATE_CHUNK,   /* the bytes of a BDAT, taken or thrown away */
	STATE_PAUSED,  /* for smtpd_session_resume(); nothing is read */
	STATE_WAITING, /* for smtpd_session_answer(); nothing is read */
	STATE_ENDED
};

struct smtpd_session {
	const struct smtpd_session_options *options;
	const struct smtpd_io *io;
	void *io_owner;
	const struct smtpd_handler *handler;
	void *owner;
	enum smtpd_state state;
	enum smtpd_outcome outcome;
	char helo[SMTPD_HELO_MAX + 1];
	bool may_xclient, is_greeted, is_extended, is_secured, was_early, is_stopping;

	/* the transaction */
	bool has_sender, smtputf8, is_binary;
	bool has_chunks, chunk_is_last;
	struct smtpd_reply chunk_objection; /* its bytes are thrown away */
	uint64_t chunk_left;
	unsigned chunk_count;
	unsigned recipient_count;
	enum err content_err;
	struct smtpd_data data;

	/* a line that was refused before its end: it is passed over up to its CRLF */
	bool is_skipping, skipped_cr;

	enum { LOGIN_PLAIN, LOGIN_NAME, LOGIN_PASSWORD } login_step;
	char *login_name; /* between the two lines of LOGIN; NULL otherwise */
	bool is_logged_in;

	unsigned error_count, failed_login_count;
	uint64_t message_count;
};

/* ---- session.c ---- */

void smtpd_say(struct smtpd_session *s, unsigned code, const char *text);
void smtpd_deadline(struct smtpd_session *s, enum smtpd_deadline which, int64_t delay_ms);
void smtpd_end(struct smtpd_session *s, enum smtpd_outcome outcome);
/* A refusal by policy: the client did nothing wrong, and a list with many bad recipients must not cost it the connection. */
void smtpd_refuse(struct smtpd_session *s, enum smtpd_verb verb, struct smtpd_reply objection);
/* A refusal by protocol: who goes on like that is sent away. */
void smtpd_refuse_error(struct smtpd_session *s, enum smtpd_verb verb, unsigned code,
			const char *text);
void smtpd_greet(struct smtpd_session *s);
void smtpd_secure(struct smtpd_session *s);
void smtpd_go_on(struct smtpd_session *s); /* to the next command */

/* ---- session_commands.c ---- */

/* has_more: bytes of the client stand behind the line already. */
void smtpd_take_command(struct smtpd_session *s, struct bytes line, bool has_more);
/* A line that is no command. What stands behind one that was meant to begin a message is that message: there is no way to go on. */
void smtpd_refuse_line(struct smtpd_session *s, enum smtpd_verb verb, struct smtpd_reply objection,
		       bool has_more);

/* ---- session_auth.c ---- */

void smtpd_on_auth(struct smtpd_session *s, const struct smtpd_command *command, bool has_more);
void smtpd_take_login_line(struct smtpd_session *s, struct bytes line);
void smtpd_end_login(struct smtpd_session *s); /* an exchange that is not over */

/* ---- session_mail.c ---- */

void smtpd_on_mail(struct smtpd_session *s, const struct smtpd_command *command, bool has_more);
void smtpd_on_rcpt(struct smtpd_session *s, const struct smtpd_command *command, bool has_more);
void smtpd_on_data(struct smtpd_session *s, const struct smtpd_command *command, bool has_more);
void smtpd_on_bdat(struct smtpd_session *s, const struct smtpd_command *command, bool has_more);
void smtpd_forget_transaction(struct smtpd_session *s);
/* Bytes of content from the front of the input; returns how many were taken. */
size_t smtpd_take_content(struct smtpd_session *s, struct bytes in);
size_t smtpd_take_chunk(struct smtpd_session *s, struct bytes in);

#endif
