/* Notices of what became of a mail, for its sender (RFC 3464, RFC 6522): written, not read; lib/report reads them. Pure. */
#ifndef LEVERET_LIB_MAIL_DSN_H
#define LEVERET_LIB_MAIL_DSN_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/mail/reply.h"

#define DSN_RECIPIENTS_MAX     100  /* told in one notice */
#define DSN_RECIPIENT_SIZE_MAX 8192 /* what a recipient takes at the most, all parts together */
#define DSN_HEADERS_MAX	       (64u << 10) /* of the header section that is returned */

enum dsn_kind {
	DSN_FAILED,    /* given up */
	DSN_DELAYED,   /* being tried still */
	DSN_RELAYED,   /* passed on to a host that tells nothing of success (RFC 3461 5.2.2) */
	DSN_DELIVERED, /* taken by the last host, or by what stands for it */
	DSN_KIND_COUNT
};
const char *dsn_kind_name(enum dsn_kind kind); /* as in the field Action: "failed" */

struct dsn_recipient { /* all may be absent, but for the address */
	struct bytes address;
	struct bytes original;	      /* ORCPT, decoded: "rfc822;ada@example.com" */
	struct enhanced_code status;  /* as we see it */
	struct enhanced_code replied; /* as the remote said it */
	unsigned code;		      /* of the remote's reply; 0: it did not speak */
	struct bytes text;	      /* of the reply, or what went wrong; UTF-8 */
	struct bytes remote_host;
	int64_t at_wall_ms;	  /* of the last attempt */
	int64_t given_up_wall_ms; /* DSN_DELAYED: until when it is tried */
};

struct dsn {
	enum dsn_kind kind;
	struct bytes hostname;	  /* of this host */
	struct bytes from;	  /* address of the notice's author */
	struct bytes to;	  /* the mail's sender */
	struct bytes id;	  /* of the notice: letters and digits */
	struct bytes envelope_id; /* ENVID, decoded */
	int64_t at_wall_ms, arrived_wall_ms;
	const struct dsn_recipient *recipients;
	size_t recipient_count; /* 1..DSN_RECIPIENTS_MAX */
	struct bytes message;	/* the mail itself; none: nothing is returned of it */
	bool is_full;		/* return all of it; else its header section, without Bcc */
};

/* The whole notice, in lines that end in CR LF. *ret_is_8bit: it holds 8-bit bytes of the mail, or of an address in its header.
 * E_FULL when `out` is. */
enum err dsn_write(const struct dsn *dsn, struct buf *out, bool *ret_is_8bit) MUST_USE;

#endif
