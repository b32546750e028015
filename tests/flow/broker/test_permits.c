/* The promises of permits, against a real broker and whatever engine runs: never two holders of one place, over processes that come,
 * go and are killed. Other processes are this program again, with arguments. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "tests/flow/broker/fixture_broker.h"

#include "tests/check.h"

#define NAME "site.gmail.connections"

/* ---- one who asks ---- */

struct holder {
	struct permit *permit;
	bool is_held;
	unsigned place;
	size_t granted_count, lost_count;
};

static void on_granted(void *owner, unsigned place)
{
	struct holder *holder = owner;
	assert_false(holder->is_held);
	holder->is_held = true;
	holder->place = place;
	holder->granted_count++;
}

static void on_lost(void *owner)
{
	struct holder *holder = owner;
	assert_true(holder->is_held);
	holder->is_held = false;
	holder->lost_count++;
}

static const struct permit_handler handler = {.granted = on_granted, .lost = on_lost};

static void ask(struct fixture *f, struct holder *holder, const char *name, unsigned limit)
{
	*holder = (struct holder){0};
	holder->permit = permit_ask(f->broker, name, limit, &handler, holder);
}

static void give_up_place(struct holder *holder)
{
	holder->is_held = false;
	permit_free(&holder->permit);
}

struct crowd {
	struct holder *holders;
	size_t count, wanted;
};

static size_t held_count(const struct crowd *crowd)
{
	size_t held = 0;
	for (size_t i = 0; i < crowd->count; i++)
		held += crowd->holders[i].is_held;
	return held;
}

static bool is_wanted_count(void *arg)
{
	const struct crowd *crowd = arg;
	return held_count(crowd) == crowd->wanted;
}

/* So many hold a place, within the limit and for a while after. */
static void assert_held(struct fixture *f, struct holder *holders, size_t count, size_t wanted,
			int64_t limit_ms)
{
	struct crowd crowd = {holders, count, wanted};
	if (!run_until(f, is_wanted_count, &crowd, limit_ms))
		give_up("%zu of %zu hold a place, not %zu", held_count(&crowd), count, wanted);
	run_for(f, 50);
	assert_int_equal(held_count(&crowd), wanted);
}

/* Within which a place that came free in good order is another's. */
static int64_t handover_ms(void)
{
	return node_is_embedded() ? 500 : 2000;
}

static void free_all(struct holder *holders, size_t count)
{
	for (size_t i = 0; i < count; i++)
		give_up_place(&holders[i]);
}

/* ---- one process ---- */

static void test_as_many_as_there_are_places_hold_one_each(void **state)
{
	struct fixture *f = *state;
	struct holder holders[8];
	bool is_used[5] = {false};
	for (size_t i = 0; i < 8; i++)
		ask(f, &holders[i], NAME, 5);
	for (size_t i = 0; i < 8; i++)
		assert_false(holders[i].is_held); /* not from inside the call */
	assert_held(f, holders, 8, 5, WAIT_MS);
	for (size_t i = 0; i < 8; i++) {
		if (!holders[i].is_held)
			continue;
		assert_in_range(holders[i].place, 0, 4);
		assert_false(is_used[holders[i].place]);
		is_used[holders[i].place] = true;
	}
	free_all(holders, 8);
}

static void test_who_waits_gets_the_place_that_comes_free(void **state)
{
	struct fixture *f = *state;
	struct fixture *g = fixture_new(f->settings->prefix, NULL);
	struct holder mine, theirs;
	fixture_open(g);
	wait_ready(g);
	ask(f, &mine, NAME, 1);
	assert_held(f, &mine, 1, 1, WAIT_MS);
	ask(g, &theirs, NAME, 1);
	for (int i = 0; i < 3; i++) {
		run_for(g, 400);
		assert_false(theirs.is_held);
		give_up_place(&mine);
		run_for(f, 20);
		assert_held(g, &theirs, 1, 1, handover_ms());

		ask(f, &mine, NAME, 1);
		run_for(f, 400);
		assert_false(mine.is_held);
		give_up_place(&theirs);
		run_for(g, 20);
		assert_held(f, &mine, 1, 1, handover_ms());
		ask(g, &theirs, NAME, 1);
	}
	give_up_place(&mine);
	give_up_place(&theirs);
	fixture_free(&g);
}

