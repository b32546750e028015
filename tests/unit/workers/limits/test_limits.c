/* Shares of limits, and the tempos dealt out of rates. */
#include "tests/check.h"

#include "tests/unit/workers/permits_fixture.h"
#include "workers/limits/allowance.h"
#include "workers/limits/parties.h"

#define PER_SECOND 86400

static struct loop *loop;
static size_t changed_count;

static int setup(void **state)
{
	(void)state;
	loop = permits_loop = loop_new();
	permits_of_others = 0;
	permits_asked_count = changed_count = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	loop_free(&loop);
	return 0;
}

static void stop(void *owner)
{
	(void)owner;
	loop_stop(loop);
}

static void turn(int64_t ms)
{
	struct timer *timer = timer_new(loop, stop, NULL);
	timer_start(timer, ms);
	loop_run(loop);
	timer_free(&timer);
}

static void on_changed(void *owner)
{
	(void)owner;
	changed_count++;
}

static struct broker *broker(void)
{
	return (struct broker *)&loop;
}

static struct share *new_share(struct broker *of, unsigned limit, int64_t turn_ms)
{
	return share_new(&(struct share_options){.loop = loop,
						 .broker = of,
						 .name = "site.gmail",
						 .limit = limit,
						 .turn_ms = turn_ms,
						 .changed = on_changed});
}

static void test_no_more_is_held_than_wanted_nor_than_the_limit(void **state)
{
	(void)state;
	struct share *share = new_share(broker(), 5, 60000);
	turn(5);
	assert_int_equal(share_held(share), 0);
	share_want(share, 2, 0);
	turn(5);
	assert_int_equal(share_held(share), 1);
	turn(150);
	assert_int_equal(share_held(share), 2);
	share_want(share, 40, 0);
	turn(1200);
	assert_int_equal(share_held(share), 5);
	assert_int_equal(permits_asked_count, 5);
	share_free(&share);
	assert_int_equal(permits_held("site.gmail"), 0);
}

static void test_what_is_of_no_use_is_given_back_after_a_while(void **state)
{
	(void)state;
	struct share *share = new_share(broker(), 5, 60000);
	share_want(share, 4, 4);
	turn(900);
	share_want(share, 1, 1);
	turn(SHARE_LINGER_MS / 2);
	assert_int_equal(share_held(share), 4);
	turn(SHARE_LINGER_MS / 2 + 700);
	assert_int_equal(share_held(share), 1);
	assert_int_equal(permits_held("site.gmail"), 1);
	share_free(&share);
}

static void test_others_get_a_turn(void **state)
{
	(void)state;
	struct share *mine = new_share(broker(), 2, 500), *other = new_share(broker(), 2, 500);
	share_want(mine, 2, 2);
	turn(200);
	assert_int_equal(share_held(mine), 2);
	share_want(other, 2, 0);
	turn(600);
	assert_int_equal(share_held(mine), 1);
	assert_int_equal(share_held(other), 0); /* not before its use has ended */
	share_want(mine, 2, 1);
	turn(100);
	assert_int_equal(share_held(other), 0);
	turn(200);
	assert_int_equal(share_held(other), 1);
	assert_int_equal(share_held(mine), 1);
	share_free(&mine);
	share_free(&other);
}

static void test_what_is_lost_is_told_and_comes_back(void **state)
{
	(void)state;
	struct share *share = new_share(broker(), 2, 60000);
	share_want(share, 2, 0);
	turn(200);
	permits_take_away(2);
	assert_int_equal(share_held(share), 0);
	assert_true(changed_count >= 3);
	permits_take_away(0);
	turn(200);
	assert_int_equal(share_held(share), 2);
	share_limit(share, 1);
	turn(100);
	assert_int_equal(share_held(share), 1);
	share_free(&share);
}

static void test_a_limit_that_nobody_shares_is_all_ours(void **state)
{
	(void)state;
	struct share *share = new_share(NULL, 7, 60000);
	assert_int_equal(share_held(share), 7);
	share_limit(share, 3);
	assert_int_equal(share_held(share), 3);
	assert_int_equal(permits_asked_count, 0);
	share_free(&share);
}

/* ---- tempos ---- */

