/* What attempts did, on its way to leveret.results: results with one routing key travel together. Lives on one loop. */
#ifndef LEVERET_WORKERS_DELIVERY_RESULTS_H
#define LEVERET_WORKERS_DELIVERY_RESULTS_H

#include "schemas/schemas.h"
#include "workers/delivery/posting.h"
#include "workers/delivery/settings.h"

struct results;
struct results *results_new(struct loop *loop, struct postings *postings,
			    const struct worker_settings *settings);
void results_free(struct results **results); /* after postings_free(): nobody is told any more */

/* `kept` is called once, when the broker keeps it, never from inside this call; until then what the result borrows must stay. */
void results_add(struct results *results, const struct result *result, void (*kept)(void *owner),
		 void *owner);
void results_flush(struct results *results); /* do not wait for company */

/* "<event>.<pool>.<site>", cut to what AMQP takes. Pure. */
#define RESULT_KEY_SIZE 256
void result_key(const struct result *result, char out[RESULT_KEY_SIZE]);

#endif
