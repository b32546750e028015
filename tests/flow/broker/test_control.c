/* Words to every process and their answers, against a real broker and whatever engine runs. */
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "tests/flow/broker/fixture_broker.h"

#include "tests/check.h"

#define HEARD_MAX 3000

/* ---- one who listens ---- */

struct listener {
	struct fixture *f;
	size_t heard_count, answers; /* given to each question */
	struct bytes answer;	     /* none: the question itself, and the number of the answer */
	char last[64];
	struct reply_address *address; /* of the last one */
};

static void on_heard(void *owner, struct bytes question, struct reply_address *address)
{
	struct listener *listener = owner;
	char text[128];
	(void)bytes_to_cstr(bytes_first(question, sizeof listener->last - 1), listener->last,
			    sizeof listener->last);
	listener->heard_count++;
	for (size_t i = 0; i < listener->answers; i++) {
		(void)snprintf(text, sizeof text, "%s%zu", listener->last, i);
		bool is_sent =
			broker_answer(listener->f->broker, address,
				      listener->answer.len > 0 ? listener->answer : bytes_of(text));
		assert_true(is_sent);
	}
	reply_address_free(&listener->address);
	listener->address = address;
}

static void start_listening(struct fixture *f, struct listener *listener, size_t answers)
{
	*listener = (struct listener){.f = f, .answers = answers};
	broker_listen(f->broker, on_heard, listener);
}

/* ---- one who asks ---- */

struct asker {
	struct asking *asking;
	size_t count, bytes;
	char texts[HEARD_MAX][16];
};

static void on_answered(void *owner, struct bytes answer)
{
	struct asker *asker = owner;
	assert_true(asker->count < HEARD_MAX);
	(void)bytes_to_cstr(bytes_first(answer, sizeof asker->texts[0] - 1),
			    asker->texts[asker->count], sizeof asker->texts[0]);
	asker->count++;
	asker->bytes += answer.len;
}

static struct asker *ask(struct fixture *f, struct bytes question)
{
	struct asker *asker = memory_new(sizeof *asker);
	asker->asking = broker_ask(f->broker, question, on_answered, asker);
	return asker;
}

static void asker_free(struct asker **asker)
{
	asking_free(&(*asker)->asking);
	free(*asker);
	*asker = NULL;
}

/* Loops of this program take turns, so that each can do its part. */
static bool wait_answers(struct fixture *f, struct fixture *g, const struct asker *asker,
			 size_t count)
{
	for (int i = 0; i < WAIT_MS / 10 && asker->count < count; i++) {
		run_for(f, 5);
		run_for(g, 5);
	}
	return asker->count >= count;
}

static void take_turns(struct fixture *f, struct fixture *g)
{
	for (int i = 0; i < 20; i++) {
		run_for(f, 20);
		run_for(g, 20);
	}
}

static struct fixture *neighbour(const struct fixture *f)
{
	struct fixture *g = fixture_new(f->settings->prefix, NULL);
	fixture_open(g);
	wait_ready(g);
	return g;
}

/* ---- tests ---- */

static void test_everybody_who_listens_hears_and_answers(void **state)
{
	struct fixture *f = *state;
	struct fixture *g = neighbour(f), *h = neighbour(f), *deaf = neighbour(f);
	struct listener listeners[3];
	start_listening(f, &listeners[0], 1); /* who asks may be among them */
	start_listening(g, &listeners[1], 1);
	start_listening(h, &listeners[2], 1);
	take_turns(f, g);
	take_turns(f, h);
	struct asker *asker = ask(f, BYTES("who"));
	take_turns(f, g);
	assert_true(wait_answers(f, h, asker, 3));
	take_turns(f, deaf);
	assert_int_equal(asker->count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(listeners[i].heard_count, 1);
		assert_string_equal(listeners[i].last, "who");
		assert_string_equal(asker->texts[i], "who0");
		reply_address_free(&listeners[i].address);
	}
	asker_free(&asker);
	fixture_free(&g);
	fixture_free(&h);
	fixture_free(&deaf);
}

static void test_each_gets_its_own_answers_in_order(void **state)
{
	struct fixture *f = *state;
	struct fixture *g = neighbour(f);
	struct listener listener;
	enum { ANSWERS = 200 };
	start_listening(f, &listener, ANSWERS);
	run_for(f, 100);
	struct asker *one = ask(g, BYTES("a")), *two = ask(g, BYTES("b"));
	take_turns(g, f);
	assert_true(wait_answers(g, f, one, ANSWERS));
	assert_true(wait_answers(g, f, two, ANSWERS));
	for (size_t i = 0; i < ANSWERS; i++) {
		char text[16];
		(void)snprintf(text, sizeof text, "a%zu", i);
		assert_string_equal(one->texts[i], text);
		(void)snprintf(text, sizeof text, "b%zu", i);
		assert_string_equal(two->texts[i], text);
	}

	/* Answers may come as long as somebody waits for them, and go nowhere after. */
	assert_true(broker_answer(f->broker, listener.address, BYTES("late")));
	run_for(f, 20);
	bool is_first = strcmp(listener.last, "a") == 0;
	assert_true(wait_answers(g, f, is_first ? one : two, ANSWERS + 1));
	asker_free(&one);
	asker_free(&two);
	assert_true(broker_answer(f->broker, listener.address, BYTES("later")));
	take_turns(f, g);
	reply_address_free(&listener.address);
	fixture_free(&g);
}

