/* Whose transaction goes next: tenants and campaigns take turns, each by its own rates. */
#include "tests/check.h"

#include "workers/delivery/turns.h"

#define PER_SECOND 86400

static struct loop *loop;

struct table {
	struct site_settings settings;
	struct parties *parties;
	struct guests *guests;
	struct turns *turns;
	struct transaction transactions[8];
	int64_t carried_count; /* of the session that takes */
	bool is_last;
	int64_t wait_ms; /* that the last take told */
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
		.guests = guests_new(),
	};
	return table;
}

static void seat(struct table *table)
{
	table->turns = turns_new(&(struct turns_options){
		.parties = table->parties,
		.guests = table->guests,
		.site = "gmail",
		.settings = &table->settings,
	});
}

static void close_table(struct table *table)
{
	turns_free(&table->turns);
	guests_free(&table->guests);
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
	const struct turns_session session = {.carried_count = table->carried_count,
					      .is_last = table->is_last};
	struct transaction *transaction = turns_take(table->turns, &session, &table->wait_ms);
	return transaction ? (size_t)(transaction - table->transactions) : SIZE_MAX;
}

static void test_a_big_mailing_does_not_hold_up_another_tenant(void **state)
{
	(void)state;
	struct table table = open_table(0, 0);
	seat(&table);
	for (size_t i = 0; i < 5; i++)
		add(&table, i, "big", "");
	assert_int_equal(take(&table), 0);
	add(&table, 5, "small", "");
	assert_int_equal(turns_count(table.turns), 5);
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
	assert_int_equal(take(&table), 2); /* the new go first */
	assert_int_equal(take(&table), 3);
	assert_int_equal(take(&table), 4); /* mail of no tenant has no such limit */
	assert_int_equal(take(&table), 0); /* and the campaign's tenant has had its one */
	assert_null(turns_take(table.turns, &(const struct turns_session){0}, &wait_ms));
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

static void test_campaigns_of_two_tenants_are_two(void **state)
{
	(void)state;
	struct table table = open_table(0, PER_SECOND);
	seat(&table);
	add(&table, 0, "a", "spring");
	add(&table, 1, "b", "spring");
	assert_int_equal(take(&table) + take(&table), 1); /* both, in any order */
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
	assert_int_equal(take(&table), 4);
	assert_int_equal(take(&table), 0);
	assert_int_equal(take(&table), 2); /* spring has its one */
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
	/* of the others b goes first, as a has had four turns */
	static const size_t order[] = {2, 3, 4, 5, 1, 6, 7, 0, SIZE_MAX};
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

static void test_mail_of_a_tenant_goes_only_on_sessions_that_carried_little(void **state)
{
	(void)state;
	struct table table = open_table(0, 0);
	table.settings.messages_per_connection_per_tenant = 3;
	table.settings.messages_per_connection_per_campaign = 2;
	table.carried_count = 3;
	seat(&table);
	add(&table, 0, "a", "");
	add(&table, 1, "", "spring");
	add(&table, 2, "", "");
	assert_int_equal(take(&table), 2); /* has no such limit */
	assert_int_equal(take(&table), SIZE_MAX);
	assert_int_equal(table.wait_ms, TURNS_ELSEWHERE);
	table.carried_count = 2;
	assert_int_equal(take(&table), 0);
	assert_int_equal(take(&table), SIZE_MAX);
	table.carried_count = 1;
	assert_int_equal(take(&table), 1);
	close_table(&table);
}

static void test_nobody_is_passed_over_on_the_last_session_there_may_be(void **state)
{
	(void)state;
	struct table table = open_table(0, 0);
	table.settings.messages_per_connection_per_tenant = 3;
	table.carried_count = 3;
	table.is_last = true;
	seat(&table);
	add(&table, 0, "", "");
	add(&table, 1, "a", "");
	assert_int_equal(take(&table), SIZE_MAX); /* it is the turn of the new one */
	assert_int_equal(table.wait_ms, TURNS_ELSEWHERE);
	table.carried_count = 0;
	assert_int_equal(take(&table), 1);
	table.carried_count = 3;
	assert_int_equal(take(&table), 0);
	close_table(&table);
}

static void test_a_session_is_opened_for_somebody_who_may(void **state)
{
	(void)state;
	struct table table = open_table(0, 0);
	struct turns_opener opener;
	table.settings.connect_rate_per_tenant = PER_SECOND;
	seat(&table);
	add(&table, 0, "a", "");
	add(&table, 1, "a", "");
	add(&table, 2, "", "");
	assert_int_equal(turns_open(table.turns, 0, &opener), 0);
	assert_non_null(opener.by_tenant);
	struct party *opening = party_open(opener.by_tenant);
	assert_int_equal(turns_open(table.turns, 0, &opener), 0); /* for the one of nobody */
	assert_null(opener.by_tenant);
	assert_in_range(turns_open(table.turns, 1, &opener), 500, 1010);
	party_opened(&opening);
	close_table(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_big_mailing_does_not_hold_up_another_tenant),
		cmocka_unit_test(test_a_tenant_over_its_rate_waits_and_others_do_not),
		cmocka_unit_test(test_a_campaign_has_a_rate_of_its_own),
		cmocka_unit_test(test_campaigns_of_two_tenants_are_two),
		cmocka_unit_test(test_a_tenant_has_so_many_under_way_and_no_more),
		cmocka_unit_test(test_urgent_mail_goes_before_others_but_not_without_end),
		cmocka_unit_test(test_urgent_mail_over_its_rate_holds_up_nobody),
		cmocka_unit_test(test_mail_of_a_tenant_goes_only_on_sessions_that_carried_little),
		cmocka_unit_test(test_nobody_is_passed_over_on_the_last_session_there_may_be),
		cmocka_unit_test(test_a_session_is_opened_for_somebody_who_may),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
