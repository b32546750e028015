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

#include <assert.h>
#include <stdio.h>

#include "broker/broker.h"
#include "broker/engine.h"
#include "lib/base/memory.h"

#define SUBMIT_BYTES_MAX (4ll << 30)
/* On 4.x a quorum queue without a limit has one of 20 and then drops; this one is never reached. */
#define NO_DELIVERY_LIMIT 1000000000

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

/* ---- sending a step ---- */

#define ARGUMENTS_MAX 8

struct arguments {
	amqp_table_entry_t entries[ARGUMENTS_MAX];
	int count;
};

static void add_argument(struct arguments *a, amqp_table_entry_t entry)
{
	assert(a->count < ARGUMENTS_MAX);
	a->entries[a->count++] = entry;
}

/* Dead letters move only when the other queue has them, which needs a queue that refuses rather
 * than drops. */
static void add_safe_dead_letters(struct arguments *a)
{
	add_argument(a, wire_entry_text("x-dead-letter-strategy", "at-least-once"));
	add_argument(a, wire_entry_text("x-overflow", "reject-publish"));
}

static void queue_arguments(const struct topology *topology, const struct step *step,
			    const char *buried, const char *due, struct arguments *a)
{
	const struct broker_settings *settings = topology->settings;
	bool is_quorum = settings->queue_type == 0;
	if (step->kind == QUEUE_TABLE) {
		add_argument(a, wire_entry_text("x-queue-type", "stream"));
		return;
	}
	add_argument(a, wire_entry_text("x-queue-type", is_quorum ? "quorum" : "classic"));
	if (step->kind == QUEUE_SUBMIT) {
		add_argument(a, wire_entry_int("x-max-length-bytes", SUBMIT_BYTES_MAX));
		if (!is_quorum)
			add_argument(a, wire_entry_text("x-overflow", "reject-publish"));
	}
	if (step->kind == QUEUE_TAIL)
		add_argument(a, wire_entry_flag("x-single-active-consumer", true));
	if (step->kind == QUEUE_HOST)
		add_argument(a, wire_entry_int("x-expires", QUEUE_HOST_UNUSED_MS));
	if (step->kind == QUEUE_DELAY)
		add_argument(a, wire_entry_int("x-message-ttl", step->delay_s * 1000ll));
	if (step->kind != QUEUE_END)
		add_argument(a, wire_entry_text("x-dead-letter-exchange",
						step->kind == QUEUE_DELAY ? due : buried));
	if (is_quorum) {
		bool is_limited = step->kind != QUEUE_END && step->kind != QUEUE_DELAY;
		add_argument(
			a, wire_entry_int("x-delivery-limit", is_limited ? settings->delivery_limit
									 : NO_DELIVERY_LIMIT));
		if (step->kind != QUEUE_END)
			add_safe_dead_letters(a);
	}
}

static void send_queue(const struct topology *topology, struct channel *channel,
		       const struct step *step)
{
	char buried[WIRE_SHORT_MAX + 1], due[WIRE_SHORT_MAX + 1];
	topology_name(topology->settings->prefix, EXCHANGE_NAME_BURIED, buried);
	topology_name(topology->settings->prefix, EXCHANGE_NAME_DUE, due);
	struct arguments a = {0};
	queue_arguments(topology, step, buried, due, &a);
	amqp_queue_declare_t declare = {
		.queue = wire_text(step->name),
		.durable = true,
		.arguments = {a.count, a.entries},
	};
	channel_send(channel, AMQP_QUEUE_DECLARE_METHOD, &declare);
}

static void send_exchange(struct channel *channel, const struct step *step)
{
	struct arguments a = {0};
	if (step->alternate)
		add_argument(&a, wire_entry_text("alternate-exchange", step->alternate));
	amqp_exchange_declare_t declare = {
		.exchange = wire_text(step->name),
		.type = wire_text(step->type),
		.durable = true,
		.arguments = {a.count, a.entries},
	};
	channel_send(channel, AMQP_EXCHANGE_DECLARE_METHOD, &declare);
}

static void send_bind_queue(struct channel *channel, const struct step *step)
{
	struct arguments a = {0};
	if (step->header_queue) {
		add_argument(&a, wire_entry_text("x-match", "all"));
		add_argument(&a, wire_entry_text(HEADER_QUEUE, step->header_queue));
	}
	amqp_queue_bind_t bind = {
		.queue = wire_text(step->name),
		.exchange = wire_text(step->source),
		.routing_key = wire_text(step->key),
		.arguments = {a.count, a.entries},
	};
	channel_send(channel, AMQP_QUEUE_BIND_METHOD, &bind);
}

static void send_bind_exchange(struct channel *channel, const struct step *step)
{
	amqp_exchange_bind_t bind = {
		.destination = wire_text(step->name),
		.source = wire_text(step->source),
		.routing_key = wire_text(step->key),
	};
	channel_send(channel, AMQP_EXCHANGE_BIND_METHOD, &bind);
}

void topology_send(const struct topology *topology, struct channel *channel,
		   const struct step *step)
{
	switch (step->what) {
	case STEP_EXCHANGE:
		send_exchange(channel, step);
		return;
	case STEP_QUEUE:
		send_queue(topology, channel, step);
		return;
	case STEP_BIND_QUEUE:
		send_bind_queue(channel, step);
		return;
	case STEP_BIND_EXCHANGE:
		send_bind_exchange(channel, step);
		return;
	}
}

/* ---- refusals ---- */

void topology_explain(const struct step *step, uint16_t code, const char *text, struct why *ret)
{
	static const char *const words[] = {"exchange", "queue", "binding to", "binding to"};
	const char *advice = "";
	if (code == 406)
		advice = ": it exists with other arguments; delete it when it is empty, or set "
			 "broker.prefix or broker.queue_type";
	else if (code == 403)
		advice = ": grant the right to configure, or set broker.declare to false and "
			 "declare it elsewhere";
	else if (code == 404)
		advice = ": what it leads from or to is missing";
	(void)fail(ret, E_REFUSED, "%s %s: %u %s%s", words[step->what], step->name, code, text,
		   advice);
}
