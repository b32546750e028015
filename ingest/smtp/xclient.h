/* XCLIENT: a trusted filter says for whom it speaks. Attributes and values as Postfix documents them. Pure. */
#ifndef LEVERET_INGEST_SMTP_XCLIENT_H
#define LEVERET_INGEST_SMTP_XCLIENT_H

#include "ingest/smtp/reply.h"
#include "lib/base/bytes.h"
#include "lib/net/address.h"

struct smtpd_xclient {
	bool has_address; /* ADDR, other than [UNAVAILABLE] */
	struct net_address address;
};
/* NAME, ADDR, PORT, PROTO, HELO, LOGIN, DESTADDR and DESTPORT are taken, each once; only ADDR (and PORT) has an effect. */
struct smtpd_reply smtpd_xclient_parse(struct bytes arguments, struct smtpd_xclient *ret);

#endif
