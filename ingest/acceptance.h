/* The one way by which a message of any door becomes published: its recipients are grouped, each
 * group is published, and only when the broker has confirmed them all is the message accepted.
 * Lives on one loop.
 *
 * Back-pressure: above ingest.max_unconfirmed bytes under way, complete messages wait in line, where they take turns; when
 * as many bytes wait in memory, or ingest.max_waiting bytes in all (large ones are in spool files),
 * no new message may begin. When the broker goes away, blocks, or confirms nothing at all for as long as
 * broker.publish_timeout, all that wait fail at once; a publication that is late while others are confirmed fails its own message only. */
#ifndef LEVERET_INGEST_ACCEPTANCE_H
#define LEVERET_INGEST_ACCEPTANCE_H

#include "broker/broker.h"
#include "ingest/ingest.h"
#include "ingest/mail.h"

struct acceptor_options { /* borrowed */
	struct loop *loop;
	struct broker *broker;
	const struct ingest_settings *settings;
	const char *hostname;
	const struct conf_items *rules; /* struct rule_settings; NULL: none */
	const struct routing *routing;
	struct replica *sites; /* learned; NULL: none are */
	/* A mail is about to be published; it may fail still. NULL: nobody asks. */
	void (*begun)(void *owner, const struct mail *mail);
	void (*idle)(void *owner); /* the last acceptance under way has ended */
	void *owner;
};

struct acceptor;
struct acceptor *acceptor_new(const struct acceptor_options *options);
void acceptor_free(struct acceptor **acceptor); /* after broker_close() */
/* May a message begin? E_AWAY, E_BLOCKED: the broker takes none. E_FULL: too much is waiting. */
enum err acceptor_check(const struct acceptor *acceptor) MUST_USE;
void acceptor_broker_changed(struct acceptor *acceptor,
			     enum broker_state state);	/* tell it of every change */
size_t acceptor_count(const struct acceptor *acceptor); /* acceptances under way */

/* One message under way. `done` comes once, from the loop, and the acceptance is gone with it. OK:
 * kept by the broker for every recipient. Otherwise some recipients may have been kept all the same: those of the mail that are
 * is_kept surely, others perhaps. What is too big is found before anything is kept. The mail is borrowed during the call. */
struct acceptance;
typedef void (*acceptance_done)(void *owner, enum err err, const struct mail *mail);
/* Takes the mail, which has its content and at least one destination; `rules` are applied to it. At once: E_REFUSED when it
 * loops (ingest.max_hops), E_AWAY, E_BLOCKED; then the mail stays with the caller. */
enum err acceptance_start(struct acceptor *acceptor, struct mail **mail, acceptance_done done,
			  void *owner, struct acceptance **ret) MUST_USE;
/* Nobody waits for it any more: it goes on, without `done`. */
void acceptance_forget(struct acceptance **acceptance);

#endif
