/* The broker: the only place where a message in flight is kept. One small interface, one engine
 * behind it (chosen by broker.url).
 *
 * A struct broker belongs to one loop and is used only on its thread; so do the leases, consumers
 * and publications made with it. Nothing here ever waits: results come as upcalls from the loop,
 * never from inside the call that asked for them. Upcalls may call everything but broker_close().
 *
 * Everything that crosses a process is one of five nouns:
 *   queue   work, taken as leases, each settled once;
 *   event   a result, published to any number of subscriber queues;
 *   table   small state that every node must know: a keyed log that each node replays;
 *   permit  the right to one of so many places under a name, over all processes;
 *   word    to all processes that listen now, and their answers.
 *
 * Promises, checked by tests/flow/broker for every engine:
 *   1. A publication whose `done` says OK is kept durably in every queue it was routed to, and
 *      survives a crash or power cut.
 *   2. A message is leased to one consumer at a time; a lease that is dropped, or whose holder
 *      dies, is leased again with lease_is_redelivered() true. Nothing is lost; what was acked
 *      never comes back.
 *   3. A queue gives its messages in the order they were confirmed, but for those returned.
 *   4. A consumer holds at most `prefetch` leases, and at most `prefetch_bytes` of bodies once it
 *      holds one.
 *   5. A publication with not_before_wall_ms is leased no earlier (-50 ms) and, on an idle system,
 *      no later than 1 s after for delays to an hour.
 *   6. A message leased `delivery_limit` times without being settled is buried, so that it cannot
 *      kill consumers for ever. */
#ifndef LEVERET_BROKER_BROKER_H
#define LEVERET_BROKER_BROKER_H

#include "broker/settings.h"
#include "lib/base/blob.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/loop/loop.h"
#include "lib/routing/routing.h"

struct broker;

enum broker_state {
	BROKER_AWAY, /* no connection yet, or lost: being opened again */
	/* connected, but it takes no publications (disk or memory alarm, disk full) */
	BROKER_BLOCKED,
	BROKER_READY,
};

/* Opens and keeps opening; declares the topology that `routing` asks for. `role` names us to the
 * broker's operator ("ingest"). Settings and routing are borrowed. `state_changed` (NULL allowed)
 * is told of every change. Fails only on settings that cannot work (unknown scheme, unreadable CA
 * file). */
enum err broker_open(struct loop *loop, const struct broker_settings *settings,
		     const struct routing *routing, const char *role,
		     void (*state_changed)(void *owner, enum broker_state state), void *owner,
		     struct broker **ret, struct why *why) MUST_USE;
/* Held leases return to their queues; pending `done`s get E_CANCELLED, from here. Leases, consumers
 * and followers may be settled and freed after it. */
void broker_close(struct broker **broker);
enum broker_state broker_state(const struct broker *broker);
/* True when the topology could not be declared because something exists with other arguments: a
 * person must act. */
bool broker_is_refused(const struct broker *broker, struct why *ret_why);

/* ---- queues: publishing ---- */

enum exchange {
	EXCHANGE_SUBMIT,  /* key: class, "tx" or "bulk" */
	EXCHANGE_DELIVER, /* key: <pool>.<site> */
	/* key: <event>.<pool>.<site>; topic; OK also when nobody subscribed to it */
	EXCHANGE_RESULTS,
	EXCHANGE_INBOUND, /* key: "directive", "dsn", "fbl", "unsub", "mail", "unknown", "report", "tls" */
	EXCHANGE_BURIED,  /* key: free */
	EXCHANGE_REFUSED, /* key: free */
	/* key: event.<kind>, further words free; topic; OK also when nobody subscribed to it */
	EXCHANGE_EVENTS,
	/* key: the whole name of a queue of others. E_UNROUTABLE where there is none, and on engines that others cannot reach */
	EXCHANGE_FOREIGN,
};

