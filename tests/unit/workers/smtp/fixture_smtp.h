/* A session whose remote host is the test: replies are given as lines, what the session sends is compared as text, and every
 * upcall is kept. No socket, no clock: the deadline is a number that a test may look at or let pass. */
#ifndef LEVERET_TESTS_UNIT_WORKERS_SMTP_FIXTURE_SMTP_H
#define LEVERET_TESTS_UNIT_WORKERS_SMTP_FIXTURE_SMTP_H

#include "tests/check.h"

#include "lib/base/buf.h"
#include "workers/smtp/session.h"

#define RECIPIENTS_MAX 300

struct smtp_fixture {
	struct smtp_session *session;
	struct smtp_session_options
		options;	       /* of the next session, but for the name, TLS and timeouts */
	struct smtp_timeouts timeouts; /* all different: see fixture_smtp.c */
	int64_t deadline_ms;
	size_t room;	  /* bytes the output takes before it is full; drain() makes more */
	struct buf wire;  /* what was sent and not yet compared */
	struct buf story; /* every upcall, one per line */
	struct buf said;  /* while it is watched: "> " our lines, ">> " bodies, "< " theirs */
	size_t chunk;	  /* bytes handed over at once; 0: each reply as one */
	bool wants_tls, is_closed;

	struct smtp_transaction transaction;
	struct bytes recipients[RECIPIENTS_MAX];
	struct smtp_outcome outcomes[RECIPIENTS_MAX];
	unsigned done_counts[RECIPIENTS_MAX];
	unsigned ready_count, transaction_done_count, ended_count;
	struct smtp_outcome ended;
	/* Called inside the upcall when set. */
	void (*on_ready)(struct smtp_fixture *f);
	void (*on_recipient_done)(struct smtp_fixture *f);
	void (*on_transaction_done)(struct smtp_fixture *f);
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* A new session in the same fixture. */
void begin_session(struct smtp_fixture *f, enum smtp_tls tls);
/* Begin, connect, and answer the greeting and EHLO with these capabilities ("PIPELINING\r\nSIZE 1000"; NULL: none): ready. What was
 * sent until then is forgotten. */
void be_ready(struct smtp_fixture *f, const char *capabilities);

#define DEFAULT_CONTENT "Subject: hi\r\n\r\nhello\r\n"
/* One transaction, from sender@x.example with f->transaction.content, to these recipients. */
#define submit(f, ...)                                                                             \
	submit_list((f), (const char *const[]){__VA_ARGS__},                                       \
		    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
void submit_list(struct smtp_fixture *f, const char *const *recipients, size_t count);
void submit_many(struct smtp_fixture *f, size_t count); /* 0@x.example, 1@x.example, ... */

/* Replies, each handed over by itself (in pieces of f->chunk); lines of one reply are separated by "\r\n". */
#define remote_says(f, ...)                                                                        \
	remote_says_list((f), (const char *const[]){__VA_ARGS__},                                  \
			 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
void remote_says_list(struct smtp_fixture *f, const char *const *replies, size_t count);
void remote_sends(struct smtp_fixture *f, struct bytes b); /* these bytes at once */
void remote_hangs_up(struct smtp_fixture *f);
void drain(struct smtp_fixture *f, size_t room);

void assert_sent(struct smtp_fixture *f, const char *text); /* all since the last assert_sent */
void assert_result(struct smtp_fixture *f, const char *recipient, unsigned code);
const struct smtp_outcome *outcome_of(struct smtp_fixture *f, const char *recipient);
/* The session is over, for this reason. */
void assert_ended(struct smtp_fixture *f, enum smtp_outcome_kind kind, enum smtp_step step,
		  unsigned code, enum err err);
void assert_still_open(struct smtp_fixture *f);

#endif
