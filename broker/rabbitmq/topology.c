/* See topology.h. What exists is one table; what grows with the settings (pools, sites, buckets)
 * follows it.
 *
 *   submit --tx, bulk--> submit.tx, submit.bulk
 *   deliver --<pool>.<site>--> deliver.<pool>.<site>
 *     else: deliver.pool --<pool>.#--> tail.<pool> --hash--> deliver.<pool>.tail-0..7
 *     else: lost
 *   delay.<s> --after s seconds--> due --by its header--> the queue it came from
 *     else: deliver
 *   results --#--> bouncer.results      inbound --directive--> bouncer.directives
 *   inbound --dsn, fbl, unsub, mail--> bouncer.dsn, bouncer.fbl, bouncer.unsub, bouncer.mail
 *           --unknown, report, tls--> bouncer.unknown, bouncer.reports, bouncer.tls
 *   dead letters of all mail queues --> buried      what ingest does not accept --> refused */
#include "broker/rabbitmq/topology.h"

#include <stdio.h>

#include "broker/broker.h"
#include "broker/engine.h"
#include "broker/rabbitmq/json_copies.h"
#include "lib/base/memory.h"

unsigned delay_bucket_s(int64_t left_ms)
{
	if (left_ms < 1000)
		return 0;
	unsigned bucket_s = 1;
	while (bucket_s < 1u << (DELAY_BUCKET_COUNT - 1) && bucket_s * 2000ll <= left_ms)
		bucket_s *= 2;
	return bucket_s;
}

void topology_name(const char *prefix, const char *name, char out[WIRE_SHORT_MAX + 1])
{
	(void)snprintf(out, WIRE_SHORT_MAX + 1, "%s%s", prefix, name);
}

/* ---- the steps ---- */

struct builder {
	struct topology *topology;
	size_t step_capacity, queue_capacity;
};

static void add_step(struct builder *b, struct step step)
{
	struct topology *topology = b->topology;
	if (topology->step_count == b->step_capacity) {
		b->step_capacity = b->step_capacity > 0 ? b->step_capacity * 2 : 64;
		topology->steps = memory_grow(topology->steps, b->step_capacity, sizeof step);
	}
	topology->steps[topology->step_count++] = step;
}

static const char *full(struct builder *b, const char *name)
{
	return name ? arena_printf(b->topology->arena, "%s%s", b->topology->settings->prefix, name)
		    : NULL;
}

static void add_exchange(struct builder *b, const char *name, const char *type,
			 const char *alternate)
{
	add_step(b, (struct step){.what = STEP_EXCHANGE,
				  .name = full(b, name),
				  .type = type,
				  .alternate = full(b, alternate)});
}

static void add_queue(struct builder *b, const char *name, enum queue_kind kind, unsigned delay_s)
{
	struct topology *topology = b->topology;
	if (topology->queue_count == b->queue_capacity) {
		b->queue_capacity = b->queue_capacity > 0 ? b->queue_capacity * 2 : 64;
		topology->queues =
			memory_grow(topology->queues, b->queue_capacity, sizeof *topology->queues);
	}
	topology->queues[topology->queue_count++] = arena_printf(topology->arena, "%s", name);
	add_step(b, (struct step){.what = STEP_QUEUE,
				  .name = full(b, name),
				  .kind = kind,
				  .delay_s = delay_s});
}

static void bind_queue(struct builder *b, const char *queue, const char *source, const char *key)
{
	add_step(b, (struct step){.what = STEP_BIND_QUEUE,
				  .name = full(b, queue),
				  .source = full(b, source),
				  .key = arena_printf(b->topology->arena, "%s", key)});
}

static void bind_by_header(struct builder *b, const char *queue)
{
	add_step(b, (struct step){.what = STEP_BIND_QUEUE,
				  .name = full(b, queue),
				  .source = full(b, EXCHANGE_NAME_DUE),
				  .key = "",
				  .header_queue = arena_printf(b->topology->arena, "%s", queue)});
}

static const struct {
	const char *name, *type, *alternate;
} exchanges[] = {
	{EXCHANGE_NAME_LOST, "fanout", NULL},
	{EXCHANGE_NAME_BURIED, "fanout", NULL},
	{EXCHANGE_NAME_REFUSED, "fanout", NULL},
	{EXCHANGE_NAME_SUBMIT, "direct", EXCHANGE_NAME_LOST},
	{EXCHANGE_NAME_POOL, "topic", EXCHANGE_NAME_LOST},
	{EXCHANGE_NAME_DELIVER, "direct", EXCHANGE_NAME_POOL},
	{EXCHANGE_NAME_DUE, "headers", EXCHANGE_NAME_DELIVER},
	{EXCHANGE_NAME_RESULTS, "topic", NULL},
	{EXCHANGE_NAME_EVENTS, "topic", NULL},
	{EXCHANGE_NAME_INBOUND, "direct", NULL},
	{EXCHANGE_NAME_CONTROL, "topic", NULL},
};

