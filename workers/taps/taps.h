/* What operators watch now (leveret trace): who it is for, what of a worker's doing belongs to it, and the lines on their way to them.
 * Lives on the worker's loop. Nothing here waits for a reader: lines gather for TAP_FLUSH_MS, at most a buffer of them, and no more
 * than TAP_BYTES_PER_S go out; what is more is dropped and counted. */
#ifndef LEVERET_WORKERS_TRACING_TRACES_H
#define LEVERET_WORKERS_TRACING_TRACES_H

#include "broker/broker.h"
#include "workers/taps/tap_line.h"
#include "workers/taps/tap_word.h"

#define TAPS_MAX	8 /* at a time; who asks for one more gets no answer */
#define TAP_FLUSH_MS	100
#define TAP_BYTES_PER_S ((size_t)512 << 10) /* of each tap */

struct taps;
struct taps_options {
	struct loop *loop;
	const char *worker, *host; /* borrowed */
	/* As broker_answer(). */
	bool (*send)(void *owner, const struct reply_address *to, struct bytes answer);
	void *owner;
};
struct taps *taps_new(const struct taps_options *options);
void taps_free(struct taps **taps); /* NULL allowed */
void taps_stop(struct taps *taps);  /* NULL allowed: all end, without a word */
/* Begins, renews or ends one. Takes the address, leaves NULL. */
void taps_heed(struct taps *taps, const struct tap_wish *wish, struct reply_address **address);
/* One began or ended: what belongs to whom is to be looked at anew. One watcher; NULL: none. */
void taps_watch(struct taps *taps, void (*changed)(void *owner), void *owner);

bool taps_are_on(const struct taps *taps); /* there is one; NULL: never */

/* What something is about; all of it borrowed. */
struct tap_subject {
	struct bytes site;	    /* its key, */
	struct bytes settings_site; /* and whose settings it has */
	struct bytes next_hop;	    /* domain, or the route's host */
	struct bytes source;
	/* Of a transaction. Without one a tap of a recipient takes what is about its domain, and one of a message nothing. */
	const struct bytes *recipients, *messages; /* NULL: not known */
	size_t recipient_count;
};
typedef uint32_t tap_set; /* a bit for each tap that something belongs to */
tap_set taps_match(const struct taps *taps, const struct tap_subject *subject);
tap_set taps_with_headers(const struct taps *taps, tap_set set);
/* The line's time, worker and host are filled in here. */
void taps_tell(struct taps *taps, tap_set set, const struct tap_line *line);

#endif