static void test_a_rate_is_dealt_out(void **state)
{
	(void)state;
	static const struct {
		conf_rate rate;
		unsigned places;
	} cases[] = {{1, 1},
		     {1440, 1},
		     {PER_SECOND, 1},
		     {4 * PER_SECOND, 4},
		     {10 * PER_SECOND, 4},
		     {1000 * PER_SECOND, 4}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned places = tempo_places(cases[i].rate);
		assert_int_equal(places, cases[i].places);
		double per_day =
			86400e6 / (double)tempo_interval_us(cases[i].rate, places) * places;
		assert_true(per_day <= (double)cases[i].rate * 1.001 + 0.01);
		assert_true(per_day >= (double)cases[i].rate * 0.97);
	}
}

static struct tempo *new_tempo(struct broker *of, conf_rate rate)
{
	return tempo_new(&(struct tempo_options){.loop = loop,
						 .broker = of,
						 .name = "site.gmail.sends",
						 .rate = rate,
						 .changed = on_changed});
}

/* As many as may go in that time, each as soon as it may. */
static unsigned run(struct tempo *tempo, int64_t ms)
{
	unsigned count = 0;
	for (int64_t end = loop_now_ms(loop) + ms; loop_now_ms(loop) < end;) {
		int64_t wait = tempo_wait_ms(tempo);
		if (wait == 0) {
			tempo_note(tempo);
			count++;
		} else {
			turn(wait < 5 ? wait : 5);
		}
	}
	return count;
}

static void test_a_tempo_is_even_and_holds_its_rate(void **state)
{
	(void)state;
	struct tempo *tempo = new_tempo(NULL, 50 * PER_SECOND);
	unsigned count = run(tempo, 1000);
	assert_true(count >= 40 && count <= 56);
	tempo_rate(tempo, 0);
	assert_int_equal(tempo_wait_ms(tempo), 0);
	tempo_free(&tempo);
}

static void test_two_workers_share_a_rate(void **state)
{
	(void)state;
	struct tempo *left = new_tempo(broker(), 40 * PER_SECOND),
		     *right = new_tempo(broker(), 40 * PER_SECOND);
	unsigned count = 0;
	assert_int_equal(tempo_wait_ms(left), TEMPO_UNKNOWN);
	turn(5);
	int64_t wait = tempo_wait_ms(left);
	assert_true(wait > 0 && wait < 200); /* its holder before may just have used it */
	for (int64_t end = loop_now_ms(loop) + 1500; loop_now_ms(loop) < end; turn(2)) {
		struct tempo *both[] = {left, right};
		for (size_t i = 0; i < 2; i++) {
			if (tempo_wait_ms(both[i]) > 0)
				continue;
			tempo_note(both[i]);
			count++;
		}
	}
	assert_int_equal(permits_held("site.gmail.sends"), 4);
	assert_true(count >= 30 && count <= 62);
	tempo_free(&left);
	tempo_free(&right);
}

static void test_a_place_that_was_given_back_is_good_for_nothing(void **state)
{
	(void)state;
	struct tempo *tempo = new_tempo(broker(), 40 * PER_SECOND);
	assert_true(run(tempo, 600) > 0);
	turn(2300 + SHARE_LINGER_MS + 300);
	assert_int_equal(permits_held("site.gmail.sends"), 0);
	assert_true(tempo_wait_ms(tempo) == TEMPO_UNKNOWN);
	turn(5);
	assert_true(tempo_wait_ms(tempo) > 50); /* as any place of somebody else's */
	tempo_free(&tempo);
}

static struct parties *open_parties(void)
{
	return parties_new(
		&(struct parties_options){.loop = loop, .broker = broker(), .changed = on_changed});
}

static void test_a_party_that_was_left_is_the_same_when_it_is_taken_again(void **state)
{
	(void)state;
	const struct limits limits = {.rate = PER_SECOND}, none = {0};
	struct parties *parties = open_parties();
	struct party *party = party_take(parties, "tenant.acme.gmail", false, &limits);
	assert_int_equal(party_wait_ms(party), 0);
	struct party *busy = party_begin(party);
	assert_ptr_equal(busy, party);
	party_end(&busy);
	party_give(&party);
	assert_null(party);
	party = party_take(parties, "tenant.acme.gmail", false, &limits);
	assert_true(party_wait_ms(party) > 500);
	assert_null(party_take(parties, "tenant.acme.gmail", false, &none));
	party_give(&party);
	parties_free(&parties);
}