static const struct {
	const char *name;
	enum queue_kind kind;
	const char *source, *key;
} queues[] = {
	{QUEUE_LOST, QUEUE_END, EXCHANGE_NAME_LOST, ""},
	{QUEUE_BURIED, QUEUE_END, EXCHANGE_NAME_BURIED, ""},
	{QUEUE_REFUSED, QUEUE_END, EXCHANGE_NAME_REFUSED, ""},
	{QUEUE_SUBMIT_TX, QUEUE_SUBMIT, EXCHANGE_NAME_SUBMIT, "tx"},
	{QUEUE_SUBMIT_BULK, QUEUE_SUBMIT, EXCHANGE_NAME_SUBMIT, "bulk"},
	{QUEUE_BOUNCER_RESULTS, QUEUE_MAIL, EXCHANGE_NAME_RESULTS, "#"},
	{QUEUE_BOUNCER_DIRECTIVES, QUEUE_MAIL, EXCHANGE_NAME_INBOUND, "directive"},
	{QUEUE_BOUNCER_DSN, QUEUE_MAIL, EXCHANGE_NAME_INBOUND, "dsn"},
	{QUEUE_BOUNCER_FBL, QUEUE_MAIL, EXCHANGE_NAME_INBOUND, "fbl"},
	{QUEUE_BOUNCER_UNSUB, QUEUE_MAIL, EXCHANGE_NAME_INBOUND, "unsub"},
	{QUEUE_BOUNCER_MAIL, QUEUE_MAIL, EXCHANGE_NAME_INBOUND, "mail"},
	{QUEUE_BOUNCER_UNKNOWN, QUEUE_MAIL, EXCHANGE_NAME_INBOUND, "unknown"},
	{QUEUE_BOUNCER_REPORTS, QUEUE_MAIL, EXCHANGE_NAME_INBOUND, "report"},
	{QUEUE_BOUNCER_TLS, QUEUE_MAIL, EXCHANGE_NAME_INBOUND, "tls"},
};

static void add_fixed(struct builder *b)
{
	for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++)
		add_exchange(b, exchanges[i].name, exchanges[i].type, exchanges[i].alternate);
	if (json_copies_are_wanted(b->topology->settings, EXCHANGE_RESULTS))
		add_exchange(b, EXCHANGE_NAME_JSON_RESULTS, "topic", NULL);
	if (json_copies_are_wanted(b->topology->settings, EXCHANGE_EVENTS))
		add_exchange(b, EXCHANGE_NAME_JSON_EVENTS, "topic", NULL);
	for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
		add_queue(b, queues[i].name, queues[i].kind, 0);
		bind_queue(b, queues[i].name, queues[i].source, queues[i].key);
		bind_by_header(b, queues[i].name);
	}
}

static void add_named_site(struct builder *b, const char *pool, const char *site)
{
	struct arena *arena = b->topology->arena;
	const char *queue = arena_printf(arena, ENGINE_DELIVERY_QUEUE, pool, site);
	add_queue(b, queue, QUEUE_MAIL, 0);
	bind_queue(b, queue, EXCHANGE_NAME_DELIVER, arena_printf(arena, "%s.%s", pool, site));
}

static void add_tail(struct builder *b, const char *pool)
{
	struct arena *arena = b->topology->arena;
	const char *exchange = arena_printf(arena, EXCHANGE_NAME_TAIL, pool);
	add_exchange(b, exchange, "x-consistent-hash", NULL);
	add_step(b, (struct step){.what = STEP_BIND_EXCHANGE,
				  .name = full(b, exchange),
				  .source = full(b, EXCHANGE_NAME_POOL),
				  .key = arena_printf(arena, "%s.#", pool)});
	for (unsigned shard = 0; shard < ROUTING_TAIL_SHARDS; shard++) {
		const char *queue = arena_printf(arena, ENGINE_TAIL_QUEUE, pool, shard);
		add_queue(b, queue, QUEUE_TAIL, 0);
		bind_queue(b, queue, exchange, "1"); /* the key is the weight */
	}
}