static void test_a_limit_is_raised_and_lowered_while_in_use(void **state)
{
	struct fixture *f = *state;
	struct holder holders[6];
	for (size_t i = 0; i < 6; i++)
		ask(f, &holders[i], NAME, 0);
	run_for(f, 200);
	assert_held(f, holders, 6, 0, WAIT_MS);
	for (size_t i = 0; i < 6; i++)
		permit_limit(holders[i].permit, 4);
	assert_held(f, holders, 6, 4, WAIT_MS);

	/* Whoever holds a place below the new limit keeps it, and is not disturbed. */
	for (size_t i = 0; i < 6; i++)
		permit_limit(holders[i].permit, 2);
	assert_held(f, holders, 6, 2, WAIT_MS);
	size_t lost = 0;
	for (size_t i = 0; i < 6; i++) {
		lost += holders[i].lost_count;
		if (holders[i].is_held) {
			assert_in_range(holders[i].place, 0, 1);
			assert_int_equal(holders[i].lost_count, 0);
		}
	}
	assert_int_equal(lost, 2);

	for (size_t i = 0; i < 6; i++)
		permit_limit(holders[i].permit, 10);
	assert_held(f, holders, 6, 6, WAIT_MS);
	for (size_t i = 0; i < 6; i++)
		permit_limit(holders[i].permit, 0);
	assert_held(f, holders, 6, 0, WAIT_MS);
	free_all(holders, 6);
}

/* Grants that are on their way meet other limits than they were made for. */
static void test_limits_that_change_all_the_time_give_no_place_twice(void **state)
{
	struct fixture *f = *state;
	enum { COUNT = 6 };
	struct holder holders[COUNT];
	for (size_t i = 0; i < COUNT; i++)
		ask(f, &holders[i], NAME, COUNT);
	for (int turn = 0; turn < 300; turn++) {
		struct holder *holder = &holders[random_u64() % COUNT];
		permit_limit(holder->permit, (unsigned)(random_u64() % (COUNT + 1)));
		run_for(f, (int64_t)(random_u64() % 5));
		unsigned used = 0;
		for (size_t i = 0; i < COUNT; i++) {
			if (!holders[i].is_held)
				continue;
			assert_int_equal(used & 1u << holders[i].place, 0);
			used |= 1u << holders[i].place;
		}
	}
	for (size_t i = 0; i < COUNT; i++)
		permit_limit(holders[i].permit, COUNT);
	assert_held(f, holders, COUNT, COUNT, WAIT_MS);
	free_all(holders, COUNT);
}

