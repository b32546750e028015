/* What a client sends after AUTH (RFC 4954): PLAIN (RFC 4616) and the older LOGIN. Pure functions on outside bytes. */
#ifndef LEVERET_INGEST_SMTP_LOGIN_H
#define LEVERET_INGEST_SMTP_LOGIN_H

#include "ingest/smtp/reply.h"
#include "lib/base/bytes.h"

#define SMTPD_LOGIN_NAME_MAX	 255
#define SMTPD_LOGIN_PASSWORD_MAX 511
#define SMTPD_LOGIN_TEXT_MAX	 1100 /* decoded: two names, a password, two NULs */

struct smtpd_login {
	struct bytes name,
		password; /* UTF-8 without controls; any bytes but NUL. Neither is empty */
};

/* Base 64, strictly: no other characters, right padding, unused bits zero. "=" alone is nothing. The result is in `out`. */
struct smtpd_reply smtpd_login_decode(struct bytes text, uint8_t out[SMTPD_LOGIN_TEXT_MAX],
				      struct bytes *ret);
/* PLAIN: [authorisation] NUL name NUL password; who authorises for another one is refused. Borrows. */
struct smtpd_reply smtpd_login_split(struct bytes plain, struct smtpd_login *ret);
struct smtpd_reply smtpd_login_check(const struct smtpd_login *login); /* limits, as above */

#endif
