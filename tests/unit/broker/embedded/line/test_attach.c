/* A client of another process at the directory's socket: what is sent arrives at the other end, whole and in order; the end of one
 * side is noticed by the other, once. Here the core's place is taken by one that answers only. */
#include "tests/check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/embedded/line/attach.h"
#include "fake_core.h"
#include "fixture_turns.h"

/* The host and its clients stand on one loop. */
struct fixture {
	struct loop *loop;
	char directory[64];
	struct core core;
	struct doorway *doorway;
	struct why why;
};

struct client {
	struct attachment *attachment;
	int got, lost;
	struct packet *last; /* of those that arrived */
	bool is_in_order, closes_in_arrived, closes_in_lost;
};

static int set_up(void **state)
{
	struct fixture *f = memory_new(sizeof *f);
	f->loop = loop_new();
	make_directory(f->directory);
	fake_core_init(&f->core);
	assert_int_equal(doorway_open(f->loop, &f->core, f->directory, &f->doorway, &f->why), OK);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	doorway_close(&f->doorway);
	assert_int_equal(f->core.sessions, 0);
	fake_core_done(&f->core);
	remove_directory(f->directory);
	loop_free(&f->loop);
	free(f);
	return 0;
}

static void on_arrived(void *owner, struct packet *packet)
{
	struct client *client = owner;
	client->got++;
	if (packet->kind == PACKET_ENTRY && packet->tag != (uint64_t)client->got - 1)
		client->is_in_order = false;
	packet_free(&client->last);
	client->last = packet;
	if (client->closes_in_arrived)
		attachment_close(&client->attachment);
}

static void on_lost(void *owner)
{
	struct client *client = owner;
	client->lost++;
	if (client->closes_in_lost)
		attachment_close(&client->attachment);
}

static void attach(struct fixture *f, struct client *client)
{
	*client = (struct client){.is_in_order = true};
	assert_int_equal(attachment_open(f->loop, f->directory, on_arrived, on_lost, client,
					 &client->attachment, &f->why),
			 OK);
	struct packet *hello = packet_new(PACKET_HELLO, 0);
	hello->text = memory_text("worker");
	hello->value[0] = PACKET_VERSION;
	attachment_send(client->attachment, hello);
}

static void detach(struct client *client)
{
	attachment_close(&client->attachment);
	packet_free(&client->last);
}

/* Comes back as an ENTRY. */
static void send_append(struct client *client, uint64_t tag, struct bytes record)
{
	struct packet *packet = packet_new(PACKET_APPEND, tag);
	packet->text = memory_text("suppressions");
	packet->value[0] = (int64_t)tag;
	packet->value[3] = -1;
	packet->record = shared_copy(record);
	attachment_send(client->attachment, packet);
}

static bool is_answered(void *owner)
{
	return ((const struct client *)owner)->got > 0;
}

static bool is_lost(void *owner)
{
	return ((const struct client *)owner)->lost > 0;
}

static bool has_many(void *owner)
{
	return ((const struct client *)owner)->got > 20000;
}

static bool is_deserted(void *owner)
{
	return ((const struct core *)owner)->sessions == 0;
}

static void assert_within(struct fixture *f, bool (*is_true)(void *), void *owner)
{
	assert_true(run_until(f->loop, is_true, owner, 10000));
}

static void test_packets_go_both_ways(void **state)
{
	struct fixture *f = *state;
	struct client client;
	attach(f, &client);
	assert_within(f, is_answered, &client);
	assert_int_equal(client.last->kind, PACKET_STATE);
	assert_int_equal(client.got, 1);
	send_append(&client, 1, BYTES("key\0value"));
	run_for(f->loop, 20);
	assert_int_equal(client.got, 2);
	assert_int_equal(client.last->kind, PACKET_ENTRY);
	assert_string_equal(client.last->text, "suppressions");
	assert_int_equal(client.last->value[0], 1);
	assert_int_equal(client.last->value[3], -1);
	assert_true(bytes_equal(shared_bytes(client.last->record), BYTES("key\0value")));
	detach(&client);
}

