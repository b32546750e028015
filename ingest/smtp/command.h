/* One command line of a client, read strictly (RFC 5321 4.1, 3030, 3207, 4954). Pure functions on
 * outside bytes. */
#ifndef LEVERET_INGEST_SMTP_COMMAND_H
#define LEVERET_INGEST_SMTP_COMMAND_H

#include "ingest/smtp/parameters.h"
#include "ingest/smtp/reply.h"
#include "lib/mail/address.h"

/* RFC 5321 asks for 512 bytes and more for each extension; paths of 320 bytes and our parameters
 * fit four times over. */
#define SMTPD_LINE_MAX 2048
#define SMTPD_HELO_MAX 255

#define SMTPD_VERBS(X)                                                                             \
	X(UNKNOWN, "")                                                                             \
	X(HELO, "HELO")                                                                            \
	X(EHLO, "EHLO")                                                                            \
	X(MAIL, "MAIL")                                                                            \
	X(RCPT, "RCPT")                                                                            \
	X(DATA, "DATA")                                                                            \
	X(RSET, "RSET")                                                                            \
	X(NOOP, "NOOP")                                                                            \
	X(QUIT, "QUIT")                                                                            \
	X(VRFY, "VRFY")                                                                            \
	X(HELP, "HELP")                                                                            \
	X(STARTTLS, "STARTTLS")                                                                    \
	X(AUTH, "AUTH")                                                                            \
	X(BDAT, "BDAT")                                                                            \
	X(XCLIENT, "XCLIENT")

#define SMTPD_VERB_ENUM(verb, word) SMTPD_##verb,
enum smtpd_verb {
	SMTPD_VERBS(SMTPD_VERB_ENUM)
	/* A command of SMTP or of an extension that we do not have. */
	SMTPD_NOT_OFFERED,
	/* What follows is no command: another protocol. */
	SMTPD_FOREIGN,
};
#undef SMTPD_VERB_ENUM

struct smtpd_command { /* borrows from the line */
	enum smtpd_verb verb;
	struct bytes helo;		 /* HELO, EHLO: 1 to SMTPD_HELO_MAX printable characters */
	struct bytes arguments;		 /* XCLIENT, as written */
	struct bytes mechanism, initial; /* AUTH: not empty; "" when there is none */
	/* MAIL: may be null. RCPT: not null, its domain is empty for <postmaster>. */
	struct address path;
	struct smtpd_mail_parameters mail; /* MAIL */
	struct smtpd_rcpt_parameters rcpt; /* RCPT */
	uint64_t chunk_bytes;		   /* BDAT, at most INT64_MAX */
	bool is_last;			   /* BDAT */
};

/* `line` is without its CRLF. Always tells the verb; the rest only without objection. */
struct smtpd_reply smtpd_command_parse(struct bytes line, struct smtpd_command *ret);
const char *smtpd_verb_name(enum smtpd_verb verb); /* for logs: "MAIL", "unknown" */
/* What a line that cannot be read as a command was meant to be, by its first letters. It matters for DATA and BDAT, since what follows
 * them is a message, and for AUTH, which carries a password. */
enum smtpd_verb smtpd_command_guess(struct bytes line);

#endif
