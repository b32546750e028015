/* From a result to MailerQ's JSON: the properties that were submitted, with one entry more in `results`. Pure. */
#ifndef LEVERET_INGEST_MAILERQ_REPORT_H
#define LEVERET_INGEST_MAILERQ_REPORT_H

#include "ingest/mailerq/settings.h"
#include "lib/routing/routing.h"
#include "schemas/schemas.h"

#define MAILERQ_QUEUES_MAX 2

struct mailerq_report {
	struct bytes json;
	const char *queues
		[MAILERQ_QUEUES_MAX]; /* where it goes, by the settings and the message's own `queues` */
	size_t queue_count;
};

/* False when the message did not come as MailerQ's. What is told lives in the arena. */
bool mailerq_report(struct arena *arena, const struct result *result,
		    const struct mailerq_settings *settings, const struct routing *routing,
		    struct mailerq_report *ret);

#endif
