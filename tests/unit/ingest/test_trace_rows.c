/* What is known of messages: found by their tenant only, the latest result of each recipient, and forgotten oldest first. */
#include "tests/store_fixture.h"

#include "ingest/trace_rows.h"

struct fixture {
	struct store_base base;
	struct trace_rows rows;
	struct arena *arena;
	/* for the job */
	struct trace_id id;
	struct bytes head;
	int64_t accepted_wall_ms;
	const struct result *result;
	int64_t before_wall_ms;
	uint64_t rows_max;
	bool is_over;
};

static int set_up(void **state)
{
	static const char *const databases[] = {TRACE_ROWS_DATABASE, TRACE_ORDER_DATABASE};
	struct fixture *f = calloc(1, sizeof *f);
	store_base_open(&f->base, databases, sizeof databases / sizeof databases[0]);
	f->arena = arena_new();
	f->rows = trace_rows_of(f->base.store);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	store_base_close(&f->base);
	free(f);
	return 0;
}

/* ---- what the test does and sees ---- */

static void run(struct fixture *f, enum err (*job)(void *owner, struct store_txn *txn))
{
	store_base_write(&f->base, job, f);
}

static enum err put_head(void *owner, struct store_txn *txn)
{
	struct fixture *f = owner;
	return trace_put_head(txn, &f->rows, &f->id, f->accepted_wall_ms, f->head);
}

static void accept_mail(struct fixture *f, const char *tenant, const char *id, int64_t at,
			struct bytes *recipients, size_t count)
{
	struct trace_head head = {
		.accepted_wall_ms = at,
		.user = BYTES("shop"),
		.campaign = BYTES("spring"),
		.recipient_count = count,
		.listed = recipients,
		.listed_count = count < TRACE_LISTED_MAX ? count : TRACE_LISTED_MAX,
	};
	f->id = trace_id_of(bytes_of(tenant), bytes_of(id));
	f->head = trace_head_encode(f->arena, &head);
	f->accepted_wall_ms = at;
	run(f, put_head);
}

static enum err put_result(void *owner, struct store_txn *txn)
{
	struct fixture *f = owner;
	return trace_put_result(txn, &f->rows, f->result);
}

static void tell(struct fixture *f, const char *tenant, const char *id, const char *recipient,
		 uint32_t attempt, enum result_event event)
{
	struct result result = {.id = bytes_of(id),
				.recipient = bytes_of(recipient),
				.sender = BYTES("b@shop.example"),
				.event = event,
				.attempt = attempt,
				.code = 250,
				.text = BYTES("told so"),
				.labels = {.tenant = bytes_of(tenant)}};
	f->result = &result;
	run(f, put_result);
}

static enum err look(struct fixture *f, const char *tenant, const char *id, struct trace *ret)
{
	struct trace_id trace_id = trace_id_of(bytes_of(tenant), bytes_of(id));
	struct store_txn *txn = store_read_begin(f->base.store);
	enum err err = trace_read(txn, &f->rows, &trace_id, f->arena, ret);
	store_read_end(&txn);
	return err;
}

static enum err sweep_all(void *owner, struct store_txn *txn)
{
	struct fixture *f = owner;
	return trace_sweep(txn, &f->rows, f->before_wall_ms, f->rows_max, &f->is_over);
}

static int sweep(struct fixture *f, int64_t before_wall_ms, uint64_t rows_max)
{
	int rounds = 0;
	f->before_wall_ms = before_wall_ms;
	f->rows_max = rows_max;
	do
		run(f, sweep_all);
	while (!f->is_over && ++rounds < 100);
	return rounds;
}

static uint64_t row_count(struct fixture *f)
{
	struct store_txn *txn = store_read_begin(f->base.store);
	uint64_t count = store_count(txn, f->rows.rows) + store_count(txn, f->rows.order);
	store_read_end(&txn);
	return count;
}

/* ---- */

static void test_a_message_is_known_with_the_latest_result_of_each_recipient(void **state)
{
	struct fixture *f = *state;
	struct bytes recipients[] = {BYTES("a@x.example"), BYTES("b@x.example"),
				     BYTES("c@x.example")};
	struct trace trace;
	accept_mail(f, "acme", "M1", 1000, recipients, 3);
	tell(f, "acme", "M1.1", "a@x.example", 1, RESULT_DEFERRED);
	tell(f, "acme", "M1.1", "a@x.example", 2, RESULT_DELIVERED);
	tell(f, "acme", "M1", "b@x.example", 1, RESULT_BOUNCED); /* ids of recipients are no must */
	assert_int_equal(look(f, "acme", "M1", &trace), OK);
	assert_int_equal(trace.head.accepted_wall_ms, 1000);
	assert_int_equal(trace.head.recipient_count, 3);
	assert_true(bytes_is(trace.head.user, "shop") && bytes_is(trace.head.campaign, "spring"));
	assert_int_equal(trace.event_counts[RESULT_DELIVERED], 1);
	assert_int_equal(trace.event_counts[RESULT_BOUNCED], 1);
	assert_int_equal(trace.event_counts[RESULT_DEFERRED], 0);
	assert_int_equal(trace.latest[0].event, RESULT_DELIVERED);
	assert_int_equal(trace.latest[0].attempt, 2);
	assert_true(bytes_is(trace.latest[0].text, "told so"));
	assert_int_equal(trace.latest[1].event, RESULT_BOUNCED);
	assert_int_equal(trace.latest[2].event, 0);
	assert_true(bytes_is(trace.head.listed[2], "c@x.example"));
}