static void test_a_party_has_as_many_under_way_as_all_workers_leave_it(void **state)
{
	(void)state;
	const struct limits limits = {.connections = 2};
	struct parties *left = open_parties(), *right = open_parties();
	struct party *here = party_take(left, "tenant.acme.gmail", true, &limits);
	struct party *there = party_take(right, "tenant.acme.gmail", true, &limits);
	assert_int_equal(party_wait_ms(here), TEMPO_UNKNOWN);
	party_wait(here, 2);
	turn(300);
	assert_int_equal(permits_held("tenant.acme.gmail.sessions"), 2);
	assert_int_equal(party_wait_ms(here), 0);
	struct party *first = party_begin(here), *second = party_begin(here);
	party_wait(here, -2);
	assert_int_equal(party_wait_ms(here), TEMPO_UNKNOWN);
	party_wait(there, 1);
	turn(300);
	assert_int_equal(party_wait_ms(there), TEMPO_UNKNOWN);
	changed_count = 0;
	party_end(&first); /* and its place goes to the other after a while */
	assert_int_equal(changed_count, 1);
	turn(2500);
	assert_int_equal(party_wait_ms(there), 0);
	party_end(&second);
	party_wait(there, -1);
	party_give(&here);
	party_give(&there);
	parties_free(&left);
	parties_free(&right);
}

static void
test_sessions_are_opened_for_a_party_by_its_rate_and_no_more_than_it_has_use_for(void **state)
{
	(void)state;
	const struct limits limits = {.connect_rate = PER_SECOND, .messages_per_connection = 3};
	struct parties *parties = open_parties();
	struct party *party = party_take(parties, "tenant.acme.gmail", false, &limits);
	assert_true(party_limits_connects(party));
	assert_int_equal(party_messages_max(party), 3);
	assert_int_equal(party_connect_wait_ms(party), TEMPO_UNKNOWN); /* nothing waits */
	party_wait(party, 1);
	assert_int_equal(party_connect_wait_ms(party), 0);
	struct party *opening = party_open(party);
	assert_int_equal(party_connect_wait_ms(party), TEMPO_UNKNOWN);
	changed_count = 0;
	party_opened(&opening);
	assert_null(opening);
	assert_int_equal(changed_count, 1);
	assert_in_range(party_connect_wait_ms(party), 500, 1010);
	party_wait(party, -1);
	party_give(&party);
	assert_false(party_limits_connects(NULL));
	assert_int_equal(party_connect_wait_ms(NULL), 0);
	assert_int_equal(party_messages_max(NULL), INT64_MAX);
	parties_free(&parties);
}

static void test_an_allowance_without_limits_allows_all(void **state)
{
	(void)state;
	struct allowance *allowance = allowance_new(&(struct allowance_options){
		.loop = loop, .broker = broker(), .name = "source.a.gmail", .changed = on_changed});
	assert_true(allowance_has_room(allowance, 100000));
	assert_int_equal(allowance_connect_wait_ms(allowance), 0);
	assert_int_equal(allowance_send_wait_ms(allowance), 0);
	allowance_note_send(allowance);
	allowance_set(allowance, &(struct limits){.connections = 1});
	assert_false(allowance_has_room(allowance, 0));
	allowance_want(allowance, 0, 1);
	turn(5);
	assert_true(allowance_has_room(allowance, 0));
	assert_false(allowance_has_room(allowance, 1));
	allowance_set(allowance, &(struct limits){0});
	assert_true(allowance_has_room(allowance, 1));
	allowance_free(&allowance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_more_is_held_than_wanted_nor_than_the_limit,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_of_no_use_is_given_back_after_a_while,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_get_a_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_lost_is_told_and_comes_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_limit_that_nobody_shares_is_all_ours, setup,
						teardown),
		cmocka_unit_test(test_a_rate_is_dealt_out),
		cmocka_unit_test_setup_teardown(test_a_tempo_is_even_and_holds_its_rate, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_two_workers_share_a_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_place_that_was_given_back_is_good_for_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_party_that_was_left_is_the_same_when_it_is_taken_again, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_a_party_has_as_many_under_way_as_all_workers_leave_it, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_sessions_are_opened_for_a_party_by_its_rate_and_no_more_than_it_has_use_for,
			setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_allowance_without_limits_allows_all, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
