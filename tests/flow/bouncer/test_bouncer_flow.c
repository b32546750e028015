/* The bouncer on a real RabbitMQ: a bounce published by a worker is a suppression on another host within two seconds, an operator
 * lifts it, malformed results are buried whole, and a broker killed in between loses none of it. */
#include "tests/store_fixture.h"

#include <sys/stat.h>

#include "bouncer/bouncer.h"
#include "broker/suppressions.h"
#include "lib/base/memory.h"
#include "tests/broker_settings.h"

#define LIMIT_MS   30000
#define PROMISE_MS 2000
/* RabbitMQ 3.10 never finds a stream again that was first declared less than a few seconds before a kill. */
#define SETTLED_MS 8000

struct fixture {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct conf *conf;
	struct routing *routing;
	struct bouncer_settings settings;
	struct bouncer *bouncer;
	/* another host: it publishes results and holds a replica */
	struct broker *broker;
	struct store *store, *node_store;
	struct replica *replica;
	struct consumer *buried;
	unsigned caught_up_count, buried_count, published_count;
	int64_t started_at_ms;
};

/* ---- the node ---- */

static void node_command(const struct fixture *f, const char *command, char *out, size_t size)
{
	char line[512];
	snprintf(line, sizeof line, "%s/tools/rabbitmq-private %s %s/node", LEVERET_SOURCE_DIR,
		 command, f->directory);
	FILE *pipe = popen(line, "r");
	assert_non_null(pipe);
	size_t len = fread(out, 1, size - 1, pipe);
	out[len] = '\0';
	assert_int_equal(pclose(pipe), 0);
}

static void node_start(const struct fixture *f, char *url, size_t size)
{
	char told[1000];
	node_command(f, "start", told, sizeof told);
	const char *at = strstr(told, "amqp_url=");
	assert_non_null(at);
	at += strlen("amqp_url=");
	snprintf(url, size, "%.*s", (int)strcspn(at, "\n"), at);
}

/* ---- waiting ---- */

struct waiting {
	struct fixture *f;
	bool (*holds)(struct fixture *f);
	struct timer *timer;
	int64_t until_ms;
	bool is_late;
};

static void look(void *owner)
{
	struct waiting *waiting = owner;
	bool is_now = waiting->holds(waiting->f);
	waiting->is_late = !is_now && loop_now_ms(waiting->f->loop) > waiting->until_ms;
	if (is_now || waiting->is_late)
		loop_stop(waiting->f->loop);
	else
		timer_start(waiting->timer, 10);
}

/* How long it took. */
static int64_t wait_until(struct fixture *f, bool (*holds)(struct fixture *f))
{
	int64_t began = loop_now_ms(f->loop);
	struct waiting waiting = {.f = f, .holds = holds, .until_ms = began + LIMIT_MS};
	waiting.timer = timer_new(f->loop, look, &waiting);
	timer_start(waiting.timer, 0);
	loop_run(f->loop);
	timer_free(&waiting.timer);
	assert_false(waiting.is_late);
	return loop_now_ms(f->loop) - began;
}

/* ---- the other host ---- */

static void on_caught_up(void *owner)
{
	((struct fixture *)owner)->caught_up_count++;
}

static void on_buried(void *owner, struct lease *lease)
{
	((struct fixture *)owner)->buried_count++;
	lease_ack(&lease);
}

static void on_published(void *owner, enum err err)
{
	((struct fixture *)owner)->published_count++;
	assert_int_equal(err, OK);
}

static void publish(struct fixture *f, enum exchange exchange, const char *key, struct bytes body)
{
	struct publication publication = {.exchange = exchange, .key = key, .head = body};
	broker_publish(f->broker, &publication, on_published, f);
}

