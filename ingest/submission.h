/* From the bytes of a submission to a mail that acceptance can publish. Pure, but for suppressions
 * asked and spool files. */
#ifndef LEVERET_INGEST_SUBMISSION_H
#define LEVERET_INGEST_SUBMISSION_H

#include "ingest/mail.h"
#include "ingest/mailerq/settings.h"

struct submission_source { /* how a message was published */
	struct bytes body;
	const char *content_type, *content_encoding, *message_id;
	const struct mailerq_settings *mailerq; /* it is MailerQ's JSON; NULL: a Submission */
};

struct submission_rules {
	const struct routing *routing;
	size_t line_max;	   /* of content */
	size_t memory_per_message; /* more waits in a file in `spool` */
	const char *spool;
	int64_t wall_ms;
	/* OK: the address may not be mailed. E_NOT_FOUND: it may. Anything else: nobody can tell
	 * now. */
	enum err (*is_suppressed)(void *owner, struct mail *mail, struct bytes address);
	void *owner;
};

/* For a submission that was refused, whatever is wrong with it: a mail without content whose recipients, as far as they can be read,
 * get a result with the reason. NULL when none can be read. */
struct mail *submission_refusal(const struct submission_source *source,
				const struct submission_rules *rules, const char *reason);

/* A recipient that is no address bounces by itself. E_MALFORMED, E_TOO_BIG: never to be accepted,
 * with the reason; other failures may pass. */
enum err submission_to_mail(const struct submission_source *source,
			    const struct submission_rules *rules, struct mail **ret,
			    struct why *why) MUST_USE;

#endif
