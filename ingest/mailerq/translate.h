/* From MailerQ's JSON to a submission. Pure.
 *
 * One message has one recipient. What Leveret does not do as asked, and what would then be sent in another way than its publisher
 * meant (a smart host, a template, TLS that must be), is refused; what only tunes delivery is passed over. The table in
 * docs/mailerq.md says which is which. */
#ifndef LEVERET_INGEST_MAILERQ_TRANSLATE_H
#define LEVERET_INGEST_MAILERQ_TRANSLATE_H

#include "ingest/mailerq/settings.h"
#include "lib/routing/routing.h"
#include "schemas/schemas.h"

/* E_MALFORMED, E_TOO_BIG with the reason. Then *ret holds what could be read all the same, without content. What was read lives in
 * the arena and borrows from `in`. Its echo is what translating its results needs: mailerq_report(). */
enum err mailerq_read(struct arena *arena, struct bytes in, const struct mailerq_settings *settings,
		      const struct routing_settings *routing, struct submission *ret,
		      struct why *why) MUST_USE;

/* May a result be put into a queue of this name? Not into the outbox, where it would be mail, nor into a queue of Leveret's. */
bool mailerq_may_publish_to(const struct mailerq_settings *settings, struct bytes queue);

#endif