static void add_pool(struct builder *b, const struct routing_settings *routing, const char *pool)
{
	for (size_t j = 0; j < routing->sites.count; j++) {
		const struct site_settings *site =
			CONF_ITEM(&routing->sites, struct site_settings, j);
		if (site_has_queue(site))
			add_named_site(b, pool, site->name);
	}
	add_tail(b, pool);
}

static void add_pools(struct builder *b, const struct routing_settings *routing)
{
	for (size_t i = 0; i < 2 * routing->pools.count; i++) {
		const struct pool_settings *pool =
			CONF_ITEM(&routing->pools, struct pool_settings, i / 2);
		char word[ROUTING_NAME_MAX + 1];
		if (routing_pool_word(pool, i % 2 == 1, word))
			add_pool(b, routing, arena_printf(b->topology->arena, "%s", word));
	}
}

static void add_delays(struct builder *b)
{
	for (unsigned i = 0; i < DELAY_BUCKET_COUNT; i++) {
		const char *name = arena_printf(b->topology->arena, EXCHANGE_NAME_DELAY, 1u << i);
		add_exchange(b, name, "fanout", NULL);
		add_queue(b, name, QUEUE_DELAY, 1u << i);
		bind_queue(b, name, name, "");
	}
}

static void add_tables(struct builder *b)
{
	static const char *const tables[] = {"suppressions", "directives", "sites", "webhooks"};
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		add_queue(b, arena_printf(b->topology->arena, TABLE_QUEUE_NAME, tables[i]),
			  QUEUE_TABLE, 0);
}

bool topology_take_table(struct step *step)
{
	if (!step_is_table(step) || step->kind == QUEUE_TABLE_AS_IS)
		return false;
	step->kind++;
	return true;
}

void topology_ask_tables(struct topology *topology)
{
	bool are_cut = topology->settings->table_kept > 0;
	for (size_t i = 0; i < topology->step_count; i++)
		if (step_is_table(&topology->steps[i]))
			topology->steps[i].kind = are_cut ? QUEUE_TABLE : QUEUE_TABLE_UNCUT;
}

int64_t topology_table_kept_ms(const struct topology *topology, const char *table)
{
	char name[WIRE_SHORT_MAX + 1], whole[WIRE_SHORT_MAX + 1];
	(void)snprintf(name, sizeof name, TABLE_QUEUE_NAME, table);
	topology_name(topology->settings->prefix, name, whole);
	for (size_t i = 0; i < topology->step_count; i++) {
		const struct step *step = &topology->steps[i];
		if (step_is_table(step) && strcmp(step->name, whole) == 0)
			return step->kind == QUEUE_TABLE_UNCUT ? 0 : topology->settings->table_kept;
	}
	return 0;
}

static enum err check_lengths(const struct topology *topology, struct why *why)
{
	for (size_t i = 0; i < topology->step_count; i++) {
		const struct step *step = &topology->steps[i];
		if (strlen(step->name) > WIRE_SHORT_MAX ||
		    (step->key && strlen(step->key) > WIRE_SHORT_MAX))
			return fail(why, E_TOO_BIG,
				    "\"%s\" is longer than the %d bytes of a name in AMQP",
				    step->name, WIRE_SHORT_MAX);
	}
	return OK;
}

enum err topology_init(struct topology *topology, const struct broker_settings *settings,
		       const struct routing *routing, struct why *why)
{
	*topology = (struct topology){.arena = arena_new(), .settings = settings};
	struct builder builder = {.topology = topology};
	add_fixed(&builder);
	add_pools(&builder, routing_settings(routing));
	add_delays(&builder);
	add_tables(&builder);
	enum err err = check_lengths(topology, why);
	topology_ask_tables(topology);
	if (err)
		topology_done(topology);
	return err;
}

void topology_done(struct topology *topology)
{
	arena_free(&topology->arena);
	free(topology->steps);
	free(topology->queues);
	*topology = (struct topology){0};
}

void topology_subscribe(const char *results, const char *due, const char *queue, const char *name,
			const char *pattern, struct step ret[SUBSCRIBE_STEPS])
{
	bool is_of_host = strncmp(queue, QUEUE_HOST_PREFIX, strlen(QUEUE_HOST_PREFIX)) == 0;
	ret[0] = (struct step){
		.what = STEP_QUEUE, .name = name, .kind = is_of_host ? QUEUE_HOST : QUEUE_MAIL};
	ret[1] = (struct step){
		.what = STEP_BIND_QUEUE, .name = name, .source = results, .key = pattern};
	ret[2] = (struct step){.what = STEP_BIND_QUEUE,
			       .name = name,
			       .source = due,
			       .key = "",
			       .header_queue = queue};
}