struct publication {
	enum exchange exchange;
	const char *key;	      /* copied */
	const char *message_id;	      /* copied; NULL: none */
	const char *content_type;     /* copied; NULL: application/x-protobuf */
	const char *reason;	      /* why it was buried or refused; NULL: none */
	struct bytes head;	      /* first bytes of the body, copied */
	struct blob *tail;	      /* the rest, a reference is taken; NULL: none */
	int64_t not_before_wall_ms;   /* 0: at once; EXCHANGE_DELIVER only */
	const char *content_encoding; /* copied; NULL: none */
};

/* `done` comes exactly once. OK: kept (promise 1). E_UNROUTABLE: no queue. E_FULL: a queue refuses.
 * E_BLOCKED, E_AWAY: not sent. E_TIMEOUT, E_CLOSED: not confirmed, may have been kept. E_TOO_BIG. */
typedef void (*published)(void *owner, enum err err);
void broker_publish(struct broker *broker, const struct publication *publication, published done,
		    void *owner);
/* Bytes and publications accepted and not confirmed yet: what back-pressure looks at. */
uint64_t broker_unconfirmed_bytes(const struct broker *broker);
size_t broker_unconfirmed_count(const struct broker *broker);

/* ---- queues: consuming ---- */

/* A message taken from a queue and not settled yet. Its holder settles it exactly once, within 10
 * minutes. When the connection is lost the message returns to its queue, and settling does nothing. */
struct lease;

struct bytes lease_body(const struct lease *lease);	   /* borrowed until settled */
const char *lease_key(const struct lease *lease);	   /* routing key it was published with */
const char *lease_message_id(const struct lease *lease);   /* "" when none */
const char *lease_content_type(const struct lease *lease); /* "" when none */
const char *lease_content_encoding(const struct lease *lease); /* "" when none */
/* why it was buried or refused; "" when it was not */
const char *lease_reason(const struct lease *lease);
/* When its waiting would have ended, of a lease from a queue that queue_is_waiting(); else 0. */
int64_t lease_not_before_wall_ms(const struct lease *lease);
/* Of a lease from such a queue, or from QUEUE_LOST: where it was to go. */
enum exchange lease_exchange(const struct lease *lease);
bool lease_is_redelivered(const struct lease *lease); /* an earlier holder may have worked on it */
bool lease_is_lost(const struct lease *lease);	      /* settling would do nothing any more */

/* Settle: finished; again, not before delay_ms; again at once, as if never taken; never again, with
 * the reason: buried, for what is not understood or kills its holders, or refused, for what a client
 * may not submit. Each takes *lease and leaves NULL. Retry, bury and refuse keep the message durably,
 * with all that its publisher gave it, before the lease is acked. */
void lease_ack(struct lease **lease);
void lease_retry(struct lease **lease, int64_t delay_ms);
void lease_release(struct lease **lease);
void lease_bury(struct lease **lease, const char *reason);
void lease_refuse(struct lease **lease, const char *reason);

struct consumer;

struct consumer_options {
	const char *queue; /* logical name, without the settings' prefix; copied */
	/* A queue that others declare, by its whole name: whatever it is, it is taken as it is, and waited for where it is missing.
	 * A retry returns the message after a second, whatever its delay. Engines that others cannot reach have none. */
	bool is_foreign;
	unsigned prefetch; /* leases */
	/* of all consumers of this broker together; the largest given is in force. None of several gets more than a part of it,
	 * so that large messages of one queue do not keep those of the others away. */
	size_t prefetch_bytes;
	bool keeps_place; /* of several consumers it is the one that gets messages, and is to stay it, whatever bytes it holds */
};
/* Takes leases from a queue until it is freed, over reconnects. Leases keep their validity when
 * their consumer is paused or freed. */
struct consumer *consumer_new(struct broker *broker, const struct consumer_options *options,
			      void (*taken)(void *owner, struct lease *lease), void *owner);
void consumer_free(struct consumer **consumer);
void consumer_pause(struct consumer *consumer, bool paused); /* messages stay for others */