static void test_words_have_a_largest_size(void **state)
{
	struct fixture *f = *state;
	struct listener listener;
	uint8_t *large = memory_array(CONTROL_SIZE_MAX + 1, 1);
	memset(large, 'x', CONTROL_SIZE_MAX + 1);
	start_listening(f, &listener, 1);
	listener.answer = bytes_from(large, CONTROL_SIZE_MAX);
	run_for(f, 100);
	struct asker *asker = ask(f, bytes_from(large, CONTROL_SIZE_MAX));
	assert_true(wait_answers(f, f, asker, 1));
	assert_int_equal(asker->bytes, CONTROL_SIZE_MAX);
	assert_false(broker_answer(f->broker, listener.address,
				   bytes_from(large, CONTROL_SIZE_MAX + 1)));
	asker_free(&asker);

	asker = ask(f, BYTES_NONE); /* and a smallest */
	assert_true(wait_answers(f, f, asker, 1));
	asker_free(&asker);
	reply_address_free(&listener.address);
	free(large);
}

/* 125 MiB for an asker whose loop stands still: what is too much is dropped, and all goes on. */
static void test_an_asker_that_does_not_keep_up_gets_only_so_many(void **state)
{
	struct fixture *f = *state;
	struct fixture *g = neighbour(f);
	struct listener listener;
	uint8_t *large = memory_array(CONTROL_SIZE_MAX, 1);
	enum { ANSWERS = 2000 };
	start_listening(f, &listener, 0);
	run_for(f, 100);
	struct asker *asker = ask(g, BYTES("all"));
	take_turns(g, f);
	assert_int_equal(listener.heard_count, 1);
	for (size_t i = 0; i < ANSWERS; i++) {
		(void)broker_answer(f->broker, listener.address,
				    bytes_from(large, CONTROL_SIZE_MAX));
		if (i % 16 == 15)
			run_for(f, 5);
	}
	run_for(f, 500);
	run_for(g, 10); /* its loop stood still: its clock is set again */
	run_for(g, 1000);
	print_message("%zu of %d answers\n", asker->count, ANSWERS);
	assert_in_range(asker->count, 10, ANSWERS - 1);
	asker_free(&asker);
	reply_address_free(&listener.address);

	/* Both are as before. */
	listener.answers = 1;
	asker = ask(g, BYTES("again"));
	run_for(g, 50);
	run_for(f, 200);
	assert_true(wait_answers(g, f, asker, 1));
	asker_free(&asker);
	reply_address_free(&listener.address);
	fixture_free(&g);
	free(large);
}

static void test_a_listener_hears_only_so_many_questions(void **state)
{
	struct fixture *f = *state;
	struct fixture *g = neighbour(f);
	struct listener listener;
	enum { COUNT = 500 };
	struct asker *askers[COUNT];
	start_listening(f, &listener, 1);
	run_for(f, 100);
	for (size_t i = 0; i < COUNT; i++)
		askers[i] = ask(g, BYTES("q"));
	take_turns(g, f);
	assert_in_range(listener.heard_count, CONTROL_QUESTIONS_PER_S / 2,
			2 * CONTROL_QUESTIONS_PER_S);
	for (size_t i = 0; i < COUNT; i++)
		asker_free(&askers[i]);
	run_for(f, 1100);
	struct asker *asker = ask(g, BYTES("q"));
	run_for(g, 50);
	run_for(f, 100);
	assert_true(wait_answers(g, f, asker, 1));
	asker_free(&asker);
	reply_address_free(&listener.address);
	fixture_free(&g);
}

static void test_asked_before_there_is_a_connection_it_goes_out_with_it(void **state)
{
	struct fixture *f = *state;
	struct listener listener;
	start_listening(f, &listener, 1);
	run_for(f, 100);
	struct fixture *g = fixture_new(f->settings->prefix, NULL);
	fixture_open(g);
	struct asker *asker = ask(g, BYTES("early"));
	wait_ready(g);
	take_turns(g, f);
	assert_true(wait_answers(g, f, asker, 1));
	broker_close(&g->broker);
	asker_free(&asker);
	fixture_free(&g);
	reply_address_free(&listener.address);
}

static void test_a_listener_hears_again_after_its_connection_was_lost(void **state)
{
	struct fixture *f = *state;
	struct listener listener;
	if (node_pid() == 0)
		skip();
	start_listening(f, &listener, 1);
	run_for(f, 100);
	node_do("ctl close_all_connections test");
	run_for(f, 10);
	run_for(f, 500);
	wait_ready(f);
	run_for(f, 300);
	struct asker *asker = ask(f, BYTES("again"));
	assert_true(wait_answers(f, f, asker, 1));
	asker_free(&asker);
	reply_address_free(&listener.address);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_everybody_who_listens_hears_and_answers),
		TEST(test_each_gets_its_own_answers_in_order),
		TEST(test_words_have_a_largest_size),
		TEST(test_an_asker_that_does_not_keep_up_gets_only_so_many),
		TEST(test_a_listener_hears_only_so_many_questions),
		TEST(test_asked_before_there_is_a_connection_it_goes_out_with_it),
		TEST(test_a_listener_hears_again_after_its_connection_was_lost),
	};
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
