/* SMTP replies (RFC 5321 4.2, enhanced codes RFC 3463): an incremental parser for what remote hosts say, bounded against
 * endless lines and endless multi-line replies. Pure. */
#ifndef LEVERET_LIB_MAIL_REPLY_H
#define LEVERET_LIB_MAIL_REPLY_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

#define REPLY_TEXT_MAX	1000 /* further text is dropped, the reply stays valid */
#define REPLY_LINE_MAX	4096 /* a longer line is E_MALFORMED */
#define REPLY_LINES_MAX 200  /* more lines are E_MALFORMED */

struct enhanced_code {
	uint16_t class, subject, detail; /* class 0: none */
};

struct reply {
	unsigned code; /* 200..599 */
	struct enhanced_code
		enhanced; /* of the first line that has one whose class fits the code */
	/* Lines joined by '\n', without the code and without the enhanced code told above. Valid UTF-8: what is not, and controls, are
	 * replaced by '?', tabs by a space. NUL-terminated. */
	char text[REPLY_TEXT_MAX + 1];
	size_t text_len;
	unsigned line_count;
};

static inline bool reply_is_positive(const struct reply *reply)
{
	return reply->code >= 200 && reply->code < 300;
}
static inline bool reply_is_transient(const struct reply *reply)
{
	return reply->code >= 400 && reply->code < 500;
}
static inline bool reply_is_permanent(const struct reply *reply)
{
	return reply->code >= 500;
}

struct reply_parser { /* private */
	struct reply partial;
};
void reply_parser_init(struct reply_parser *parser);
/* Take whole lines from the front of `in`; *ret_used says how many bytes. OK: *ret is complete (call again for the next). E_NOT_FOUND:
 * more is needed, the unused rest included. E_MALFORMED: not SMTP; the session cannot go on. Lines may end in LF alone. */
enum err reply_parse(struct reply_parser *parser, struct bytes in, size_t *ret_used,
		     struct reply *ret) MUST_USE;

/* "4.7.1" at the start of b. */
bool enhanced_code_parse(struct bytes b, struct enhanced_code *ret);
/* "4.7.1", or "" without one; out holds at least 16. */
void enhanced_code_text(struct enhanced_code code, char out[16]);

#define EHLO_KEYWORDS_SIZE 251
/* EHLO capabilities from the reply's lines (RFC 5321 4.1.1.1). */
struct ehlo_capabilities {
	bool pipelining, starttls, eightbitmime, smtputf8, size, dsn, chunking, enhancedstatuscodes;
	bool binarymime, requiretls, mt_priority;
	bool auth_plain, auth_login;
	uint64_t size_max_bytes; /* 0: no limit told */
	/* LIMITS (RFC 9422): transactions of a session, recipients of a transaction, domains among them; 0: not told */
	uint64_t mail_max, rcpt_max, rcpt_domain_max;
	/* All keywords as they came, known or not, with commas between: "PIPELINING,SIZE". Those without room are left out. */
	char keywords[EHLO_KEYWORDS_SIZE];
};
void ehlo_parse(const struct reply *reply, struct ehlo_capabilities *ret);

#endif
