/* What can be read off the text of an SMTP reply, wherever it stands: in a session, in a Diagnostic-Code, in somebody's prose. Pure. */
#ifndef LEVERET_LIB_REPORT_REPLY_TEXT_H
#define LEVERET_LIB_REPORT_REPLY_TEXT_H

#include "lib/base/bytes.h"
#include "lib/mail/reply.h"
#include "lib/report/class.h"

struct reply_codes {
	unsigned code;		       /* 200..599; 0: none */
	struct enhanced_code enhanced; /* class 0: none */
	size_t at;		       /* where the first of both starts */
};

/* The first basic code and the enhanced code that goes with it; an enhanced code alone is found too. False when neither is there. */
bool reply_codes_find(struct bytes text, struct reply_codes *ret);
/* "in reply to RCPT TO command", "after end of data" and their like. */
enum reply_step reply_step_find(struct bytes text);
/* For phrases: lower case, one space for all white space and controls, addresses as "@", codes and continuation marks left out.
 * Returns the length, at most max. */
size_t reply_text_plain(struct bytes text, uint8_t *out, size_t max);

#endif