/* Names of queues in the topology. */
#define QUEUE_NAME_MAX		 600
#define QUEUE_SUBMIT_TX		 "submit.tx"
#define QUEUE_SUBMIT_BULK	 "submit.bulk"
#define QUEUE_BOUNCER_RESULTS	 "bouncer.results"
#define QUEUE_BOUNCER_DIRECTIVES "bouncer.directives"
#define QUEUE_BOUNCER_DSN	 "bouncer.dsn"
#define QUEUE_BOUNCER_FBL	 "bouncer.fbl"
#define QUEUE_BOUNCER_UNSUB	 "bouncer.unsub"
#define QUEUE_BOUNCER_MAIL	 "bouncer.mail"
#define QUEUE_BOUNCER_TLS	 "bouncer.tls" /* what workers counted for reports on TLS */
/* Returned mail that the bouncer made nothing of, and reports on DMARC and TLS: for people and programs of others. */
#define QUEUE_BOUNCER_UNKNOWN "bouncer.unknown"
#define QUEUE_BOUNCER_REPORTS "bouncer.reports"
#define QUEUE_LOST	      "lost"
#define QUEUE_BURIED	      "buried"
#define QUEUE_REFUSED	      "refused"
/* What broker_inspect() tells of and may be consumed like a queue: messages whose time has not come, all of them (one queue of
 * this name) or by the length of their wait (an engine's own names). Only for moving them elsewhere: they are leased at once. */
#define QUEUE_WAITING "waiting"
bool queue_is_waiting(const char *queue);
void queue_delivery_name(const char *pool, const char *site,
			 char out[QUEUE_NAME_MAX]); /* a named site */
void queue_tail_name(const char *pool, unsigned shard, char out[QUEUE_NAME_MAX]);

/* ---- events ---- */

/* Make a durable queue that gets every result whose key fits the topic pattern ("bounced.#",
 * "delivered.*.gmail"), or, for a pattern whose first word is "event", what is published to EXCHANGE_EVENTS
 * ("event.#", "event.complained.#"). A queue may have patterns of both kinds. */
void broker_subscribe(struct broker *broker, const char *queue, const char *pattern, published done,
		      void *owner);

/* A queue whose name begins so is one host's own: RabbitMQ deletes it when nobody has consumed it for QUEUE_HOST_UNUSED_MS. */
#define QUEUE_HOST_PREFIX    "host."
#define QUEUE_HOST_UNUSED_MS INT64_C(604800000)

/* Deletes such a queue. E_NOT_FOUND: there is none. E_BLOCKED: somebody consumes it. E_FULL: it holds messages and drops_messages
 * is false. E_AWAY, E_TIMEOUT, E_CLOSED: not known to be done. */
void broker_unsubscribe(struct broker *broker, const char *queue, bool drops_messages,
			published done, void *owner);

/* Sees to it that a queue of others, by its whole name, is there: one that exists is left as it is, else it is made as most would
 * make it, durable and without arguments. E_REFUSED: it cannot be, or the engine has no others. E_AWAY, E_TIMEOUT, E_CLOSED: not
 * known to be done. */
void broker_need_queue(struct broker *broker, const char *queue, published done, void *owner);

/* ---- tables ---- */

struct table_entry {
	struct bytes key;
	struct bytes value; /* none: the key was removed */
	/* given by the table's owner; of two entries for a key the higher one counts */
	uint64_t version;
};
struct table_handler {
	void (*entry)(void *owner, const struct table_entry *entry, uint64_t position);
	/* Once per connection to the broker, after every entry that stood in the table when it was
	 * made. */
	void (*caught_up)(void *owner);
	/* NULL allowed. Before the first entry(): the table begins at `first` now. What was appended before it has been cut off: what of
	 * it still counts was appended again, its owner's duty (table_kept_ms()), and the rest is not told of any more. */
	void (*begins)(void *owner, uint64_t first);
};
/* Entries come in order of position, from about `position` (0: the beginning) on; some may come
 * again, and an older version that a newer one of the same key replaced may be missing. There
 * are "suppressions", "directives", "sites" and "webhooks". */
