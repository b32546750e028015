/* Leases in work. Each is one delivery request: its recipients are looked at, sent, reported and, where need be, published again;
 * when the broker has kept all of that, and never before, the lease is acked. Lives on one loop. */
#ifndef LEVERET_WORKERS_DELIVERY_REQUEST_H
#define LEVERET_WORKERS_DELIVERY_REQUEST_H

#include "broker/recalls.h"
#include "broker/suppressions.h"
#include "broker/suspensions.h"
#include "lib/returnpath/returns.h"
#include "workers/delivery/journal.h"
#include "workers/delivery/lanes.h"
#include "workers/delivery/last_replies.h"
#include "workers/delivery/results.h"
#include "workers/delivery/retry.h"
#include "workers/delivery/window.h"
#include "workers/signing/signer.h"

struct requests;
struct rollup;
struct heat;
struct requests_options { /* all borrowed */
	struct loop *loop;
	const struct routing *routing;
	const struct conf_items *retry;			   /* struct retry_settings */
	const struct dsn_settings *dsn;			   /* NULL: senders are told nothing */
	const char *hostname;				   /* in what they are told */
	const struct windows *windows;			   /* NULL: none */
	struct replica *suppressions, *directives, *sites; /* sites: learned ones; NULL: none are */
	const struct suspensions *suspensions;		   /* NULL: nothing ever is suspended */
	const struct site_limits *limits;		   /* changed at run time; NULL: none are */
	const conf_duration
		*suspended_wait; /* how long what is suspended in the tail is put off at a time */
	struct rollup
		*rollup;   /* NULL: no site is known by its MX hosts, and mail stays where it is */
	struct heat *heat; /* NULL: nobody asks what there is much of */
	struct sources *sources;
	struct last_replies *replies; /* NULL: nobody looks at them */
	struct taps *taps;	      /* NULL: nobody watches */
	struct shaper *shaper;	      /* NULL: nothing is shaped */
	struct lanes *lanes;
	struct journal *journal;
	struct results *results;
	struct postings *postings;
	struct signer *signer;	       /* NULL: nothing is signed */
	const struct returns *returns; /* NULL: mail goes as it is */
	enum eightbit_policy eightbit;
	enum binary_policy binary;
	const struct conf_text_list *result_headers; /* header fields that results tell */
	const char *worker_name;		     /* in results */
	void (*idle)(void *owner);		     /* the last request ended; NULL allowed */
	void *owner;
};
struct requests *requests_new(const struct requests_options *options);
/* After broker_close(), lanes_free() and results_free(): nobody tells of their outcome any more. */
void requests_free(struct requests **requests);
size_t requests_count(const struct requests *requests);

/* Take over a lease from a delivery queue of `pool` (borrowed for ever). Malformed ones are buried. */
void requests_take(struct requests *requests, const char *pool, struct lease *lease);
/* Called now and then, and when the broker was lost: drop what waits for leases that are lost, and put off what has waited so long that
 * its lease grows old. */
void requests_review(struct requests *requests);
/* What of this site is not under way goes back to its queue. */
void requests_return(struct requests *requests, const char *site);
/* What of this site is not under way goes on to the queue of another. */
void requests_relocate(struct requests *requests, const char *site, const char *to);
/* The suspensions may have changed: what they stop and is not under way goes back to its queue, or is put off. */
void requests_heed(struct requests *requests);
/* Begin nothing more: what is not under way goes back to its queue. */
void requests_stop(struct requests *requests);

#endif
