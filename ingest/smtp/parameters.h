/* The parameters of MAIL and RCPT, one word each, read strictly: unknown ones 555, bad values and repeated ones 501. Pure.
 *
 *   SIZE 1870 · BODY 6152, 3030 · SMTPUTF8 6531 · RET ENVID NOTIFY ORCPT 3461 · AUTH 4954 · HOLDFOR HOLDUNTIL 4865 · BY 2852 ·
 *   MT-PRIORITY 6710 · REQUIRETLS 8689                                                                       (numbers of RFCs) */
#ifndef LEVERET_INGEST_SMTP_PARAMETERS_H
#define LEVERET_INGEST_SMTP_PARAMETERS_H

#include <stdint.h>

#include "ingest/smtp/reply.h"
#include "lib/base/bytes.h"

enum smtpd_body {
	SMTPD_BODY_NOT_TOLD,
	SMTPD_BODY_7BIT,
	SMTPD_BODY_8BITMIME,
	SMTPD_BODY_BINARYMIME
};
enum smtpd_return { SMTPD_RETURN_NOT_TOLD, SMTPD_RETURN_FULL, SMTPD_RETURN_HEADERS };

#define SMTPD_PRIORITY_MAX    9
#define SMTPD_ENVELOPE_ID_MAX 100
#define SMTPD_ORIGINAL_MAX    500
#define SMTPD_SECONDS_MAX     INT64_C(999999999) /* nine digits, as RFC 4865 and 2852 have it */

struct smtpd_mail_parameters { /* borrows from the line */
	bool has_size, smtputf8, requires_tls, has_auth;
	bool has_hold, has_deliver_by, has_priority;
	bool returns_when_late; /* BY: bounce it then; otherwise only tell */
	uint64_t size;
	enum smtpd_body body;
	enum smtpd_return dsn_return;
	struct bytes envelope_id;   /* xtext */
	int64_t hold_for_s;	    /* HOLDFOR; 0 with HOLDUNTIL */
	int64_t hold_until_wall_ms; /* HOLDUNTIL; 0 with HOLDFOR */
	int64_t deliver_by_s;	    /* may be past already when it only tells */
	int priority;		    /* -9 to 9 */
};

/* RFC 3461 NOTIFY, as bits. */
enum {
	SMTPD_NOTIFY_NEVER = 1,
	SMTPD_NOTIFY_SUCCESS = 2,
	SMTPD_NOTIFY_FAILURE = 4,
	SMTPD_NOTIFY_DELAY = 8
};

struct smtpd_rcpt_parameters {	    /* borrows from the line */
	unsigned notify;	    /* 0: not told */
	struct bytes original_type; /* ORCPT: "rfc822"; none when it is absent */
	struct bytes original;	    /* xtext */
};

struct smtpd_reply smtpd_mail_parameter(struct bytes word,
					struct smtpd_mail_parameters *parameters);
struct smtpd_reply smtpd_rcpt_parameter(struct bytes word,
					struct smtpd_rcpt_parameters *parameters);

#endif
