/* A client on a real loop with real sockets, a holder that keeps what it was told, and a peer on the same loop whose manners a
 * test may spoil. Servers that are not ours are started as processes. */
#ifndef LEVERET_TESTS_FLOW_WORKERS_SMTP_FIXTURE_CLIENT_H
#define LEVERET_TESTS_FLOW_WORKERS_SMTP_FIXTURE_CLIENT_H

#include "tests/check.h"

#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/net/stream.h"
#include "workers/smtp/client.h"

#define PEERS_MAX 10

struct fixture;

struct peer { /* a remote host's end of one connection */
	struct fixture *fixture;
	struct stream *stream; /* NULL: ended */
	struct buf said;       /* commands, each with its CRLF; "<body>" for a body */
	size_t body_bytes;
	bool is_in_data;
};

struct holder {
	struct smtp_connection *connection;
	unsigned ready_count, done_count, transaction_done_count, ended_count;
	struct smtp_outcome outcome; /* of the last recipient_done */
	struct smtp_outcome ended;
	char tls[64];		/* at the last recipient_done */
	bool gives_back, quits; /* when the transaction is done */
};

struct fixture {
	struct loop *loop;
	struct timer *poll; /* looks at the condition every millisecond */
	bool (*condition)(struct fixture *f);
	int64_t deadline_ms;

	struct smtp_timeouts timeouts;
	struct site_settings site;
	struct smtp_target target;
	struct smtp_client *client;
	struct holder holder;
	struct smtp_transaction mail;
	struct bytes recipients[2];

	struct listener *listener;
	struct peer peers[PEERS_MAX];
	unsigned peer_count;
	const char *cuts_at;   /* a peer closes when it reads this command */
	const char *silent_at; /* a peer answers nothing from this command on */

	char folder[64];		 /* of certificates and what servers write */
	char certificate[128], key[128]; /* of mx.test, signed by itself */
	pid_t server;			 /* 0: none */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
void start_client(struct fixture *f,
		  const char *tls_ca_file); /* fixture_setup() does, without a file */

/* Run the loop until the condition holds; the test fails after 20 s. */
void run_until(struct fixture *f, bool (*condition)(struct fixture *f));
void run_for(struct fixture *f, int64_t duration_ms);

/* What the fixture's site asks of TLS; a reference. */
struct tls_demand *demand_of(const struct fixture *f);
void open_connection(struct fixture *f);
void open_until_ready(struct fixture *f);
bool reuse_connection(struct fixture *f);
void send_mail(struct fixture *f);
void send_until_done(struct fixture *f); /* f->mail, on the connection held */
void assert_result(const struct fixture *f, unsigned code);
void assert_ended(const struct fixture *f, enum smtp_outcome_kind kind, enum smtp_step step,
		  enum err err);

bool is_ready(struct fixture *f);
bool is_done(struct fixture *f);
bool has_ended(struct fixture *f);
bool is_all_closed(struct fixture *f); /* the client has no open session */
bool are_peers_gone(struct fixture *f);

/* Start a server and point f->target at it. Arguments end with NULL; "%p" stands for its port. */
void start_server(struct fixture *f, const char *const *arguments);
void make_certificate(struct fixture *f);

#endif