static void test_many_packets_keep_their_order(void **state)
{
	struct fixture *f = *state;
	static const uint8_t record[400000];
	struct client client;
	attach(f, &client);
	for (uint64_t tag = 1; tag <= 20000; tag++)
		send_append(&client, tag, bytes_from(record, tag % 1000 == 0 ? sizeof record : 9));
	assert_within(f, has_many, &client);
	assert_int_equal(client.got, 20001);
	assert_true(client.is_in_order);
	assert_int_equal(client.lost, 0);
	detach(&client);
}

static void test_two_clients_do_not_hear_each_other(void **state)
{
	struct fixture *f = *state;
	struct client first, second;
	attach(f, &first);
	attach(f, &second);
	assert_within(f, is_answered, &first);
	assert_within(f, is_answered, &second);
	send_append(&first, 1, BYTES("x"));
	run_for(f->loop, 20);
	assert_int_equal(first.got, 2);
	assert_int_equal(second.got, 1);
	detach(&first);
	run_for(f->loop, 20);
	assert_int_equal(f->core.sessions, 1);
	send_append(&second, 1, BYTES("x"));
	run_for(f->loop, 20);
	assert_int_equal(second.got, 2);
	detach(&second);
	assert_within(f, is_deserted, &f->core);
}

static void test_a_closing_host_is_noticed_once(void **state)
{
	struct fixture *f = *state;
	struct client first, second;
	attach(f, &first);
	attach(f, &second);
	assert_within(f, is_answered, &first);
	assert_within(f, is_answered, &second);
	second.closes_in_lost = true;
	doorway_close(&f->doorway);
	assert_int_equal(f->core.sessions, 0);
	assert_within(f, is_lost, &first);
	assert_within(f, is_lost, &second);
	send_append(&first, 1, BYTES("x")); /* to nobody */
	run_for(f->loop, 20);
	assert_int_equal(first.lost, 1);
	assert_int_equal(second.lost, 1);
	assert_null(second.attachment);
	detach(&first);
	detach(&second);
}

static void test_what_the_core_said_before_it_closed_arrives(void **state)
{
	struct fixture *f = *state;
	struct client client;
	attach(f, &client);
	assert_within(f, is_answered, &client);
	f->core.newest->send(f->core.newest->owner, packet_new(PACKET_DONE, 1));
	doorway_close(&f->doorway); /* no turn has ended in between */
	assert_within(f, is_lost, &client);
	assert_int_equal(client.got, 2);
	assert_int_equal(client.last->kind, PACKET_DONE);
	detach(&client);
}

/* A client that asks faster than the disk takes it must not fill the host's memory. */
static void test_a_busy_session_is_not_read_from_until_it_is_told_something(void **state)
{
	struct fixture *f = *state;
	static const uint8_t record[1000];
	struct client client;
	attach(f, &client);
	assert_within(f, is_answered, &client);
	f->core.is_busy = true;
	for (uint64_t tag = 1; tag <= 20000; tag++)
		send_append(&client, tag, bytes_from(record, sizeof record));
	run_for(f->loop, 200);
	int held_at = f->core.received;
	assert_true(held_at < 2000);
	run_for(f->loop, 50);
	assert_int_equal(f->core.received, held_at);
	f->core.is_busy = false;
	f->core.newest->send(f->core.newest->owner, packet_new(PACKET_DONE, 1));
	assert_within(f, has_many, &client);
	assert_int_equal(client.lost, 0);
	detach(&client);
}

static void test_a_client_may_close_when_a_packet_arrives(void **state)
{
	struct fixture *f = *state;
	struct client client;
	attach(f, &client);
	client.closes_in_arrived = true;
	send_append(&client, 1, BYTES("x"));
	assert_within(f, is_answered, &client);
	run_for(f->loop, 20);
	assert_int_equal(client.got, 1);
	assert_int_equal(client.lost, 0);
	detach(&client);
	assert_within(f, is_deserted, &f->core);
}

static void test_a_socket_that_was_removed_is_made_again(void **state)
{
	struct fixture *f = *state;
	struct client before, after;
	char path[128];
	(void)snprintf(path, sizeof path, "%s/socket", f->directory);
	attach(f, &before);
	assert_within(f, is_answered, &before);
	assert_int_equal(unlink(path), 0);
	run_for(f->loop, 1300);
	attach(f, &after);
	assert_within(f, is_answered, &after);
	assert_int_equal(before.lost, 0);
	detach(&before);
	detach(&after);
}

