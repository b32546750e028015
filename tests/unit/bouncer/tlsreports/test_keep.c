/* What is kept for reports on TLS, on a real store: a batch counts once, kinds are bounded, and days go. */
#include "tests/store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "bouncer/tlsreports/keep.h"

#define TODAY 20000u
#define DAY   (TODAY - 1)

struct fixture {
	struct store_base base;
	struct tls_report_settings settings;
	struct tls_keep keep;
	struct arena *arena;
	/* of the job under way */
	struct tls_tally_batch batch;
	struct tls_kept kept;
	uint32_t before;
};

static int setup(void **state)
{
	static const char *const databases[] = {TLS_REPORT_DATABASES};
	struct fixture *f = calloc(1, sizeof *f);
	store_base_open(&f->base, databases, sizeof databases / sizeof databases[0]);
	f->arena = arena_new();
	f->settings = (struct tls_report_settings){
		.from = "tls@sender.test", .delay = 1000, .spread = 4 * 3600 * 1000};
	tls_keep_init(&f->keep, f->base.store, &f->settings);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	store_base_close(&f->base);
	free(f);
	return 0;
}

static struct bytes ruas[] = {{(const uint8_t *)"mailto:a@x.test", 15}};

static struct tls_tally tally_of(const char *domain, enum tls_result result, uint64_t count)
{
	return (struct tls_tally){
		.day = DAY,
		.domain = bytes_of(domain),
		.ruas = ruas,
		.rua_count = 1,
		.policy_type = TLS_POLICY_NONE,
		.result = result,
		.count = count,
	};
}

static enum err add_job(void *owner, struct store_txn *txn)
{
	struct fixture *f = owner;
	return tls_keep_add(txn, &f->keep, &f->batch, TODAY, &f->kept);
}

static enum err forget_job(void *owner, struct store_txn *txn)
{
	struct fixture *f = owner;
	return tls_keep_forget(txn, &f->keep, f->before);
}

static void add(struct fixture *f, const char *id, struct tls_tally *tallies, size_t count)
{
	f->batch = (struct tls_tally_batch){bytes_of(id), tallies, count};
	store_base_write(&f->base, add_job, f);
}

static size_t read_all(struct fixture *f, const char *domain, struct tls_tally **ret)
{
	size_t count = 0;
	struct store_txn *txn = store_read_begin(f->base.store);
	assert_int_equal(tls_keep_read(txn, &f->keep, DAY, bytes_of(domain), f->arena, ret, &count),
			 OK);
	store_read_end(&txn);
	return count;
}

static struct tls_report_state state_of(struct fixture *f, const char *domain)
{
	uint8_t key[TLS_REPORT_KEY_MAX];
	struct tls_report_state state;
	size_t len = tls_report_key(DAY, bytes_of(domain), key);
	struct store_txn *txn = store_read_begin(f->base.store);
	assert_int_equal(tls_report_state_read(txn, &f->keep, bytes_from(key, len), &state), OK);
	store_read_end(&txn);
	return state;
}

static void test_a_batch_that_comes_again_counts_once(void **state)
{
	struct fixture *f = *state;
	struct tls_tally tallies[] = {tally_of("x.test", TLS_SUCCESS, 5),
				      tally_of("x.test", TLS_CERTIFICATE_EXPIRED, 2)};
	struct tls_tally *read;
	add(f, "w-1", tallies, 2);
	assert_int_equal(f->kept.counted, 2);
	add(f, "w-1", tallies, 2);
	assert_int_equal(f->kept.counted, 0);
	assert_int_equal(f->kept.again, 2);
	assert_int_equal(read_all(f, "x.test", &read), 2);
	assert_int_equal(read[0].count + read[1].count, 7);
	add(f, "w-2", tallies, 1);
	assert_int_equal(read_all(f, "x.test", &read), 2);
	assert_int_equal(read[0].count + read[1].count, 12);
}

