/* Two ends of real loopback connections on one loop, with what came up from each, and a raw socket for rude peers. */
#ifndef LEVERET_TESTS_FLOW_LIB_NET_FIXTURE_STREAM_H
#define LEVERET_TESTS_FLOW_LIB_NET_FIXTURE_STREAM_H

#include "lib/base/buf.h"
#include "lib/net/stream.h"

struct fixture;

struct end {
	struct fixture *fixture;
	struct stream *stream;
	struct buf received; /* everything the stream handed up, unless keeps_input */
	bool keeps_input;
	unsigned connected_count, received_count, drained_count, secured_count, closed_count;
	enum err err; /* of closed */
	struct why why;
	/* Called after the above in the upcall; NULL for nothing more. */
	void (*on_connected)(struct end *end); /* for the server: when it is adopted */
	void (*on_received)(struct end *end);
	void (*on_drained)(struct end *end);
	void (*on_secured)(struct end *end);
	void (*on_closed)(struct end *end);
};

struct fixture {
	struct loop *loop;
	struct timer *poll; /* looks at the condition every millisecond */
	bool (*condition)(struct fixture *f);
	int64_t deadline_ms;
	struct listener *listener;
	struct stream_options options;
	struct end client, server;
	unsigned accepted_count;
	int server_fd;	 /* the server stream's own: to break the connection below it */
	char folder[64]; /* for certificates */
	char certificate[128], key[128]; /* of mx.test and 127.0.0.1, signed by itself */
	size_t body_sent;		 /* how far write_pattern() is */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
void make_certificate(struct fixture *f);

/* Run the loop until the condition holds; the test fails after 20 s. */
void run_until(struct fixture *f, bool (*condition)(struct fixture *f));
void run_for(struct fixture *f, int64_t duration_ms);

/* Open a stream to the listener, which adopts the other side as f->server. */
void client_connect(struct fixture *f);
void client_connect_to(struct fixture *f, const struct net_address *to,
		       const struct net_address *source, int64_t timeout_ms);
int raw_connect(struct fixture *f); /* a blocking socket to it */
void stream_say(struct end *end, const char *text);
void assert_received(const struct end *end, const char *text);

/* A body of BIG_SIZE bytes, as much of it as the output takes; write on when drained. */
#define BIG_SIZE ((size_t)25 << 20)
void write_pattern(struct end *end);
void assert_pattern(const struct buf *received);

bool server_is_there(struct fixture *f);
bool both_are_open(struct fixture *f);
bool client_is_closed(struct fixture *f);
bool server_is_closed(struct fixture *f);
bool both_are_closed(struct fixture *f);
bool both_are_secured(struct fixture *f);

#endif
