/* What the server side answers: a code and a text that begins with the enhanced code (RFC 3463).
 * Code 0 is no objection.
 *
 * Names in this folder begin with smtpd_: workers/smtp speaks the same protocol as a client, in the
 * same program. */
#ifndef LEVERET_INGEST_SMTP_REPLY_H
#define LEVERET_INGEST_SMTP_REPLY_H

#include <stdbool.h>

struct smtpd_reply {
	unsigned code;
	const char *text; /* static, or as long as its giver says */
};

#define SMTPD_NO_OBJECTION ((struct smtpd_reply){0, ""})

static inline bool smtpd_objects(struct smtpd_reply reply)
{
	return reply.code != 0;
}

#endif
