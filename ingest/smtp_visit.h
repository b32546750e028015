/* Inside the SMTP door: what smtp_door.c (the server's side), smtp_visit.c (who it is), smtp_envelope.c (MAIL and RCPT) and
 * smtp_content.c (the rest of a message) share, and nobody else.
 *
 * A visit is one session's side of mail: it collects a mail, hands it to acceptance, and answers when that is done. The session may
 * be lost before; then acceptance goes on, and the client, who heard nothing, will send again. */
#ifndef LEVERET_INGEST_SMTP_VISIT_H
#define LEVERET_INGEST_SMTP_VISIT_H

#include "ingest/intake.h"
#include "ingest/repair.h"
#include "ingest/smtp/server.h"
#include "ingest/smtp_door.h"
#include "lib/api/certificates.h"

struct smtp_door {
	struct smtp_door_options options;
	struct smtpd_server *server;
	struct certificates *certificates; /* NULL without TLS */
	struct quotas *addresses, *users;
	unsigned dialects; /* METADATA_... */
	unsigned repairs;  /* REPAIR_... */
};

struct visit {
	struct smtp_door *door;
	struct smtpd_session *session;
	char ip[NET_ADDRESS_SIZE];
	bool may_relay;	    /* by its address, or by its certificate */
	bool is_spoken_for; /* by a filter, with XCLIENT */
	struct net_address client;
	struct login *login;		     /* while its answer is waited for */
	struct credentials *credentials;     /* the table of `credential` */
	const struct credential *credential; /* NULL: not logged in; counted by door->users */
	struct mail *mail;		     /* of the open transaction */
	struct intake *content;		     /* while content comes */
	struct why refusal;		     /* of content, with its enhanced code */
	unsigned refusal_code;
	struct repair_meter lines;     /* of content */
	struct acceptance *acceptance; /* while its answer is waited for */
};

/* ---- smtp_visit.c; what begins with visit_on_ is an upcall, whose owner is the visit ---- */

/* May this client speak to us? The owner is the door. */
struct smtpd_reply smtp_door_objection(void *owner, const struct net_address *remote);
/* The owner is the door; returns the visit. */
void *visit_on_opened(void *owner, struct smtpd_session *session, const struct net_address *remote);
void visit_on_secured(void *owner, const char *tls_text, bool is_verified);
void visit_on_closed(void *owner); /* frees the visit */
void visit_on_login(void *owner, const struct smtpd_login *login);
struct smtpd_reply visit_on_xclient(void *owner, const struct net_address *client);
void visit_on_forget(void *owner);
void visit_on_refused(void *owner, const char *verb, struct smtpd_reply objection);

bool visit_is_known(const struct visit *visit);			      /* may it relay? */
const char *visit_protocol(const struct visit *visit, bool smtputf8); /* RFC 3848, RFC 6531 4.3 */

/* ---- smtp_envelope.c ---- */

struct smtpd_reply visit_on_sender(void *owner, const struct smtpd_mail *mail);
struct smtpd_reply visit_on_recipient(void *owner, const struct smtpd_recipient *recipient);
/* Is there somebody to keep a message? Asked before one is sent, so that it is not sent in vain. */
struct smtpd_reply visit_acceptor_objection(const struct visit *visit);

/* ---- smtp_content.c ---- */

struct smtpd_reply visit_on_data(void *owner);
enum err visit_on_content(void *owner, struct bytes span);
struct smtpd_reply visit_on_content_objection(void *owner, enum err err);
void visit_on_complete(void *owner, const struct smtpd_content *content);

#endif