static void test_names_are_told_apart_whatever_they_are_made_of(void **state)
{
	struct fixture *f = *state;
	char long_one[PERMIT_NAME_MAX], long_two[PERMIT_NAME_MAX];
	memset(long_one, 'x', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = '\0';
	memcpy(long_two, long_one, sizeof long_two);
	long_two[sizeof long_two - 2] = 'y';
	const char *const names[] = {
		"a b",
		"a.b",
		"a%20b",
		"a\nb",
		"#",
		"*",
		"a/b?c",
		"A.B",
		"\xff",
		"\xc3\xbc.example",
		"leveret.submit",
		long_one,
		long_two,
		"a.b.0", /* a name and a place of another one */
	};
	enum { COUNT = sizeof names / sizeof names[0] };
	struct holder holders[COUNT], others[COUNT];
	for (size_t i = 0; i < COUNT; i++)
		ask(f, &holders[i], names[i], 1);
	assert_held(f, holders, COUNT, COUNT, WAIT_MS);
	for (size_t i = 0; i < COUNT; i++)
		ask(f, &others[i], names[i], 1);
	run_for(f, 300);
	assert_held(f, others, COUNT, 0, WAIT_MS);

	/* Another prefix has places of its own. */
	char prefix[64];
	(void)snprintf(prefix, sizeof prefix, "%sother.", f->settings->prefix);
	struct fixture *g = fixture_new(prefix, NULL);
	struct holder apart;
	fixture_open(g);
	ask(g, &apart, names[0], 1);
	assert_held(g, &apart, 1, 1, WAIT_MS);
	give_up_place(&apart);
	fixture_free(&g);
	free_all(holders, COUNT);
	free_all(others, COUNT);
}

static void test_five_hundred_names_change_hands(void **state)
{
	struct fixture *f = *state;
	enum { COUNT = 500 };
	struct fixture *g = fixture_new(f->settings->prefix, NULL);
	struct holder *mine = memory_array(COUNT, sizeof *mine);
	struct holder *theirs = memory_array(COUNT, sizeof *theirs);
	char name[64];
	fixture_open(g);
	wait_ready(g);
	for (size_t i = 0; i < COUNT; i++) {
		(void)snprintf(name, sizeof name, "site.%zu.connections", i);
		ask(f, &mine[i], name, 1);
	}
	assert_held(f, mine, COUNT, COUNT, WAIT_MS);
	for (size_t i = 0; i < COUNT; i++) {
		(void)snprintf(name, sizeof name, "site.%zu.connections", i);
		ask(g, &theirs[i], name, 1);
	}
	run_for(g, 500);
	assert_held(g, theirs, COUNT, 0, WAIT_MS);
	free_all(mine, COUNT);
	int64_t before_ms = clock_wall_ms(clock_system());
	run_for(f, 50);
	assert_held(g, theirs, COUNT, COUNT, WAIT_MS);
	print_message("500 places changed hands in %lld ms\n",
		      (long long)(clock_wall_ms(clock_system()) - before_ms));
	free_all(theirs, COUNT);
	free(mine);
	free(theirs);
	fixture_free(&g);
}

/* Like all else that a broker gave, they may be freed after it. */
static void test_a_broker_that_is_closed_gives_its_places_back(void **state)
{
	struct fixture *f = *state;
	struct fixture *g = fixture_new(f->settings->prefix, NULL);
	struct holder mine, theirs, waiting;
	fixture_open(g);
	wait_ready(g);
	ask(g, &theirs, NAME, 1);
	assert_held(g, &theirs, 1, 1, WAIT_MS);
	ask(g, &waiting, NAME, 1);
	ask(f, &mine, NAME, 1);
	run_for(f, 300);
	assert_false(mine.is_held);
	broker_close(&g->broker);
	assert_held(f, &mine, 1, 1, handover_ms());
	assert_int_equal(theirs.lost_count, 0);
	permit_limit(theirs.permit, 0);
	give_up_place(&theirs);
	give_up_place(&waiting);
	give_up_place(&mine);
	fixture_free(&g);
}

/* ---- other processes ---- */

#define PROCESSES 5
#define PLACES	  5
#define ASKERS	  3 /* of each process */
#define SLOTS	  400

/* Written by all of them: who uses which place now. It knows nothing of brokers. */
struct witness {
	atomic_int user[PLACES];      /* slot + 1 of the process that uses the place; 0: nobody */
	atomic_bool is_doomed[SLOTS]; /* to be killed now: what it used may be others' */
	atomic_bool is_ready[SLOTS];
	atomic_int meetings; /* two users of one place */
	atomic_int uses[PLACES];
	atomic_int losses;
};

static struct witness *witness;
static int own_slot;

static struct witness *witness_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(struct witness)) != 0)
		give_up("%s: %s", path, strerror(errno));
	void *at = mmap(NULL, sizeof(struct witness), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		give_up("mmap: %s", strerror(errno));
	(void)close(fd);
	return at;
}

static void use(unsigned place)
{
	int before = atomic_exchange(&witness->user[place], own_slot + 1);
	if (before != 0 && !atomic_load(&witness->is_doomed[before - 1]))
		atomic_fetch_add(&witness->meetings, 1);
	atomic_fetch_add(&witness->uses[place], 1);
}

static void stop_using(unsigned place)
{
	int own = own_slot + 1;
	(void)atomic_compare_exchange_strong(&witness->user[place], &own, 0);
}

static void on_child_granted(void *owner, unsigned place)
{
	on_granted(owner, place);
	use(place);
}

static void on_child_lost(void *owner)
{
	struct holder *holder = owner;
	stop_using(holder->place);
	on_lost(holder);
	atomic_fetch_add(&witness->losses, 1);
}

static const struct permit_handler child_handler = {on_child_granted, on_child_lost};

/* Asks and gives back at random until it is killed. */
static void child_plays(struct fixture *f)
{
	struct holder holders[ASKERS] = {0};
	for (;;) {
		struct holder *holder = &holders[random_u64() % ASKERS];
		if (holder->is_held)
			stop_using(holder->place);
		if (holder->permit)
			give_up_place(holder);
		else
			holder->permit =
				permit_ask(f->broker, NAME, PLACES, &child_handler, holder);
		run_for(f, (int64_t)(random_u64() % 20));
	}
}

