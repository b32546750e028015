/* Trace headers (RFC 5321 4.4) and the few things ingest must see in a message's header section. Pure. */
#ifndef LEVERET_LIB_MAIL_RECEIVED_H
#define LEVERET_LIB_MAIL_RECEIVED_H

#include "lib/base/buf.h"

struct received {
	const char *client_helo; /* as given; controls and specials are replaced */
	const char *client_ip;	 /* without brackets; "" for a submission from the broker */
	const char *by_host;
	const char *protocol; /* ESMTP, ESMTPS, UTF8SMTP, AMQP ... (RFC 3848) */
	const char *id;
	const char *for_recipient; /* only with exactly one recipient; NULL otherwise */
	int64_t wall_ms;
};
/* One folded Received field with its final CRLF. */
enum err received_write(const struct received *received, struct buf *out) MUST_USE;

/* Counts Received fields in a header section fed in pieces (loop detection, RFC 5321 6.3), stops at the empty line. */
struct header_scan {
	unsigned received_count;
	bool is_done;
	bool has_8bit;		      /* a byte >= 0x80 in the header section */
	unsigned char state, matched; /* private */
};
void header_scan_init(struct header_scan *scan);
void header_scan_feed(struct header_scan *scan, struct bytes b);

#endif
