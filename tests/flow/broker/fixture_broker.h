/* A broker for the conformance tests, whichever engine runs: the URL of LEVERET_TEST_BROKER_URL, or
 * a private RabbitMQ node started for this program. Every test has queues of its own by a prefix,
 * which on the embedded engine is a directory of its own: fixtures of one prefix share its host.
 * The loop runs until what a test waits for is there. */
#ifndef LEVERET_TESTS_FLOW_BROKER_FIXTURE_BROKER_H
#define LEVERET_TESTS_FLOW_BROKER_FIXTURE_BROKER_H

#include "broker/broker.h"
#include "lib/base/buf.h"
#include "lib/conf/conf.h"
#include "lib/routing/routing.h"

/* cmocka's fail_msg() needs its fail(), whose name lib/base/err.h has. */
#define give_up(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#define TAKEN_MAX 20000
#define WAIT_MS	  20000

struct fixture;

/* A consumer with what it was given. */
struct taker {
	struct fixture *f;
	struct consumer *consumer;
	struct lease *leases[TAKEN_MAX]; /* NULL: settled */
	int64_t taken_wall_ms[TAKEN_MAX];
	size_t count;
	size_t held, held_max;
	size_t held_bytes;
	bool acks_at_once; /* and forgets them */
	char last_body[64];
};

/* How publications, and all else that has a `done`, ended. */
struct outcome {
	size_t asked, count;
	size_t by_err[ERR_COUNT];
};

struct fixture {
	struct loop *loop;
	struct timer *poll, *limit;
	bool (*condition)(void *arg);
	void *arg;
	bool is_late;

	struct conf *conf;
	const struct broker_settings *settings;
	struct routing *routing;
	struct broker *broker;
	enum broker_state state;
	unsigned state_changes;
	struct outcome published;
};

/* Once per program. */
int node_setup(void **state);
int node_setup_own(
	void **state); /* a private node whatever the environment says, to be stopped and starved */
int node_teardown(void **state);
void node_do(const char *verb, ...)
	PRINTF_LIKE(1, 2); /* tools/rabbitmq-private VERB, with the folder: "kill", "ctl ..." */
bool node_is_embedded(void);
int node_pid(void); /* 0: not started here */
/* Where the node is, for another process of the test, which joins it. */
void node_address(char *out, size_t size);
void node_join(const char *address);
const char *node_management_url(void); /* "" when there is none */

int fixture_setup(void **state); /* opens the broker and waits until it is ready */
int fixture_teardown(void **state);
/* Another broker with the same queues and further YAML for the section `broker`; NULL: none. */
struct fixture *fixture_new(const char *prefix, const char *more);
void fixture_free(struct fixture **f);
void fixture_open(struct fixture *f);

/* Runs the loop until it holds; false after limit_ms. */
bool run_until(struct fixture *f, bool (*condition)(void *arg), void *arg, int64_t limit_ms);
void run_for(struct fixture *f, int64_t duration_ms);
void wait_ready(struct fixture *f);
bool is_ready(void *fixture);

/* Publish and count the outcome in f->published. */
void publish(struct fixture *f, enum exchange exchange, const char *key, const char *body);
void publish_at(struct fixture *f, const char *key, const char *body, int64_t not_before_wall_ms);
void wait_published(struct fixture *f); /* all asked for have their outcome */
void note_outcome(void *outcome, enum err err);
void assert_all_published(struct fixture *f);

struct taker *taker_new(struct fixture *f, const char *queue, unsigned prefetch,
			size_t prefetch_bytes);
struct taker *taker_new_foreign(struct fixture *f, const char *queue, unsigned prefetch);
void taker_free(struct taker **taker);
bool wait_taken(struct taker *taker, size_t count); /* false when they did not come */
void assert_body(const struct lease *lease, const char *body);
void taker_ack(struct taker *taker, size_t index);

#endif