/* Hosts the engine, or just connects, and holds place 0 of NAME. */
static void child_holds(struct fixture *f)
{
	struct holder holder = {0};
	holder.permit = permit_ask(f->broker, NAME, 1, &child_handler, &holder);
	for (;;) {
		run_for(f, 10);
		if (holder.is_held)
			atomic_store(&witness->is_ready[own_slot], true);
	}
}

static void child_waits(struct fixture *f)
{
	atomic_store(&witness->is_ready[own_slot], true);
	for (;;)
		run_for(f, 1000);
}

/* ADDRESS PREFIX WITNESS SLOT play|hold|wait */
static int run_child(char **arguments)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	node_join(arguments[0]);
	witness = witness_map(arguments[2]);
	own_slot = (int)strtol(arguments[3], NULL, 10);
	struct fixture *f = fixture_new(arguments[1], NULL);
	fixture_open(f);
	if (strcmp(arguments[4], "play") == 0)
		child_plays(f);
	wait_ready(f);
	if (strcmp(arguments[4], "hold") == 0)
		child_holds(f);
	child_waits(f);
	return 1;
}

/* ---- the parent of such processes ---- */

struct family {
	char prefix[40], witness_path[64], address[256];
	int next_slot;
	pid_t pids[SLOTS];
};

static void family_open(struct family *family)
{
	char id[ID_SIZE];
	*family = (struct family){0};
	id_new(1, id);
	(void)snprintf(family->prefix, sizeof family->prefix, "t%s.", id + 18);
	(void)snprintf(family->witness_path, sizeof family->witness_path,
		       "/tmp/leveret-test-witness.%s", id);
	node_address(family->address, sizeof family->address);
	witness = witness_map(family->witness_path);
}

static int bear(struct family *family, const char *what)
{
	int slot = family->next_slot++;
	char slot_text[16];
	assert_true(slot < SLOTS);
	(void)snprintf(slot_text, sizeof slot_text, "%d", slot);
	char *const arguments[] = {"test_permits",	 "--child", family->address, family->prefix,
				   family->witness_path, slot_text, (char *)what,    NULL};
	family->pids[slot] = fork();
	if (family->pids[slot] == 0) {
		(void)execv("/proc/self/exe", arguments);
		_exit(127);
	}
	assert_true(family->pids[slot] > 0);
	return slot;
}

static void kill_child(struct family *family, int slot)
{
	atomic_store(&witness->is_doomed[slot], true);
	(void)kill(family->pids[slot], SIGKILL);
	assert_int_equal(waitpid(family->pids[slot], NULL, 0), family->pids[slot]);
	family->pids[slot] = 0;
}

static void wait_child(int slot)
{
	for (int i = 0; i < WAIT_MS / 10 && !atomic_load(&witness->is_ready[slot]); i++)
		usleep(10000);
	assert_true(atomic_load(&witness->is_ready[slot]));
}

static void family_close(struct family *family)
{
	for (int slot = 0; slot < family->next_slot; slot++) {
		if (family->pids[slot])
			kill_child(family, slot);
	}
	(void)munmap(witness, sizeof *witness);
	(void)unlink(family->witness_path);
}

/* On the embedded engine the one that is killed often hosts it, and all others lose what they hold. */
static void test_no_place_is_used_twice_while_processes_are_killed(void **state)
{
	enum { KILLS = 24 };
	struct family family;
	int slots[PROCESSES];
	(void)state;
	family_open(&family);
	for (int i = 0; i < PROCESSES; i++)
		slots[i] = bear(&family, "play");
	for (int i = 0; i < KILLS; i++) {
		usleep((unsigned)(200000 + random_u64() % 500000));
		int *slot = &slots[random_u64() % PROCESSES];
		kill_child(&family, *slot);
		*slot = bear(&family, "play");
	}
	usleep(2000000);
	int uses = 0;
	for (int i = 0; i < PLACES; i++) {
		if (atomic_load(&witness->uses[i]) == 0)
			give_up("place %d was never used", i);
		uses += atomic_load(&witness->uses[i]);
	}
	print_message("%d uses of %d places by %d processes, %d killed; %d lost\n", uses, PLACES,
		      PROCESSES, KILLS, atomic_load(&witness->losses));
	assert_int_equal(atomic_load(&witness->meetings), 0);
	assert_true(uses > 200);
	family_close(&family);
}

