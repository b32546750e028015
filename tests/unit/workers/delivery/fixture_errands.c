/* See fixture_errands.h. */
#include "tests/unit/workers/delivery/fixture_errands.h"

struct errand errands[ERRANDS_MAX];
struct lanes *lanes;
const struct source first_source = {.name = "first", .helo = "me.example"};
const struct source second_source = {.name = "second", .helo = "me2.example"};

static struct exchanger *exchanger;

void errands_open(struct lanes_options differing)
{
	memset(errands, 0, sizeof errands);
	exchanger = exchanger_new(&(struct exchanger_options){
		.loop = world.loop,
		.resolver = world_resolver(),
		.own_name = "me.example",
		.settings = &world.settings->workers,
	});
	differing.loop = world.loop;
	differing.client = world_client();
	differing.exchanger = exchanger;
	differing.routing = world.routing;
	differing.settings = &world.settings->workers;
	lanes = lanes_new(&differing);
	lanes_hold(lanes, false);
}

void errands_close(void)
{
	struct smtp_client *client = world_client();
	smtp_client_free(&client);
	lanes_free(&lanes);
	exchanger_free(&exchanger);
}

static enum preparation prepare(struct transaction *transaction)
{
	struct errand *errand = (struct errand *)transaction;
	errand->asked++;
	return errand->preparation;
}

static void on_recipient_done(struct transaction *transaction, size_t index,
			      const struct attempt *attempt)
{
	struct errand *errand = (struct errand *)transaction;
	errand->told++;
	errand->last[index] = *attempt->outcome;
	errand->ruling = attempt->ruling;
	errand->step = attempt->step;
}

static void on_done(struct transaction *transaction)
{
	((struct errand *)transaction)->done++;
}

static void on_postponed(struct transaction *transaction, int64_t delay_ms)
{
	struct errand *errand = (struct errand *)transaction;
	assert_true(delay_ms > 0);
	errand->postponed++;
	errand->delay_ms = delay_ms;
}

struct errand *errand_submit(size_t index, const char *recipient, const char *second,
			     const struct source *source)
{
	static const struct transaction_handler handler = {.prepare = prepare,
							   .recipient_done = on_recipient_done,
							   .done = on_done,
							   .postponed = on_postponed};
	struct errand *errand = &errands[index];
	const char *domain = strchr(recipient, '@') + 1;
	const char *site = routing_named_site(world.routing, domain);
	errand->recipients[0] = bytes_of(arena_printf(world.arena, "%s", recipient));
	if (second)
		errand->recipients[1] = bytes_of(arena_printf(world.arena, "%s", second));
	errand->transaction = (struct transaction){
		.mail = {.recipients = errand->recipients, .recipient_count = second ? 2 : 1},
		.handler = &handler,
		.unsent = errand->unsent,
		.tenant = errand->transaction.tenant,
		.campaign = errand->transaction.campaign,
		.is_urgent = errand->transaction.is_urgent,
	};
	lanes_submit(lanes,
		     &(struct lane_name){
			     .next_hop = domain, .site = site ? site : domain, .source = source},
		     &errand->transaction);
	return errand;
}

size_t errands_done(void)
{
	size_t count = 0;
	for (size_t i = 0; i < ERRANDS_MAX; i++)
		count += errands[i].done;
	return count;
}

size_t errands_postponed(void)
{
	size_t count = 0;
	for (size_t i = 0; i < ERRANDS_MAX; i++)
		count += errands[i].postponed;
	return count;
}