struct table_follower;
struct table_follower *table_follow(struct broker *broker, const char *table, uint64_t position,
				    const struct table_handler *handler, void *owner);
void table_follower_free(struct table_follower **follower);
void table_append(struct broker *broker, const char *table, const struct table_entry *entry,
		  published done, void *owner);
/* What stands at a key, under that version or an older one, need not be kept any more: an engine that keeps one entry for each key drops
 * it, and tells nobody. False: the engine keeps all that was ever appended, and `done` does not come. */
bool table_forget(struct broker *broker, const char *table, struct bytes key, uint64_t version,
		  published done, void *owner);
/* So long after it was appended an entry may be cut off: what is to be in the table longer is appended again before, under the same
 * version (broker/replica_renewal.h does so). 0: never, as far as is known. */
int64_t table_kept_ms(const struct broker *broker, const char *table);

/* ---- permits ---- */

/* The right to one of the places 0..limit-1 under a name ("site.gmail.connections"), among all processes of this broker: at most one
 * holder per place at any instant. Whoever dies or loses its connection to the broker has lost its places, and others may have them
 * at once; so what a place allows (a connection to a site) is used only while the permit is held. */
struct permit;
#define PERMIT_NAME_MAX 1000 /* bytes, NUL included */

struct permit_handler { /* borrowed: a static table */
	/* The place is held from here on, until lost() or permit_free(). */
	void (*granted)(void *owner, unsigned place);
	/* What the place allowed has stopped when this returns. A place is asked for again by itself: granted() comes again. */
	void (*lost)(void *owner);
};
/* Asks until it is freed, over reconnects. The name is copied. All who ask under a name should give the same limit. */
struct permit *permit_ask(struct broker *broker, const char *name, unsigned limit,
			  const struct permit_handler *handler, void *owner);
/* Another limit, 0 allowed: who holds a place that is no more is told lost(). */
void permit_limit(struct permit *permit, unsigned limit);
/* Gives the place back, or stops asking. NULL allowed. After broker_close(), which takes all places without a word, too. */
void permit_free(struct permit **permit);

/* ---- control ---- */

/* A word to every process of this broker that listens, now, and their answers to whoever asked. Nothing of it is kept: what finds
 * nobody, or somebody who does not keep up, is dropped. Who asks decides how long it waits, and what no answer means. */
#define CONTROL_SIZE_MAX	(64u << 10) /* of a question, of an answer */
#define CONTROL_QUESTIONS_PER_S 100	    /* that a listener hears; more are dropped */

struct reply_address; /* of the one who asked */
struct asking;

/* One listener per broker, until it is closed. `heard` takes the address; the question is borrowed. */
void broker_listen(struct broker *broker,
		   void (*heard)(void *owner, struct bytes question, struct reply_address *address),
		   void *owner);
/* Any number of times; answers arrive in order. False: too big, or no way to send it now. */
bool broker_answer(struct broker *broker, const struct reply_address *address, struct bytes answer);
void reply_address_free(struct reply_address **address);

/* Asked once, as soon as there is a connection. The answer is borrowed. Answers come until it is freed. */
struct asking *broker_ask(struct broker *broker, struct bytes question,
			  void (*answered)(void *owner, struct bytes answer), void *owner);
void asking_free(struct asking **asking); /* NULL allowed; after broker_close(), too */

/* ---- for operators ---- */

struct queue_status {
	const char *name;
	int64_t ready, unacked, consumers; /* -1: the engine cannot tell */
	int64_t oldest_age_ms;		   /* of the message at the head; -1: empty or unknown */
};
/* Tells of each queue of the topology once, then `done` (OK, E_AWAY, E_TIMEOUT, E_CANCELLED). With looks_at_heads the age of the first message is read
 * from itself where the engine has no other way: in RabbitMQ that counts as one of its deliveries (broker.delivery_limit). */
void broker_inspect(struct broker *broker, bool looks_at_heads,
		    void (*each)(void *owner, const struct queue_status *status), published done,
		    void *owner);

#endif
