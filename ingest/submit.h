/* The AMQP door: takes submissions from submit.tx and submit.bulk, and from MailerQ's outbox where the settings say so, checks them, hands each to
 * acceptance, and settles its lease when the broker has confirmed all of it. Lives on one loop. */
#ifndef LEVERET_INGEST_SUBMIT_H
#define LEVERET_INGEST_SUBMIT_H

#include "broker/replica.h"
#include "ingest/acceptance.h"

struct submit_options { /* borrowed */
	struct node node;
	struct broker *broker;
	const struct ingest_settings *settings;
	const struct mailerq_settings *mailerq; /* NULL: its outbox is not taken from */
	struct acceptor *acceptor;
	struct replica *suppressions;
	const char *spool;
};

struct submit;
struct submit *submit_new(const struct submit_options *options);
void submit_stop(struct submit *submit); /* takes nothing new; what is in hand goes on */
void submit_free(
	struct submit **submit); /* what is in hand returns to its queue; before broker_close() */

#endif