static void publish_bounce(struct fixture *f, const char *recipient)
{
	struct result result = {
		.id = BYTES("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
		.recipient = bytes_of(recipient),
		.event = RESULT_BOUNCED,
		.attempt = 1,
		.code = 550,
		.enhanced = BYTES("5.1.1"),
		.text = BYTES("user unknown"),
		.step = BYTES("rcpt"),
		.at_wall_ms = loop_wall_ms(f->loop),
	};
	struct result_batch batch = {&result, 1};
	struct buf body;
	buf_init(&body, 1 << 16);
	assert_int_equal(result_batch_encode(&batch, &body), OK);
	publish(f, EXCHANGE_RESULTS, "bounced.default.x.example", buf_bytes(&body));
	buf_done(&body);
}

static void publish_unsuppress(struct fixture *f, const char *address)
{
	struct directive directive = {.kind = DIRECTIVE_UNSUPPRESS,
				      .has_suppression = true,
				      .suppression = {.address = bytes_of(address)}};
	struct buf body;
	buf_init(&body, 1 << 16);
	assert_int_equal(directive_encode(&directive, &body), OK);
	publish(f, EXCHANGE_INBOUND, "directive", buf_bytes(&body));
	buf_done(&body);
}

static bool is_suppressed(struct fixture *f, const char *address)
{
	struct arena *arena = arena_new();
	struct suppression found;
	const struct mail_owner whose = {.tenant = BYTES_NONE};
	enum err err = suppressions_find(f->replica, &whose, bytes_of(address),
					 loop_wall_ms(f->loop), arena, &found);
	arena_free(&arena);
	return err == OK;
}

/* ---- conditions ---- */

static bool is_ready(struct fixture *f)
{
	return broker_state(f->broker) == BROKER_READY && replica_is_complete(f->replica);
}

static bool ann_is_suppressed(struct fixture *f)
{
	return is_suppressed(f, "ann@x.example");
}

static bool ann_is_not_suppressed(struct fixture *f)
{
	return !is_suppressed(f, "ann@x.example");
}

static bool bob_is_suppressed(struct fixture *f)
{
	return is_suppressed(f, "bob@x.example");
}

static bool one_is_buried(struct fixture *f)
{
	return f->buried_count == 1;
}

static bool is_settled(struct fixture *f)
{
	return loop_now_ms(f->loop) > f->started_at_ms + SETTLED_MS;
}

static bool has_caught_up_again(struct fixture *f)
{
	return broker_state(f->broker) == BROKER_READY && f->caught_up_count >= 2;
}

/* ---- starting and ending ---- */

static void open_node_store(struct fixture *f)
{
	static const char *const databases[] = {REPLICA_DATABASES};
	char path[DIRECTORY_SIZE + 16];
	snprintf(path, sizeof path, "%s/node", f->directory);
	assert_int_equal(store_open(path, databases, sizeof databases / sizeof databases[0],
				    &f->node_store, NULL),
			 OK);
}

static void start_bouncer(struct fixture *f)
{
	struct bouncer_options options = {
		.node = {.loop = f->loop,
			 .hostname = "bouncer.example",
			 .data_dir = f->directory,
			 .broker = &((const struct test_settings *)conf_root(f->conf))->broker,
			 .routing = f->routing,
			 .store = f->node_store},
		.settings = &f->settings,
	};
	assert_int_equal(bouncer_start(&options, &f->bouncer, NULL), OK);
}

static void start_other_host(struct fixture *f)
{
	static const char *const databases[] = {REPLICA_DATABASES};
	const struct test_settings *settings = conf_root(f->conf);
	char path[DIRECTORY_SIZE + 16];
	snprintf(path, sizeof path, "%s/other", f->directory);
	assert_int_equal(store_open(path, databases, sizeof databases / sizeof databases[0],
				    &f->store, NULL),
			 OK);
	assert_int_equal(broker_open(f->loop, &settings->broker, f->routing, "test", NULL, NULL,
				     &f->broker, NULL),
			 OK);
	f->replica = replica_new(f->broker, f->loop, f->store, "suppressions", on_caught_up, f);
	struct consumer_options options = {
		.queue = QUEUE_BURIED, .prefetch = 10, .prefetch_bytes = 1 << 20};
	f->buried = consumer_new(f->broker, &options, on_buried, f);
}

static int setup(void **state)
{
	struct fixture *f = memory_new(sizeof *f);
	directory_make(f->directory);
	f->loop = loop_new();
	f->settings = (struct bouncer_settings){.prefetch = 10, .rules = ""};
	char url[300], text[400];
	node_start(f, url, sizeof url);
	snprintf(text, sizeof text, "broker: {url: \"%s\"}\n", url);
	f->routing = routing_new(&test_settings_load(text, &f->conf)->routing);
	open_node_store(f);
	start_bouncer(f);
	start_other_host(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	bouncer_free(&f->bouncer);
	replica_free(&f->replica);
	consumer_free(&f->buried);
	broker_close(&f->broker);
	store_close(&f->store);
	store_close(&f->node_store);
	loop_free(&f->loop);
	routing_free(&f->routing);
	conf_free(&f->conf);
	char told[1000];
	node_command(f, "kill", told, sizeof told);
	directory_remove(f->directory);
	free(f);
	return 0;
}

/* ---- the story ---- */

static void test_a_bounce_is_known_everywhere_until_it_is_lifted(void **state)
{
	struct fixture *f = *state;
	wait_until(f, is_ready);
	f->started_at_ms = loop_now_ms(f->loop);
	publish_bounce(f, "Ann@x.example");
	int64_t took_ms = wait_until(f, ann_is_suppressed);
	print_message("suppressed on another host after %d ms\n", (int)took_ms);
	assert_true(took_ms <= PROMISE_MS);

	publish_unsuppress(f, "ann@x.example");
	wait_until(f, ann_is_not_suppressed);

	publish(f, EXCHANGE_RESULTS, "bounced.default.x.example", BYTES("\xff no results"));
	wait_until(f, one_is_buried);

	wait_until(f, is_settled);
	char told[1000];
	node_command(f, "kill", told, sizeof told);
	node_start(f, told, sizeof told);
	wait_until(f, has_caught_up_again);
	publish_bounce(f, "bob@x.example");
	wait_until(f, bob_is_suppressed);
	assert_false(is_suppressed(f, "ann@x.example"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_bounce_is_known_everywhere_until_it_is_lifted, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
