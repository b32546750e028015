/* What a mail that came back says: bounces in the standard form (RFC 3464) and in the many others, notices of delay and of success,
 * complaints (RFC 5965), wishes to unsubscribe, automatic answers. Facts only, as the mail tells them; which class of bounce they
 * make is classifier.h's, and whether to believe them is the caller's. Pure and bounded: time grows with the mail's size. */
#ifndef LEVERET_LIB_REPORT_REPORT_H
#define LEVERET_LIB_REPORT_REPORT_H

#include "lib/base/arena.h"
#include "lib/base/bytes.h"
#include "lib/mail/reply.h"
#include "lib/report/class.h"

#define REPORT_RECIPIENTS_MAX 1000	   /* further ones are left out */
#define REPORT_TEXT_MAX	      (256 * 1024) /* of a part's text that is looked at */
#define REPORT_DIAGNOSTIC_MAX 1000
#define REPORT_AROUND_MAX     4000

#define REPORT_KINDS(X)                                                                            \
	X(REPORT_UNKNOWN, "unknown")	     /* none of these */                                   \
	X(REPORT_BOUNCE, "bounce")	     /* given up */                                        \
	X(REPORT_DELAY, "delay")	     /* being tried still: no failure */                   \
	X(REPORT_SUCCESS, "success")	     /* delivered, relayed, expanded */                    \
	X(REPORT_RECEIPT, "receipt")	     /* read, or deleted unread (RFC 8098) */              \
	X(REPORT_AUTO_REPLY, "auto-reply")   /* somebody is away (RFC 3834) */                     \
	X(REPORT_CHALLENGE, "challenge")     /* wants a proof that a person sent it */             \
	X(REPORT_COMPLAINT, "complaint")     /* called spam (RFC 5965, RFC 9477) */                \
	X(REPORT_UNSUBSCRIBE, "unsubscribe") /* wants no more of it (RFC 2369) */                  \
	X(REPORT_DMARC, "dmarc-report")                                                            \
	X(REPORT_TLS, "tls-report") /* RFC 8460 */

#define REPORT_KIND_ENUM(name, text) name,
enum report_kind { REPORT_KINDS(REPORT_KIND_ENUM) REPORT_KIND_COUNT };
#undef REPORT_KIND_ENUM
const char *report_kind_name(enum report_kind kind);

enum report_action {
	ACTION_NONE,
	ACTION_FAILED,
	ACTION_DELAYED,
	ACTION_DELIVERED,
	ACTION_RELAYED,
	ACTION_EXPANDED
};
const char *report_action_name(enum report_action action); /* "" for ACTION_NONE */

/* All bytes live as long as the arena and the mail. Texts are one line, but may hold any bytes: escape them. */
struct report_recipient {
	enum report_kind kind; /* bounce, delay, success; else as the report's */
	enum report_action action;
	struct bytes address; /* to whom we sent, as far as it is told; may be empty */
	struct bytes final;   /* where it ended, when that is told too */
	struct enhanced_code status;
	unsigned code;
	struct bytes diagnostic; /* the reply, at most REPORT_DIAGNOSTIC_MAX */
	struct bytes around; /* what else is said of this recipient, at most REPORT_AROUND_MAX */
	struct bytes remote; /* host that refused it */
	enum reply_step step;
};

struct report {
	enum report_kind kind; /* of the mail; a bounce that holds delays too is a bounce */
	struct report_recipient *recipients;
	size_t count;
	struct bytes message_id;    /* of the original, without brackets */
	struct bytes original_from; /* its author or envelope sender */
	struct bytes envelope_id;   /* RFC 3461 */
	struct bytes reporter;	    /* reporting MTA, or the feedback's user agent */
	struct bytes feedback_type; /* "abuse", "opt-out"; of complaints only */
	struct bytes
		feedback_id; /* CFBL-Feedback-ID (RFC 9477), else Feedback-ID, of the original */
	bool is_cut;	     /* a limit was met: not all was read */
};

/* Never fails: what cannot be read is REPORT_UNKNOWN. */
void report_read(struct arena *arena, struct bytes mail, struct report *ret);

#endif
