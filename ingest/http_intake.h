/* From what an HTTP request asks to have sent to a mail that acceptance can publish, and what is said of each recipient. */
#ifndef LEVERET_INGEST_HTTP_INTAKE_H
#define LEVERET_INGEST_HTTP_INTAKE_H

#include "ingest/http/posting.h"
#include "ingest/http/verdict.h"
#include "ingest/mail.h"
#include "ingest/progress.h"

struct intake_rules { /* borrowed */
	const struct routing *routing;
	size_t line_max;	   /* of content */
	size_t memory_per_message; /* more waits in a file in `spool` */
	size_t content_max;
	size_t recipients_max;
	const char *spool;
	const char *tenant;
	const char *pool; /* whatever is asked for; "": what is */
	int64_t wall_ms;
	const char *id; /* of the mail; NULL: a new one */
	/* What an earlier try has kept, whose id the mail goes on with; NULL: nothing. */
	const struct progress *progress;
	/* OK: the address may not be mailed; *ret_refused tells whether that is said at once, or by a result. E_NOT_FOUND: it may.
	 * Anything else: nobody can tell now. */
	enum err (*is_suppressed)(void *owner, struct mail *mail, struct bytes address,
				  bool *ret_refused);
	void *owner;
};

struct intake {
	struct mail *mail;		      /* NULL when no recipient is left; the caller's */
	char id[SCHEMA_ID_MAX + 1];	      /* of the mail */
	struct verdict *verdicts;	      /* in the arena */
	size_t verdict_count, accepted_count; /* those kept before included */
};

/* Verdicts borrow from the arena and the posting. E_MALFORMED, E_REFUSED, E_TOO_BIG: the whole request, with the reason; other
 * failures may pass. */
enum err intake_take(struct arena *arena, const struct posting *posting,
		     const struct intake_rules *rules, struct intake *ret,
		     struct why *why) MUST_USE;

#endif