static void test_what_comes_late_or_again_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct bytes recipient = BYTES("a@x.example");
	struct trace trace;
	accept_mail(f, "acme", "M1", 1000, &recipient, 1);
	tell(f, "acme", "M1.1", "a@x.example", 2, RESULT_DELIVERED);
	tell(f, "acme", "M1.1", "a@x.example", 1, RESULT_DEFERRED);
	tell(f, "acme", "M1.1", "a@x.example", 2, RESULT_BOUNCED);
	assert_int_equal(look(f, "acme", "M1", &trace), OK);
	assert_int_equal(trace.latest[0].event, RESULT_DELIVERED);
	/* deferred and expired by one attempt: the last word counts */
	tell(f, "acme", "M1.1", "b@x.example", 3, RESULT_DEFERRED);
	tell(f, "acme", "M1.1", "b@x.example", 3, RESULT_EXPIRED);
	assert_int_equal(look(f, "acme", "M1", &trace), OK);
	assert_int_equal(trace.event_counts[RESULT_EXPIRED], 1);
	assert_int_equal(trace.event_counts[RESULT_DEFERRED], 0);
	assert_int_equal(trace.event_counts[RESULT_DELIVERED], 1);
	assert_int_equal(trace.event_counts[RESULT_BOUNCED], 0);
	/* noted again, with the rest of its recipients: it stays as it was */
	accept_mail(f, "acme", "M1", 1000, NULL, 0);
	assert_int_equal(look(f, "acme", "M1", &trace), OK);
	assert_int_equal(trace.head.recipient_count, 1);
	assert_int_equal(trace.event_counts[RESULT_DELIVERED], 1);
}

static void test_other_tenants_know_nothing(void **state)
{
	struct fixture *f = *state;
	struct bytes recipient = BYTES("a@x.example");
	struct trace trace;
	accept_mail(f, "acme", "M1", 1000, &recipient, 1);
	assert_int_equal(look(f, "other", "M1", &trace), E_NOT_FOUND);
	assert_int_equal(look(f, "", "M1", &trace), E_NOT_FOUND);
	assert_int_equal(look(f, "acmeM", "1", &trace), E_NOT_FOUND);
	tell(f, "other", "M1.1", "a@x.example", 1, RESULT_DELIVERED);
	assert_int_equal(look(f, "acme", "M1", &trace), OK);
	assert_int_equal(trace.latest[0].event, 0);
	tell(f, "acme", "M2.1", "a@x.example", 1, RESULT_DELIVERED);
	assert_int_equal(look(f, "acme", "M2", &trace), E_NOT_FOUND);
	assert_int_equal(row_count(f), 3);
}

static void test_the_oldest_are_forgotten(void **state)
{
	struct fixture *f = *state;
	struct bytes recipient = BYTES("a@x.example");
	struct trace trace;
	char id[20];
	for (int i = 0; i < 10; i++) {
		(void)snprintf(id, sizeof id, "M%d", i);
		accept_mail(f, "acme", id, 1000 + i, &recipient, 1);
		tell(f, "acme", id, "a@x.example", 1, RESULT_DELIVERED);
	}
	(void)sweep(f, 1003, 1000);
	assert_int_equal(row_count(f), 7 * 4);
	assert_int_equal(look(f, "acme", "M2", &trace), E_NOT_FOUND);
	assert_int_equal(look(f, "acme", "M3", &trace), OK);
	(void)sweep(f, 0, 6);
	assert_int_equal(row_count(f), 2 * 4);
	assert_int_equal(look(f, "acme", "M7", &trace), E_NOT_FOUND);
	assert_int_equal(look(f, "acme", "M8", &trace), OK);
	(void)sweep(f, 5000, 1000);
	assert_int_equal(row_count(f), 0);
}

static void test_a_large_message_is_told_in_part_and_forgotten_in_steps(void **state)
{
	enum { COUNT = 2500 };
	struct fixture *f = *state;
	struct bytes *recipients = arena_zalloc(f->arena, COUNT, sizeof *recipients);
	struct trace trace;
	for (size_t i = 0; i < COUNT; i++)
		recipients[i] = bytes_of(arena_printf(f->arena, "u%zu@x.example", i));
	accept_mail(f, "acme", "M1", 1000, recipients, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		tell(f, "acme", "M1", arena_cstr(f->arena, recipients[i]), 1, RESULT_DELIVERED);
	assert_int_equal(look(f, "acme", "M1", &trace), OK);
	assert_int_equal(trace.head.recipient_count, COUNT);
	assert_int_equal(trace.head.listed_count, TRACE_LISTED_MAX);
	assert_int_equal(trace.event_counts[RESULT_DELIVERED], COUNT);
	assert_true(sweep(f, 2000, 1000000) > 0);
	assert_int_equal(row_count(f), 0);
}

static void test_a_damaged_head_is_told(void **state)
{
	struct fixture *f = *state;
	struct bytes recipients[] = {BYTES("a@x.example"), BYTES("b@x.example")};
	struct trace_head head = {.listed = recipients, .listed_count = 2, .recipient_count = 2};
	struct bytes whole = trace_head_encode(f->arena, &head);
	struct trace_head back;
	assert_int_equal(trace_head_decode(f->arena, whole, &back), OK);
	for (size_t len = 0; len < whole.len; len++)
		assert_int_equal(trace_head_decode(f->arena, bytes_first(whole, len), &back),
				 E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_a_message_is_known_with_the_latest_result_of_each_recipient),
		TEST(test_what_comes_late_or_again_changes_nothing),
		TEST(test_other_tenants_know_nothing),
		TEST(test_the_oldest_are_forgotten),
		TEST(test_a_large_message_is_told_in_part_and_forgotten_in_steps),
		TEST(test_a_damaged_head_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
