/* Results for readers that were made for MailerQ: takes every result from a queue of its own, and publishes those of messages that
 * came in MailerQ's form to the queues that are theirs. A result is done with when its readers' queues have it. Lives on one loop. */
#ifndef LEVERET_INGEST_MAILERQ_RESULTS_H
#define LEVERET_INGEST_MAILERQ_RESULTS_H

#include "broker/node.h"
#include "ingest/mailerq/settings.h"

#define QUEUE_MAILERQ_RESULTS "mailerq.results"

struct mailerq_results;
struct mailerq_results *mailerq_results_new(const struct node *node, struct broker *broker,
					    const struct mailerq_settings *settings);
void mailerq_results_stop(struct mailerq_results *results); /* takes nothing new */
/* Before broker_close(): what is in hand returns to its queue. */
void mailerq_results_free(struct mailerq_results **results);

#endif