static void test_domains_are_apart_also_where_one_begins_as_another(void **state)
{
	struct fixture *f = *state;
	struct tls_tally tallies[] = {tally_of("x.test", TLS_SUCCESS, 1),
				      tally_of("x.testing", TLS_SUCCESS, 2)};
	struct tls_tally *read;
	add(f, "w-1", tallies, 2);
	assert_int_equal(read_all(f, "x.test", &read), 1);
	assert_int_equal(read[0].count, 1);
	assert_int_equal(read_all(f, "x.tes", &read), 0);
}

static void test_a_report_is_due_after_its_day_always_at_the_same_time(void **state)
{
	struct fixture *f = *state;
	struct tls_tally tally = tally_of("x.test", TLS_SUCCESS, 1);
	add(f, "w-1", &tally, 1);
	struct tls_report_state report = state_of(f, "x.test");
	int64_t midnight = (int64_t)TODAY * TLS_DAY_MS;
	assert_in_range(report.next_wall_ms, midnight + 1000, midnight + 1000 + f->settings.spread);
	assert_int_equal(report.next_wall_ms,
			 tls_report_due_ms(&f->settings, DAY, BYTES("x.test")));
	assert_int_not_equal(report.next_wall_ms,
			     tls_report_due_ms(&f->settings, DAY, BYTES("y.test")));
	assert_int_equal(report.ruas.count, 1);
	assert_string_equal(report.ruas.uris[0], "mailto:a@x.test");
}

static void test_too_many_kinds_of_a_domain_are_counted_together(void **state)
{
	struct fixture *f = *state;
	static struct tls_tally tallies[TLS_TALLIES_MAX];
	struct tls_tally *read;
	uint64_t sum = 0, others = 0;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < TLS_TALLIES_MAX; i++) {
			tallies[i] = tally_of("x.test", TLS_CERTIFICATE_EXPIRED, 1);
			tallies[i].mx_host = bytes_of(
				arena_printf(f->arena, "mx%zu.x.test", i + 1000 * (size_t)round));
		}
		add(f, round ? "w-2" : "w-1", tallies, TLS_TALLIES_MAX);
	}
	assert_int_equal(f->kept.others, 1000);
	size_t count = read_all(f, "x.test", &read);
	assert_int_equal(count, TLS_KINDS_MAX + 1);
	for (size_t i = 0; i < count; i++) {
		sum += read[i].count;
		if (read[i].mx_host.len == 0)
			others = read[i].count;
	}
	assert_int_equal(sum, 2000);
	assert_int_equal(others, 1000);
}

static void test_what_is_too_old_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct tls_tally tally = tally_of("x.test", TLS_SUCCESS, 1);
	tally.day = TODAY - 3;
	add(f, "w-1", &tally, 1);
	assert_int_equal(f->kept.dropped, 1);
	assert_int_equal(f->kept.counted, 0);
}

static void test_days_before_are_forgotten(void **state)
{
	struct fixture *f = *state;
	struct tls_tally tally = tally_of("x.test", TLS_SUCCESS, 1), *read;
	add(f, "w-1", &tally, 1);
	f->before = DAY;
	store_base_write(&f->base, forget_job, f);
	assert_int_equal(read_all(f, "x.test", &read), 1);
	f->before = TODAY;
	store_base_write(&f->base, forget_job, f);
	assert_int_equal(read_all(f, "x.test", &read), 0);
	struct store_txn *txn = store_read_begin(f->base.store);
	assert_int_equal(store_count(txn, f->keep.reports), 0);
	assert_int_equal(store_count(txn, f->keep.batches), 0);
	store_read_end(&txn);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_batch_that_comes_again_counts_once),
		TEST(test_domains_are_apart_also_where_one_begins_as_another),
		TEST(test_a_report_is_due_after_its_day_always_at_the_same_time),
		TEST(test_too_many_kinds_of_a_domain_are_counted_together),
		TEST(test_what_is_too_old_is_dropped),
		TEST(test_days_before_are_forgotten),
	};
#undef TEST
	return cmocka_run_group_tests(tests, NULL, NULL);
}
