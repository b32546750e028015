/* Mending the content of a mail that is being taken, before anything signs it (`repair` of a listener). */
#ifndef LEVERET_INGEST_REPAIR_H
#define LEVERET_INGEST_REPAIR_H

#include "ingest/mail.h"
#include "lib/mail/repair.h"

struct repair_options {
	unsigned kinds; /* that are at fault */
	size_t line_max;
	const char *spool;
	size_t memory_per_message;
};
/* repair_write() of a mail's content, which is replaced, and its `eightbit`. Its other failures are those of files. */
enum err repair_mail(struct mail *mail, const struct repair_options *options,
		     struct why *why) MUST_USE;

#endif
