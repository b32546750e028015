/* Hosts of a directory: one per process, one process at a time; and ports, by which loops on other threads talk to its core. */
#include "tests/unit/broker/home_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "broker/embedded/line/host.h"
#include "broker/embedded/packet/record.h"
#include "lib/base/memory.h"

static int setup(void **state)
{
	struct home *home = memory_new(sizeof *home);
	home_open(home, "min_free: 0");
	*state = home;
	return 0;
}

static int teardown(void **state)
{
	struct home *home = *state;
	home_close(home);
	free(home);
	return 0;
}

static struct host *join(const struct home *home)
{
	struct host *host = NULL;
	struct why why = {""};
	if (host_join(home->broker, home->settings, home->routing, &host, &why))
		print_error("%s\n", why.text);
	assert_non_null(host);
	return host;
}

/* ---- the directory ---- */

static void test_two_who_join_share_a_host_whatever_they_call_it(void **state)
{
	struct home *home = *state;
	char other_name[sizeof home->broker + 8];
	struct host *first = join(home), *second;
	struct why why;
	(void)snprintf(other_name, sizeof other_name, "%s/.//", home->broker);
	assert_int_equal(host_join(other_name, home->settings, home->routing, &second, &why), OK);
	assert_ptr_equal(first, second);
	host_leave(&first);
	assert_null(first);
	host_leave(&second);
	first = join(home); /* the last one let go of the lock */
	host_leave(&first);
}

static void test_a_directory_that_cannot_be_made_is_told(void **state)
{
	struct home *home = *state;
	struct host *host = NULL;
	struct why why = {""};
	int fd = open(home->broker, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(host_join(home->broker, home->settings, home->routing, &host, &why), E_IO);
	assert_non_null(strstr(why.text, home->broker));
	assert_null(host);
}

static void test_another_process_keeps_the_directory_until_it_is_killed(void **state)
{
	struct home *home = *state;
	pid_t pid = home_fork_host(home);
	char name[32];
	struct host *host = NULL;
	struct why why = {""};
	(void)snprintf(name, sizeof name, "process %d", (int)pid);
	assert_int_equal(host_join(home->broker, home->settings, home->routing, &host, &why),
			 E_BLOCKED);
	assert_non_null(strstr(why.text, name));
	home_kill(&pid);
	host = join(home);
	host_leave(&host);
}

static void *join_and_leave(void *owner)
{
	for (int i = 0; i < 20; i++) {
		struct host *host = join(owner);
		host_leave(&host);
	}
	return NULL;
}

static void test_threads_join_and_leave_at_once(void **state)
{
	pthread_t threads[3];
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, join_and_leave, *state), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* ---- ports ---- */

/* A loop with a port, on the thread that runs it. */
struct visitor {
	struct loop *loop;
	struct port *port;
	size_t sent, done, ready;
	bool has_state;
};

static void on_packet(void *owner, struct packet *packet)
{
	struct visitor *visitor = owner;
	if (packet->kind == PACKET_STATE)
		visitor->has_state = true;
	if (packet->kind == PACKET_DONE && packet->value[0] == OK)
		visitor->done++;
	if (packet->kind == PACKET_QUEUE && strcmp(packet->text, QUEUE_SUBMIT_TX) == 0)
		visitor->ready = (size_t)packet->value[0];
	packet_free(&packet);
}

static void visit(struct visitor *visitor, struct host *host)
{
	*visitor = (struct visitor){.loop = loop_new()};
	visitor->port = port_open(host, visitor->loop, on_packet, visitor);
	struct packet *hello = packet_new(PACKET_HELLO, 0);
	hello->text = memory_text("visitor");
	hello->value[0] = PACKET_VERSION;
	port_send(visitor->port, hello);
}

/* The loop goes at once, with whatever is on its way. */
static void leave(struct visitor *visitor)
{
	port_close(&visitor->port);
	loop_free(&visitor->loop);
}

static void publish(struct visitor *visitor, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct packet *packet = packet_new(PACKET_PUBLISH, ++visitor->sent);
		const struct record record = {.exchange = EXCHANGE_SUBMIT,
					      .key = "tx",
					      .message_id = "",
					      .content_type = "",
					      .content_encoding = "",
					      .reason = "",
					      .body_size = 1,
					      .body = BYTES("x")};
		assert_int_equal(record_encode(&record, BYTES_NONE, &packet->record), OK);
		port_send(visitor->port, packet);
	}
}

static bool is_all_done(void *arg)
{
	const struct visitor *visitor = arg;
	return visitor->done == visitor->sent && visitor->has_state;
}

/* What stands in the queue, by the eyes of a visitor of its own; what others sent may still be on its way to the disk. */
static void assert_ready(struct host *host, size_t count)
{
	struct visitor visitor;
	visit(&visitor, host);
	for (int64_t waited_ms = 0; visitor.ready != count && waited_ms < WAIT_MS;
	     waited_ms += 10) {
		run_for(visitor.loop, 10);
		port_send(visitor.port, packet_new(PACKET_INSPECT, ++visitor.sent));
		assert_true(run_until(visitor.loop, is_all_done, &visitor, WAIT_MS));
	}
	assert_int_equal(visitor.ready, count);
	leave(&visitor);
}

struct traffic {
	struct host *host;
	atomic_size_t sent;
};

static void *publish_on_thread(void *owner)
{
	struct traffic *traffic = owner;
	for (int round = 0; round < 20; round++) {
		struct visitor visitor;
		visit(&visitor, traffic->host);
		publish(&visitor, 50);
		if (round % 3 == 0) /* all answers awaited, some, or none */
			assert_true(run_until(visitor.loop, is_all_done, &visitor, WAIT_MS));
		else if (round % 3 == 1)
			run_for(visitor.loop, round % 5);
		atomic_fetch_add(&traffic->sent, visitor.sent);
		leave(&visitor);
	}
	return NULL;
}

static void test_what_was_sent_before_a_port_closed_reaches_the_core(void **state)
{
	struct traffic traffic = {.host = join(*state)};
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, publish_on_thread, &traffic), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_ready(traffic.host, atomic_load(&traffic.sent));
	host_leave(&traffic.host);
}

static void test_the_last_one_leaves_right_after_its_last_packet(void **state)
{
	for (size_t round = 1; round <= 10; round++) {
		struct host *host = join(*state);
		struct visitor visitor;
		visit(&visitor, host);
		publish(&visitor, 10);
		leave(&visitor);
		host_leave(&host);
		host = join(*state);
		assert_ready(host, round * 10);
		host_leave(&host);
	}
}

static void test_a_port_that_says_nothing_can_be_closed(void **state)
{
	struct host *host = join(*state);
	struct loop *loop = loop_new();
	struct port *port = port_open(host, loop, on_packet, NULL);
	port_close(&port);
	assert_null(port);
	port_close(&port);
	loop_free(&loop);
	host_leave(&host);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_two_who_join_share_a_host_whatever_they_call_it),
		TEST(test_a_directory_that_cannot_be_made_is_told),
		TEST(test_another_process_keeps_the_directory_until_it_is_killed),
		TEST(test_threads_join_and_leave_at_once),
		TEST(test_what_was_sent_before_a_port_closed_reaches_the_core),
		TEST(test_the_last_one_leaves_right_after_its_last_packet),
		TEST(test_a_port_that_says_nothing_can_be_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
