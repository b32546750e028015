/* Whose transaction goes next: tenants and campaigns take turns, each by its own rates. */
#include "tests/check.h"

#include "workers/delivery/turns.h"

#define PER_SECOND 86400

static struct loop *loop;

struct table {
	struct site_settings settings;
	struct parties *parties;
	struct turns *turns;
	struct transaction transactions[8];
};

static void on_changed(void *owner)
{
	(void)owner;
}

static struct table open_table(conf_rate per_tenant, conf_rate per_campaign)
{
	loop = loop_new();
	struct table table = {
		.settings = {.rate_per_tenant = per_tenant, .rate_per_campaign = per_campaign},
		.parties =
			parties_new(&(struct parties_options){.loop = loop, .changed = on_changed}),
	};
	return table;
}

static void seat(struct table *table)
{
	table->turns = turns_new(&(struct turns_options){
		.parties = table->parties, .site = "gmail", .settings = &table->settings});
}

static void close_table(struct table *table)
{
	turns_free(&table->turns);
	parties_free(&table->parties);
	loop_free(&loop);
}

static void add(struct table *table, size_t index, const char *tenant, const char *campaign)
{
	struct transaction *transaction = &table->transactions[index];
	transaction->tenant = bytes_of(tenant);
	transaction->campaign = bytes_of(campaign);
	turns_add(table->turns, transaction);
}

static size_t take(struct table *table)
{
	int64_t wait_ms;
	struct transaction *transaction = turns_take(table->turns, &wait_ms);
	return transaction ? (size_t)(transaction - table->transactions) : SIZE_MAX;
}

static void test_a_big_mailing_does_not_hold_up_another_tenant(void **state)
{
	(void)state;
	struct table table = open_table(0, 0);
	seat(&table);
	for (size_t i = 0; i < 5; i++)
		add(&table, i, "big", "");
	add(&table, 5, "small", "");
	assert_int_equal(turns_count(table.turns), 6);
	assert_int_equal(take(&table), 0);
	assert_int_equal(take(&table), 5);
	assert_int_equal(take(&table), 1);
	assert_int_equal(take(&table), 2);
	turns_add_first(table.turns, &table.transactions[1]);
	assert_int_equal(take(&table), 1);
	assert_ptr_equal(turns_last(table.turns), &table.transactions[4]);
	turns_remove(table.turns, &table.transactions[3]);
	assert_int_equal(take(&table), 4);
	assert_int_equal(take(&table), SIZE_MAX);
	close_table(&table);
}

static void test_a_tenant_over_its_rate_waits_and_others_do_not(void **state)
{
	(void)state;
	struct table table = open_table(PER_SECOND, 0);
	int64_t wait_ms = 0;
	seat(&table);
	add(&table, 0, "a", "");
	add(&table, 1, "a", "spring");
	add(&table, 2, "b", "");
	add(&table, 3, "", "");
	add(&table, 4, "", "");
	assert_int_equal(take(&table), 0);
	assert_int_equal(take(&table), 2); /* the campaign's tenant has had its one */
	assert_int_equal(take(&table), 3);
	assert_int_equal(take(&table), 4); /* mail of no tenant has no such limit */
	assert_null(turns_take(table.turns, &wait_ms));
	assert_in_range(wait_ms, 500, 1010);
	assert_ptr_equal(turns_take_any(table.turns), &table.transactions[1]);
	close_table(&table);
}

static void test_a_campaign_has_a_rate_of_its_own(void **state)
{
	(void)state;
	struct table table = open_table(0, PER_SECOND);
	seat(&table);
	add(&table, 0, "a", "spring");
	add(&table, 1, "a", "spring");
	add(&table, 2, "a", "summer");
	assert_int_equal(take(&table), 0);
	assert_int_equal(take(&table), 2);
	assert_int_equal(take(&table), SIZE_MAX);
	assert_int_equal(turns_count(table.turns), 1);
	close_table(&table);
}

static void test_a_tenant_has_so_many_under_way_and_no_more(void **state)
{
	(void)state;
	struct table table = open_table(0, 0);
	table.settings.connections_per_tenant = 2;
	table.settings.connections_per_campaign = 1;
	seat(&table);
	add(&table, 0, "a", "spring");
	add(&table, 1, "a", "spring");
	add(&table, 2, "a", "summer");
	add(&table, 3, "a", "autumn");
	add(&table, 4, "b", "");
	assert_int_equal(take(&table), 0);
	assert_int_equal(take(&table), 2); /* spring has its one */
	assert_int_equal(take(&table), 4);
	assert_int_equal(take(&table), SIZE_MAX);
	turns_end(&table.transactions[2]);
	assert_int_equal(take(&table), 3);
	turns_end(&table.transactions[0]);
	assert_int_equal(take(&table), 1);
	close_table(&table);
}

static void test_urgent_mail_goes_before_others_but_not_without_end(void **state)
{
	(void)state;
	struct table table = open_table(0, 0);
	seat(&table);
	add(&table, 0, "a", "news");
	add(&table, 1, "b", "");
	for (size_t i = 2; i < 8; i++) {
		table.transactions[i].is_urgent = true;
		add(&table, i, "a", "news"); /* of the same campaign, and yet not behind it */
	}
	static const size_t order[] = {2, 3, 4, 5, 0, 6, 7, 1, SIZE_MAX};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		assert_int_equal(take(&table), order[i]);
	close_table(&table);
}

static void test_urgent_mail_over_its_rate_holds_up_nobody(void **state)
{
	(void)state;
	struct table table = open_table(PER_SECOND, 0);
	seat(&table);
	table.transactions[0].is_urgent = table.transactions[1].is_urgent = true;
	add(&table, 0, "a", "");
	add(&table, 1, "a", "");
	add(&table, 2, "b", "");
	assert_int_equal(take(&table), 0);
	assert_int_equal(take(&table), 2);
	assert_int_equal(take(&table), SIZE_MAX);
	close_table(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_big_mailing_does_not_hold_up_another_tenant),
		cmocka_unit_test(test_a_tenant_over_its_rate_waits_and_others_do_not),
		cmocka_unit_test(test_a_campaign_has_a_rate_of_its_own),
		cmocka_unit_test(test_a_tenant_has_so_many_under_way_and_no_more),
		cmocka_unit_test(test_urgent_mail_goes_before_others_but_not_without_end),
		cmocka_unit_test(test_urgent_mail_over_its_rate_holds_up_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
