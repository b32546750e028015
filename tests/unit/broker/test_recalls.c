/* Was this mail called back? Asked of a replica that the test itself fills. */
#include "tests/unit/broker/table_fixture.h"

#include "broker/recalls.h"

struct fixture {
	struct table_fixture table;
	struct arena *arena;
};

static void recall(struct fixture *f, const char *tenant, const char *campaign, int64_t until)
{
	struct directive directive = {.kind = DIRECTIVE_RECALL,
				      .tenant = bytes_of(tenant),
				      .campaign = bytes_of(campaign),
				      .until_wall_ms = until};
	uint8_t key[SUPPRESSION_KEY_MAX];
	struct buf value;
	buf_init(&value, 1000);
	assert_int_equal(directive_encode(&directive, &value), OK);
	table_gives(&f->table, bytes_from(key, directive_key(&directive, key)), buf_bytes(&value),
		    (uint64_t)until);
	buf_done(&value);
}

static enum err find(struct fixture *f, const char *tenant, const char *campaign, int64_t accepted)
{
	struct labels labels = {.tenant = bytes_of(tenant), .campaign = bytes_of(campaign)};
	return recalls_find(f->table.replica, &labels, accepted, f->arena);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	table_open(&f->table, DIRECTIVES_TABLE);
	f->arena = arena_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	table_close(&f->table);
	arena_free(&f->arena);
	free(f);
	return 0;
}

/* ---- */

static void test_only_what_was_accepted_before_is_recalled(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(find(f, "acme", "spring", 1), E_NOT_FOUND);
	recall(f, "acme", "spring", 1000);
	assert_int_equal(find(f, "acme", "spring", 1000), OK);
	assert_int_equal(find(f, "acme", "spring", 1001), E_NOT_FOUND);
}

static void test_other_tenants_and_campaigns_are_not_touched(void **state)
{
	struct fixture *f = *state;
	recall(f, "acme", "spring", 1000);
	assert_int_equal(find(f, "other", "spring", 1), E_NOT_FOUND);
	assert_int_equal(find(f, "", "spring", 1), E_NOT_FOUND);
	assert_int_equal(find(f, "acme", "autumn", 1), E_NOT_FOUND);
	assert_int_equal(find(f, "acme", "", 1), E_NOT_FOUND);
	recall(f, "", "spring", 2000);
	assert_int_equal(find(f, "", "spring", 2000), OK);
	assert_int_equal(find(f, "acme", "spring", 2000), E_NOT_FOUND);
}

static void test_the_latest_recall_counts_whatever_the_order(void **state)
{
	struct fixture *f = *state;
	recall(f, "acme", "spring", 2000);
	recall(f, "acme", "spring", 1000);
	assert_int_equal(find(f, "acme", "spring", 2000), OK);
	recall(f, "acme", "spring", 3000);
	assert_int_equal(find(f, "acme", "spring", 3000), OK);
}

static void test_what_cannot_be_read_is_neither_sent_nor_cancelled(void **state)
{
	struct fixture *f = *state;
	struct directive directive = {.kind = DIRECTIVE_RECALL, .campaign = BYTES("spring")};
	uint8_t key[SUPPRESSION_KEY_MAX];
	table_gives(&f->table, bytes_from(key, directive_key(&directive, key)), BYTES("\xff"), 1);
	assert_int_equal(find(f, "", "spring", 1), E_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_only_what_was_accepted_before_is_recalled),
		TEST(test_other_tenants_and_campaigns_are_not_touched),
		TEST(test_the_latest_recall_counts_whatever_the_order),
		TEST(test_what_cannot_be_read_is_neither_sent_nor_cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
