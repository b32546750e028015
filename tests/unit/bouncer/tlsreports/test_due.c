/* Which reports are due, on a real store. */
#include "tests/store_fixture.h"

#include <stdio.h>

#include "bouncer/tlsreports/due.h"

#define TODAY 20000u
#define NOW   ((int64_t)TODAY * TLS_DAY_MS + 1000)

struct fixture {
	struct store_base base;
	struct tls_report_settings settings;
	struct tls_keep keep;
	struct tls_due_list list;
	/* of the job under way */
	unsigned count;
	const char *prefix;
	uint32_t day;
	struct tls_report_state state;
};

static int setup(void **state)
{
	static const char *const databases[] = {TLS_REPORT_DATABASES};
	struct fixture *f = calloc(1, sizeof *f);
	store_base_open(&f->base, databases, sizeof databases / sizeof databases[0]);
	tls_keep_init(&f->keep, f->base.store, &f->settings);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	store_base_close(&f->base);
	free(f);
	return 0;
}

static enum err put_job(void *owner, struct store_txn *txn)
{
	const struct fixture *f = owner;
	enum err err = OK;
	for (unsigned i = 0; i < f->count && !err; i++) {
		char domain[32];
		uint8_t key[TLS_REPORT_KEY_MAX];
		(void)snprintf(domain, sizeof domain, "%s%u.test", f->prefix, i);
		struct bytes at = bytes_from(key, tls_report_key(f->day, bytes_of(domain), key));
		err = tls_report_state_write(txn, &f->keep, at, &f->state);
	}
	return err;
}

static void put(struct fixture *f, const char *prefix, unsigned count, uint32_t day,
		const struct tls_report_state *report)
{
	f->prefix = prefix;
	f->count = count;
	f->day = day;
	f->state = *report;
	store_base_write(&f->base, put_job, f);
}

static void find(struct fixture *f)
{
	struct store_txn *txn = store_read_begin(f->base.store);
	assert_int_equal(tls_due_find(txn, &f->keep, TODAY - 3, TODAY, NOW, &f->list), OK);
	store_read_end(&txn);
}

static void test_only_what_is_open_and_whose_time_has_come(void **state)
{
	struct fixture *f = *state;
	put(f, "due", 1, TODAY - 1, &(struct tls_report_state){.next_wall_ms = NOW});
	put(f, "later", 1, TODAY - 1, &(struct tls_report_state){.next_wall_ms = NOW + 1});
	put(f, "closed", 1, TODAY - 1, &(struct tls_report_state){.is_closed = true});
	put(f, "old", 1, TODAY - 4, &(struct tls_report_state){.tries = 0});
	put(f, "today", 1, TODAY, &(struct tls_report_state){.tries = 0});
	find(f);
	assert_int_equal(f->list.count, 1);
	assert_string_equal(f->list.items[0].domain, "due0.test");
	assert_int_equal(f->list.items[0].day, TODAY - 1);
}

static void test_those_that_hang_take_no_turn_of_new_ones(void **state)
{
	struct fixture *f = *state;
	put(f, "hangs", TLS_DUE_MAX + 50, TODAY - 2,
	    &(struct tls_report_state){.tries = 3, .first_wall_ms = 1});
	put(f, "new", 2, TODAY - 1, &(struct tls_report_state){.tries = 0});
	find(f);
	assert_int_equal(f->list.count, TLS_DUE_MAX);
	assert_string_equal(f->list.items[0].domain, "new0.test");
	assert_string_equal(f->list.items[1].domain, "new1.test");
	assert_int_equal(f->list.items[2].day, TODAY - 2);
}

static void test_no_more_than_there_is_room_for(void **state)
{
	struct fixture *f = *state;
	put(f, "new", TLS_DUE_MAX + 1, TODAY - 1, &(struct tls_report_state){.tries = 0});
	put(f, "again", 1, TODAY - 1, &(struct tls_report_state){.tries = 1});
	find(f);
	assert_int_equal(f->list.count, TLS_DUE_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_only_what_is_open_and_whose_time_has_come),
		TEST(test_those_that_hang_take_no_turn_of_new_ones),
		TEST(test_no_more_than_there_is_room_for),
	};
#undef TEST
	return cmocka_run_group_tests(tests, NULL, NULL);
}