static void test_a_killed_process_gives_its_places_back(void **state)
{
	struct fixture *f = *state;
	struct family family;
	struct holder holder, late;
	family_open(&family);
	(void)snprintf(family.prefix, sizeof family.prefix, "%s", f->settings->prefix);
	int child = bear(&family, "hold");
	wait_child(child);
	ask(f, &holder, NAME, 1);
	run_for(f, 300);
	assert_false(holder.is_held);
	int64_t before_ms = clock_wall_ms(clock_system());
	kill_child(&family, child);
	/* Who asks now has it at once; who waits, a little later. */
	give_up_place(&holder);
	ask(f, &late, NAME, 1);
	assert_held(f, &late, 1, 1, 1000);
	print_message("another's within %lld ms\n",
		      (long long)(clock_wall_ms(clock_system()) - before_ms));
	give_up_place(&late);
	run_for(f, 20);

	child = bear(&family, "hold");
	wait_child(child);
	ask(f, &holder, NAME, 1);
	run_for(f, 300);
	kill_child(&family, child);
	assert_held(f, &holder, 1, 1, handover_ms());
	give_up_place(&holder);
	family_close(&family);
}

static bool is_one_lost(void *arg)
{
	const struct holder *holders = arg;
	return holders[0].lost_count + holders[1].lost_count == 1;
}

static void test_places_are_lost_with_the_connection_and_come_again(void **state)
{
	struct family family;
	struct holder holders[2];
	(void)state;
	family_open(&family);
	int host = bear(&family, "wait"); /* of the embedded engine: its core dies with it */
	wait_child(host);
	struct fixture *f = fixture_new(family.prefix, NULL);
	fixture_open(f);
	wait_ready(f);
	ask(f, &holders[0], NAME, 1);
	ask(f, &holders[1], NAME, 1);
	assert_held(f, holders, 2, 1, WAIT_MS);
	if (node_is_embedded()) {
		kill_child(&family, host);
	} else {
		node_do("kill");
		node_do("start");
	}
	run_for(f, 10); /* the loop stood still: its clock is set again */
	assert_true(run_until(f, is_one_lost, holders, 1000));
	assert_held(f, holders, 2, 1, WAIT_MS);
	free_all(holders, 2);
	fixture_free(&f);
	family_close(&family);
}

/* The connection stands, but nothing comes: before the broker gives the place to others, nobody here uses it any more. */
static void test_places_are_lost_when_the_broker_falls_silent(void **state)
{
	struct fixture *f = *state;
	struct holder holder;
	if (node_pid() == 0)
		skip();
	struct fixture *g = fixture_new(f->settings->prefix, "  heartbeat: 2s");
	fixture_open(g);
	wait_ready(g);
	ask(g, &holder, NAME, 1);
	assert_held(g, &holder, 1, 1, WAIT_MS);
	run_for(g, 4000); /* an idle broker is heard all the same */
	assert_true(holder.is_held);
	int64_t before_ms = clock_wall_ms(clock_system());
	(void)kill(node_pid(), SIGSTOP);
	struct crowd nobody = {&holder, 1, 0};
	bool is_lost = run_until(g, is_wanted_count, &nobody, 10000);
	int64_t took_ms = clock_wall_ms(clock_system()) - before_ms;
	(void)kill(node_pid(), SIGCONT);
	assert_true(is_lost);
	/* RabbitMQ waits for two whole heartbeats at least, from our last, which was at most a quarter before. */
	if (took_ms > 3500)
		give_up("lost after %lld ms only", (long long)took_ms);
	assert_held(g, &holder, 1, 1, WAIT_MS);
	give_up_place(&holder);
	fixture_free(&g);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(int count, char **arguments)
{
	if (count == 7 && strcmp(arguments[1], "--child") == 0)
		return run_child(arguments + 2);
	const struct CMUnitTest tests[] = {
		TEST(test_as_many_as_there_are_places_hold_one_each),
		TEST(test_who_waits_gets_the_place_that_comes_free),
		TEST(test_a_limit_is_raised_and_lowered_while_in_use),
		TEST(test_limits_that_change_all_the_time_give_no_place_twice),
		TEST(test_names_are_told_apart_whatever_they_are_made_of),
		TEST(test_five_hundred_names_change_hands),
		TEST(test_a_broker_that_is_closed_gives_its_places_back),
		TEST(test_a_killed_process_gives_its_places_back),
		TEST(test_places_are_lost_when_the_broker_falls_silent),
		cmocka_unit_test(test_no_place_is_used_twice_while_processes_are_killed),
		cmocka_unit_test(test_places_are_lost_with_the_connection_and_come_again),
	};
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