/* A client whose loop does not turn: as one that was stopped. */
static void *sit_there(void *owner)
{
	struct fixture mine = {.loop = loop_new()};
	struct client client;
	(void)snprintf(mine.directory, sizeof mine.directory, "%s", (const char *)owner);
	attach(&mine, &client);
	run_for(mine.loop, 100);
	usleep(1500000);
	detach(&client);
	loop_free(&mine.loop);
	return NULL;
}

static void test_a_client_that_hangs_is_let_go_and_one_that_is_idle_is_not(void **state)
{
	struct fixture *f = *state;
	struct client idle;
	pthread_t thread;
	doorway_ping_every(f->doorway, 100);
	attach(f, &idle);
	assert_within(f, is_answered, &idle);
	assert_int_equal(pthread_create(&thread, NULL, sit_there, f->directory), 0);
	run_for(f->loop, 300);
	assert_int_equal(f->core.sessions, 2);
	run_for(f->loop, 900);
	assert_int_equal(f->core.sessions, 1);
	assert_int_equal(idle.lost, 0);
	assert_int_equal(idle.got, 1); /* pings are not for its owner */
	run_for(f->loop, 700);
	assert_int_equal(pthread_join(thread, NULL), 0);
	detach(&idle);
}

static void test_nobody_listens(void **state)
{
	struct fixture *f = *state;
	struct client client = {0};
	struct attachment **at = &client.attachment;
	char path[128];
	doorway_close(&f->doorway);
	assert_int_equal(
		attachment_open(f->loop, f->directory, on_arrived, on_lost, &client, at, &f->why),
		E_AWAY);
	assert_int_equal(attachment_open(f->loop, "/tmp/leveret-embedded-absent", on_arrived,
					 on_lost, &client, at, &f->why),
			 E_AWAY);
	(void)snprintf(path, sizeof path, "%s/socket", f->directory);
	FILE *file = fopen(path, "w"); /* and no socket stands there */
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(
		attachment_open(f->loop, f->directory, on_arrived, on_lost, &client, at, &f->why),
		E_AWAY);
	assert_null(client.attachment);
}

static void test_a_directory_that_cannot_be_used_says_why(void **state)
{
	struct fixture *f = *state;
	struct doorway *doorway = NULL;
	assert_int_equal(
		doorway_open(f->loop, &f->core, "/tmp/leveret-embedded-absent", &doorway, &f->why),
		E_IO);
	assert_non_null(strstr(f->why.text, "leveret-embedded-absent"));
	assert_null(doorway);
}

/* ---- a host on a thread of its own ---- */

static void *run_host(void *owner)
{
	loop_run(owner);
	return NULL;
}

static void stop_host(void *owner)
{
	loop_stop(owner);
}

/* Far more than the socket holds, and nobody runs the client's loop any more. */
static void test_what_was_sent_before_closing_arrives(void **state)
{
	struct fixture *f = *state;
	static const uint8_t record[100000];
	struct loop *host = f->loop, *mine = loop_new();
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, run_host, host), 0);
	struct client client;
	f->loop = mine;
	attach(f, &client);
	for (uint64_t i = 0; i < 100; i++) {
		struct packet *packet = packet_new(PACKET_PUBLISH, i + 1);
		packet->record = shared_copy(bytes_from(record, sizeof record));
		attachment_send(client.attachment, packet);
	}
	detach(&client);
	for (int i = 0; i < 2000 && (f->core.received < 101 || f->core.sessions > 0); i++)
		usleep(1000);
	loop_post(host, stop_host, host);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(f->core.received, 101);
	f->loop = host;
	loop_free(&mine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		T(test_packets_go_both_ways),
		T(test_many_packets_keep_their_order),
		T(test_two_clients_do_not_hear_each_other),
		T(test_a_closing_host_is_noticed_once),
		T(test_what_the_core_said_before_it_closed_arrives),
		T(test_a_busy_session_is_not_read_from_until_it_is_told_something),
		T(test_a_client_may_close_when_a_packet_arrives),
		T(test_a_socket_that_was_removed_is_made_again),
		T(test_a_client_that_hangs_is_let_go_and_one_that_is_idle_is_not),
		T(test_nobody_listens),
		T(test_a_directory_that_cannot_be_used_says_why),
		T(test_what_was_sent_before_closing_arrives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
