/* Inside the worker: its parts. parts.c opens, makes and frees them, worker.c is what happens between. */
#ifndef LEVERET_WORKERS_WORKER_INNER_H
#define LEVERET_WORKERS_WORKER_INNER_H

#include "broker/questions.h"
#include "lib/net/resolver.h"
#include "workers/delivery/heat.h"
#include "workers/delivery/request.h"
#include "workers/delivery/rollup.h"
#include "workers/delivery/shaping_events.h"
#include "workers/intakes.h"
#include "workers/shaping_talk.h"
#include "workers/site_view.h"
#include "workers/tap_talk.h"
#include "workers/tls_telling.h"
#include "workers/worker.h"

struct worker {
	struct worker_options options;
	char name[300];
	struct broker *broker;
	struct questions *questions;
	struct replica *suppressions, *directives, *sites;
	struct suspensions *suspensions;
	struct site_limits *limits;
	struct last_replies *replies;
	struct site_view site_view;
	struct taps *taps;
	struct resolver *resolver;
	struct heat *heat;
	struct rollup *rollup; /* NULL: no site has patterns */
	struct smtp_client *client;
	struct sts *sts;
	struct tls_tallies *tls_tallies; /* NULL: no reports on TLS */
	struct tls_telling *tls_telling; /* the same */
	struct exchanger *exchanger;
	struct sources *sources;
	struct shaper *shaper;
	struct shaping_talk *talk;
	struct shaping_events *shaping_events;
	struct journal *journal;
	struct windows *windows;
	struct postings *postings;
	struct signer *signer;
	struct returns *returns; /* NULL: mail goes as it is */
	struct results *results;
	struct lanes *lanes;
	struct requests *requests;

	struct worker_queues queues; /* until its intakes have them */
	struct intakes *intakes;

	struct timer *review_timer;
	struct task review_task, stopped_task;
	bool is_stopping, is_idle;
	struct timer *stop_limit;
	void (*stopped)(void *owner);
	void *stopped_owner;
};

/* Settings that cannot work are found here. What was opened before a failure is freed by parts_free(). */
enum err parts_open(struct worker *worker, struct why *why) MUST_USE;
void parts_make(struct worker *worker);
void parts_free(struct worker *worker);

/* worker.c: what the parts tell of. */
void worker_taken(void *owner, const char *pool, struct lease *lease);
void worker_site_parked(void *owner, const char *site, bool is_parked);
void worker_site_hot(void *owner, const char *site);
void worker_site_handed(void *owner, const char *site, const char *domain, const char *before);
const char *worker_lent_to(void *owner, const char *site);
void worker_table_complete(void *owner);
void worker_broker_changed(void *owner, enum broker_state state);
void worker_idle(void *owner);
void worker_told(void *owner); /* of TLS, or what shaping rules did */
bool worker_source_is_out(void *owner, const struct source *source, const char *pool,
			  const char *site);

#endif
