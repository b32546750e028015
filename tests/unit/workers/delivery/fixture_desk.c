/* See fixture_desk.h. */
#include "tests/unit/workers/delivery/fixture_desk.h"

static void open_lanes(struct desk *desk)
{
	desk->client = world_client();
	desk->exchanger = exchanger_new(&(struct exchanger_options){
		.loop = world.loop,
		.resolver = world_resolver(),
		.own_name = "me.example",
		.settings = &world.settings->workers,
	});
	desk->lanes = lanes_new(&(struct lanes_options){
		.loop = world.loop,
		.client = desk->client,
		.exchanger = desk->exchanger,
		.routing = world.routing,
		.settings = &world.settings->workers,
	});
	lanes_hold(desk->lanes, false);
}

void desk_open(struct desk *desk, const char *settings_yaml)
{
	static const char *const databases[] = {JOURNAL_DATABASE};
	struct why why;
	world_open(settings_yaml);
	assert_int_equal(store_open(desk->directory, databases, 1, &desk->store, &why), OK);
	assert_int_equal(sources_new(world.routing, "me.example", &desk->sources, &why), OK);
	desk->suspensions = suspensions_new();
	open_lanes(desk);
	desk->journal = journal_new(world.loop, desk->store);
	desk->postings = postings_new(world.loop, world_broker());
	desk->results = results_new(world.loop, desk->postings, &world.settings->workers);
	assert_int_equal(signer_open(world.loop, &world.settings->dkim, world_resolver(),
				     &desk->signer, &why),
			 OK);
	desk->requests = requests_new(&(struct requests_options){
		.loop = world.loop,
		.routing = world.routing,
		.retry = &world.settings->retry,
		.suppressions = world_suppressions(),
		.directives = world_suppressions(),
		.suspensions = desk->suspensions,
		.suspended_wait = &world.settings->workers.suspended_wait,
		.sources = desk->sources,
		.lanes = desk->lanes,
		.journal = desk->journal,
		.results = desk->results,
		.postings = desk->postings,
		.signer = desk->signer,
		.eightbit = (enum eightbit_policy)world.settings->workers.eightbit,
		.binary = (enum binary_policy)world.settings->workers.binary,
		.result_headers = &world.settings->workers.result_headers,
		.worker_name = "me.example/1",
	});
}

void desk_close(struct desk *desk)
{
	signer_close(&desk->signer);
	smtp_client_free(&desk->client);
	lanes_free(&desk->lanes);
	postings_free(&desk->postings);
	results_free(&desk->results);
	requests_free(&desk->requests);
	journal_free(&desk->journal);
	exchanger_free(&desk->exchanger);
	sources_free(&desk->sources);
	suspensions_free(&desk->suspensions);
	store_close(&desk->store);
	world_close();
}

struct lease *desk_take(struct desk *desk, const char *const *recipients)
{
	struct lease *lease = world_lease(0, recipients);
	requests_take(desk->requests, "default", lease);
	return lease;
}

int desk_setup(void **state, const char *settings_yaml)
{
	static struct desk desk;
	memset(&desk, 0, sizeof desk);
	directory_make(desk.directory);
	desk_open(&desk, settings_yaml);
	*state = &desk;
	return 0;
}

int desk_teardown(void **state)
{
	struct desk *desk = *state;
	desk_close(desk);
	directory_remove(desk->directory);
	return 0;
}

/* ---- the world's sessions have no TLS to judge ---- */

enum tls_fault smtp_connection_fault(const struct smtp_connection *connection)
{
	(void)connection;
	return TLS_FAULT_NONE;
}

struct net_address smtp_connection_source(const struct smtp_connection *connection)
{
	(void)connection;
	return (struct net_address){0};
}
