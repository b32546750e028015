/* See fixture_broker.h. */
#include "tests/flow/broker/fixture_broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/obs/log.h"
#include "tests/broker_settings.h"
#include "tests/check.h"

#define POLL_MS 2

static struct {
	char folder[200];
	char url[256], management_url[256];
	int pid;
	bool is_ours;	  /* started here, to be killed here */
	bool is_embedded; /* no node: every prefix is a directory in `folder` */
} node;

/* ---- the node ---- */

static void run_tool(const char *verb, const char *arguments, const char *redirect)
{
	char command[1024];
	if (node.is_embedded)
		give_up("there is no RabbitMQ to %s", verb);
	(void)snprintf(command, sizeof command, "%s/tools/rabbitmq-private %s %s %s %s",
		       LEVERET_SOURCE_DIR, verb, node.folder, arguments, redirect);
	if (system(command) != 0)
		give_up("%s", command);
}

void node_do(const char *verb, ...)
{
	char text[256];
	va_list arguments;
	va_start(arguments, verb);
	(void)vsnprintf(text, sizeof text, verb, arguments);
	va_end(arguments);
	char *rest = strchr(text, ' ');
	if (rest)
		*rest++ = '\0';
	run_tool(text, rest ? rest : "", ">/dev/null 2>&1");
}

static void read_env(void)
{
	char path[256], line[256];
	(void)snprintf(path, sizeof path, "%s/env", node.folder);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		(void)sscanf(line, "amqp_url=%255s", node.url);
		(void)sscanf(line, "management_url=%255s", node.management_url);
		if (strncmp(line, "pid=", 4) == 0)
			node.pid = (int)strtol(line + 4, NULL, 10);
	}
	(void)fclose(file);
}

static void start_log(void)
{
	log_init(getenv("LEVERET_TEST_VERBOSE") ? LOG_DEBUG : LOG_ERROR, LOG_FORMAT_TEXT, "test");
}

int node_setup_own(void **state)
{
	(void)state;
	start_log();
	(void)snprintf(node.folder, sizeof node.folder, "/tmp/leveret-test-broker.XXXXXX");
	assert_non_null(mkdtemp(node.folder));
	node.is_ours = true;
	run_tool("start", "", ">/dev/null");
	read_env();
	return 0;
}

/* "embedded:DIRECTORY", or "embedded:" for /tmp: a folder of this program's own in it. */
static void setup_embedded(const char *directory)
{
	node.is_embedded = true;
	(void)snprintf(node.folder, sizeof node.folder, "%s/leveret-test-broker.XXXXXX",
		       *directory ? directory : "/tmp");
	assert_non_null(mkdtemp(node.folder));
}

int node_setup(void **state)
{
	static const char embedded[] = "embedded:";
	const char *url = getenv("LEVERET_TEST_BROKER_URL");
	if (!url)
		return node_setup_own(state);
	start_log();
	if (strncmp(url, embedded, sizeof embedded - 1) == 0) {
		setup_embedded(url + sizeof embedded - 1);
		return 0;
	}
	(void)snprintf(node.url, sizeof node.url, "%s", url);
	return 0;
}

void node_address(char *out, size_t size)
{
	(void)snprintf(out, size, "%s", node.is_embedded ? node.folder : node.url);
}

void node_join(const char *address)
{
	start_log();
	node.is_embedded = address[0] == '/';
	(void)snprintf(node.is_embedded ? node.folder : node.url,
		       node.is_embedded ? sizeof node.folder : sizeof node.url, "%s", address);
}

int node_teardown(void **state)
{
	(void)state;
	if (!node.is_ours && !node.is_embedded)
		return 0;
	if (node.is_ours)
		run_tool("kill", "", "");
	char command[256];
	(void)snprintf(command, sizeof command, "rm -rf %s", node.folder);
	return system(command);
}

int node_pid(void)
{
	return node.pid;
}

bool node_is_embedded(void)
{
	return node.is_embedded;
}

const char *node_management_url(void)
{
	return node.management_url;
}

/* ---- the loop ---- */

static void on_poll(void *owner)
{
	struct fixture *f = owner;
	if (f->condition(f->arg))
		loop_stop(f->loop);
	else
		timer_start(f->poll, POLL_MS);
}

static void on_limit(void *owner)
{
	struct fixture *f = owner;
	f->is_late = true;
	loop_stop(f->loop);
}

