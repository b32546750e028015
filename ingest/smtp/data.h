/* The bytes between DATA and its end: finds the end, takes out the dots that transparency added
 * (RFC 5321 4.5.2), and notes whatever a message must not hold. Pure; fed in pieces cut anywhere;
 * looks at long runs by memchr and copies nothing.
 *
 * Only CR LF . CR LF ends a message. One that holds a CR or LF of its own, which another server
 * might take for a line end and so read two messages in it, is read to its true end and then
 * refused: the client drops it, and nothing of it is taken for commands. */
#ifndef LEVERET_INGEST_SMTP_DATA_H
#define LEVERET_INGEST_SMTP_DATA_H

#include "ingest/smtp/reply.h"
#include "lib/mail/received.h"

struct smtpd_data {
	uint64_t bytes; /* of content, dots taken out */
	bool has_bare_cr, has_bare_lf, has_nul, has_long_line, is_too_big;
	bool may_be_binary;	   /* BINARYMIME: all of these but the last are noted only */
	bool has_8bit;		   /* a byte >= 0x80 somewhere */
	struct header_scan header; /* has seen the header section */

	/* private */
	uint64_t bytes_max;
	size_t line_max, line_bytes;
	enum { DATA_LINE_START, DATA_DOT, DATA_DOT_CR, DATA_LINE, DATA_LINE_CR } state;
};

typedef void (*smtpd_data_span)(void *owner, struct bytes span);

/* line_max counts a line's bytes without its CRLF and without an added dot. */
void smtpd_data_init(struct smtpd_data *data, uint64_t bytes_max, size_t line_max,
		     bool may_be_binary);
/* NUL, CR or LF alone were seen, or a long line where it may be binary. */
bool smtpd_data_is_binary(const struct smtpd_data *data);
/* Take bytes from the front of `in`, at the most to the end of the message; returns how many.
 * Content goes to `span`, unless the message is one to be refused already. *ret_ended is true when
 * the end was taken. */
size_t smtpd_data_feed(struct smtpd_data *data, struct bytes in, smtpd_data_span span, void *owner,
		       bool *ret_ended);
/* The same for a chunk of BDAT (RFC 3030), in which no dot means anything: takes all of it. */
void smtpd_data_feed_chunk(struct smtpd_data *data, struct bytes in, smtpd_data_span span,
			   void *owner);
/* After the last chunk: a last line without its end gets one, because we send messages on by DATA; but not what is binary, which goes on
 * as it came. */
void smtpd_data_end_chunks(struct smtpd_data *data, smtpd_data_span span, void *owner);
/* Why the message must be refused, as far as it was read. */
struct smtpd_reply smtpd_data_objection(const struct smtpd_data *data);

#endif
