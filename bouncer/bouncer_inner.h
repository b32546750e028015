/* Inside the bouncer: what it stands on, a lease in work, and what held.c, learn.c, obey.c and bouncer.c ask of each other.
 *
 *   lease -> decode -> each result: judge, count, note to the suppressor; all: tell -> all kept -> ack
 *              |                                                          '- stopping, store failed -> release
 *              '-- malformed -> bury
 *
 * A lease is acked when everything that follows of it is on this host's disk and confirmed by the broker; a redelivered one finds it
 * recorded. A store that fails for good ends the process at once: nothing may be acknowledged any more, and starting again
 * recovers what was. */
#ifndef LEVERET_BOUNCER_BOUNCER_INNER_H
#define LEVERET_BOUNCER_BOUNCER_INNER_H

#include "bouncer/alerts/alerts.h"
#include "bouncer/asked.h"
#include "bouncer/bouncer.h"
#include "bouncer/classification/tallies.h"
#include "bouncer/classification/verdicts.h"
#include "bouncer/http/api.h"
#include "bouncer/inbound/inbound.h"
#include "bouncer/inbound/unsubscribe.h"
#include "bouncer/lending.h"
#include "bouncer/recalls.h"
#include "bouncer/suppressions/audit.h"
#include "bouncer/suppressions/ledger.h"
#include "bouncer/suppressions/purge.h"
#include "bouncer/suppressions/suppressor.h"
#include "bouncer/suppressions/sweep.h"
#include "bouncer/telling/readers.h"
#include "bouncer/telling/teller.h"
#include "bouncer/tlsreports/reports.h"
#include "broker/kept_table.h"
#include "lib/shaping/rules.h"

enum { PLUS_TAGS_KEEP, PLUS_TAGS_STRIP }; /* order of plus_tags in bouncer.def */

struct bouncer {
	struct node node;
	const struct bouncer_settings *settings;
	const struct returns_settings *returns_settings;
	struct store *store;
	struct broker *broker;
	struct policies policies;
	struct verdicts *verdicts;
	struct tallies *tallies;
	struct teller *teller;
	struct readers *readers;
	struct ledger *ledger;
	struct suppressor *suppressor;
	struct audit *audit;
	struct purge *purge;
	struct brakes *brakes;
	struct shaping_rules *shaping; /* NULL: none */
	struct alerts *alerts;
	struct returns *returns; /* NULL: no report can be proved */
	struct inbound *inbound;
	struct tls_reports *tls_reports; /* NULL: none */
	struct unsubscribe *unsubscribe; /* NULL: it does not listen */
	struct bouncer_api *api;
	struct asked *asked;
	struct appender *appender;     /* of recalls and lessons */
	struct lending *lending;       /* NULL as `sites` */
	struct kept_table *kept_sites; /* NULL: the node keeps no copies */
	struct kept_table *kept_directives;
	struct replica *sites; /* of kept_sites */
	struct consumer *results, *directives;
	bool was_away, is_api_drained;
	bool are_readers_ready; /* results are learned from, and others told, from then on */
	struct held *held;	/* all, in no order */
	/* stopping */
	void (*stopped)(void *owner);
	void *stopped_owner;
	struct task end;
	struct timer *stop_limit;
};

/* A lease and what it asked for. */
struct held {
	struct bouncer *bouncer;
	struct lease *lease; /* NULL: given back, because the bouncer ends */
	struct arena *arena;
	struct sweep *sweep; /* of a directive on many; NULL: none, or ended */
	size_t unrecorded;   /* one more while wishes are being made */
	enum err err;	     /* the first */
	struct held *next, **link;
};

/* held.c: a lease is settled when nothing that it asked for is left unrecorded. */
struct held *held_new(struct bouncer *bouncer, struct lease *lease);
void held_bury(struct held *held, const char *reason);
void held_recorded(void *owner, enum err err); /* one thing less; owner: the held */
void held_end_if_idle(void *owner);	       /* owner: the bouncer */
void held_give_back(struct bouncer *bouncer);  /* all leases, as the bouncer ends */
void held_end_sweeps(struct bouncer *bouncer);
_Noreturn void bouncer_fail(enum err err); /* the store has failed for good */

void bouncer_learn(void *owner, struct lease *lease); /* learn.c */
void bouncer_obey(void *owner, struct lease *lease);  /* obey.c */

struct question;
/* To be asked; owner: the bouncer. */
void asked_suppression(void *owner, const struct question *question); /* asked_suppression.c */
void asked_alerts(void *owner, const struct question *question);      /* asked_alerts.c */

#endif