bool run_until(struct fixture *f, bool (*condition)(void *arg), void *arg, int64_t limit_ms)
{
	f->condition = condition;
	f->arg = arg;
	f->is_late = false;
	timer_start(f->limit, limit_ms);
	timer_start(f->poll, 0);
	loop_run(f->loop);
	timer_stop(f->poll);
	timer_stop(f->limit);
	return !f->is_late;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

void run_for(struct fixture *f, int64_t duration_ms)
{
	(void)run_until(f, never, NULL, duration_ms);
}

/* ---- brokers ---- */

static void on_state_changed(void *owner, enum broker_state state)
{
	struct fixture *f = owner;
	f->state = state;
	f->state_changes++;
}

void fixture_open(struct fixture *f)
{
	struct why why;
	enum err err = broker_open(f->loop, f->settings, f->routing, "test", on_state_changed, f,
				   &f->broker, &why);
	if (err)
		give_up("broker_open: %s", why.text);
}

struct fixture *fixture_new(const char *prefix, const char *more)
{
	struct fixture *f = memory_new(sizeof *f);
	char yaml[2048], url[512];
	if (node.is_embedded)
		(void)snprintf(url, sizeof url, "embedded:%s/%s", node.folder, prefix);
	else
		(void)snprintf(url, sizeof url, "%s", node.url);
	(void)snprintf(yaml, sizeof yaml,
		       "broker:\n  url: \"%s\"\n  prefix: \"%s\"\n  management_url: \"%s\"\n  "
		       "reconnect_max: 500ms\n%s\n"
		       "pools:\n  default: {}\nsites:\n  gmail:\n    domains: [gmail.test]\n",
		       url, prefix, node.management_url, more ? more : "");
	const struct test_settings *settings = test_settings_load(yaml, &f->conf);
	f->settings = &settings->broker;
	f->routing = routing_new(&settings->routing);
	f->loop = loop_new();
	f->poll = timer_new(f->loop, on_poll, f);
	f->limit = timer_new(f->loop, on_limit, f);
	return f;
}

void fixture_free(struct fixture **f)
{
	struct fixture *old = *f;
	*f = NULL;
	broker_close(&old->broker);
	timer_free(&old->poll);
	timer_free(&old->limit);
	loop_free(&old->loop);
	routing_free(&old->routing);
	conf_free(&old->conf);
	free(old);
}

bool is_ready(void *fixture)
{
	return broker_state(((struct fixture *)fixture)->broker) == BROKER_READY;
}

void wait_ready(struct fixture *f)
{
	struct why why = {""};
	if (run_until(f, is_ready, f, WAIT_MS))
		return;
	(void)broker_is_refused(f->broker, &why);
	give_up("the broker does not get ready: %s", why.text);
}

int fixture_setup(void **state)
{
	char prefix[40], id[ID_SIZE];
	id_new(1, id);
	(void)snprintf(prefix, sizeof prefix, "t%s.", id + 18);
	struct fixture *f = fixture_new(prefix, NULL);
	fixture_open(f);
	wait_ready(f);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	fixture_free((struct fixture **)state);
	return 0;
}

/* ---- publishing ---- */

void note_outcome(void *owner, enum err err)
{
	struct outcome *outcome = owner;
	outcome->count++;
	outcome->by_err[err]++;
}

static void publish_all(struct fixture *f, const struct publication *publication)
{
	f->published.asked++;
	broker_publish(f->broker, publication, note_outcome, &f->published);
}

void publish(struct fixture *f, enum exchange exchange, const char *key, const char *body)
{
	publish_all(f, &(struct publication){.exchange = exchange,
					     .key = key,
					     .message_id = body,
					     .head = bytes_of(body)});
}

void publish_at(struct fixture *f, const char *key, const char *body, int64_t not_before_wall_ms)
{
	publish_all(f, &(struct publication){.exchange = EXCHANGE_DELIVER,
					     .key = key,
					     .head = bytes_of(body),
					     .not_before_wall_ms = not_before_wall_ms});
}

static bool is_all_published(void *arg)
{
	struct fixture *f = arg;
	return f->published.count == f->published.asked;
}

void wait_published(struct fixture *f)
{
	if (!run_until(f, is_all_published, f, WAIT_MS))
		give_up("%zu of %zu publications have no outcome",
			f->published.asked - f->published.count, f->published.asked);
}

void assert_all_published(struct fixture *f)
{
	wait_published(f);
	assert_int_equal(f->published.by_err[OK], f->published.asked);
}

/* ---- taking ---- */

static void on_taken(void *owner, struct lease *lease)
{
	struct taker *taker = owner;
	assert_true(taker->count < TAKEN_MAX);
	taker->leases[taker->count] = lease;
	taker->taken_wall_ms[taker->count] = clock_wall_ms(clock_system());
	taker->count++;
	taker->held++;
	taker->held_bytes += lease_body(lease).len;
	if (taker->held > taker->held_max)
		taker->held_max = taker->held;
	if (taker->acks_at_once) {
		(void)bytes_to_cstr(bytes_first(lease_body(lease), sizeof taker->last_body - 1),
				    taker->last_body, sizeof taker->last_body);
		taker_ack(taker, taker->count - 1);
	}
}

static struct taker *take_from(struct fixture *f, const struct consumer_options *options)
{
	struct taker *taker = memory_new(sizeof *taker);
	taker->f = f;
	taker->consumer = consumer_new(f->broker, options, on_taken, taker);
	return taker;
}

struct taker *taker_new(struct fixture *f, const char *queue, unsigned prefetch,
			size_t prefetch_bytes)
{
	const struct consumer_options options = {
		.queue = queue, .prefetch = prefetch, .prefetch_bytes = prefetch_bytes};
	return take_from(f, &options);
}

struct taker *taker_new_foreign(struct fixture *f, const char *queue, unsigned prefetch)
{
	const struct consumer_options options = {
		.queue = queue, .prefetch = prefetch, .is_foreign = true};
	return take_from(f, &options);
}

void taker_free(struct taker **taker)
{
	struct taker *old = *taker;
	*taker = NULL;
	consumer_free(&old->consumer);
	for (size_t i = 0; i < old->count; i++) {
		if (old->leases[i])
			lease_release(&old->leases[i]);
	}
	free(old);
}

struct taken_enough {
	const struct taker *taker;
	size_t count;
};

static bool is_taken(void *arg)
{
	const struct taken_enough *enough = arg;
	return enough->taker->count >= enough->count;
}

bool wait_taken(struct taker *taker, size_t count)
{
	struct taken_enough enough = {taker, count};
	return run_until(taker->f, is_taken, &enough, WAIT_MS);
}

void assert_body(const struct lease *lease, const char *body)
{
	struct bytes b = lease_body(lease);
	if (!bytes_is(b, body))
		give_up("body is \"%.*s\", not \"%s\"", BYTES_ARGS(bytes_first(b, 60)), body);
}

void taker_ack(struct taker *taker, size_t index)
{
	taker->held--;
	taker->held_bytes -= lease_body(taker->leases[index]).len;
	lease_ack(&taker->leases[index]);
}
