/* From a result to MailerQ's JSON: the properties that were submitted, with one entry more in `results`. Pure. */
#ifndef LEVERET_INGEST_MAILERQ_REPORT_H
#define LEVERET_INGEST_MAILERQ_REPORT_H

#include "ingest/mailerq/settings.h"
#include "lib/routing/routing.h"
#include "schemas/schemas.h"

#define MAILERQ_PLACES_MAX 2

struct mailerq_report {
	struct bytes json;
	struct mailerq_place {
		const char *queue; /* by the settings, or the message's own `queues` */
		/* Of one that the message named: where the result goes when that is not to be made, by the settings; "": nowhere. Else NULL. */
		const char *instead;
	} places[MAILERQ_PLACES_MAX];
	size_t place_count;
};

/* False when the message did not come as MailerQ's. What is told lives in the arena. */
bool mailerq_report(struct arena *arena, const struct result *result,
		    const struct mailerq_settings *settings, const struct routing *routing,
		    struct mailerq_report *ret);

#endif
