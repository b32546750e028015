/* What the benches of suppressions share: addresses, entries, a broker in a folder, a clock. */
#ifndef LEVERET_TESTS_BENCH_SUPPRESSION_WORLD_H
#define LEVERET_TESTS_BENCH_SUPPRESSION_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bouncer/suppressions/ledger.h"
#include "broker/suppressions.h"

#define DAY_MS	     INT64_C(86400000)
#define ADDRESS_LINE 80

struct world {
	struct conf *conf;
	struct routing_settings routing_settings;
	struct routing *routing;
	struct broker_settings settings;
	struct broker *broker;
};

static inline double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Spread over the tree, and the same for the same number. */
static inline const char *address_of(uint64_t number, char out[ADDRESS_LINE])
{
	uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15);
	(void)snprintf(out, ADDRESS_LINE, "user%08x%04x@domain%u.example", (unsigned)(mixed >> 32),
		       (unsigned)(mixed & 0xffff), (unsigned)(mixed % 5000));
	return out;
}

static inline struct suppression entry_of(const char *address)
{
	return (struct suppression){
		.address = bytes_of(address),
		.reason = BYTES("bad_mailbox"),
		.origin = BYTES(ORIGIN_BOUNCE),
		.evidence = BYTES("550 5.1.1 user unknown"),
		.message_id = BYTES("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
		.rule = BYTES("unknown-user"),
		.site = BYTES("gmail"),
		.created_wall_ms = 20000 * DAY_MS,
		.version = (uint64_t)(20000 * DAY_MS),
	};
}

static inline void check(enum err err, const char *what)
{
	if (!err)
		return;
	(void)fprintf(stderr, "bench_suppressions: %s: %s\n", what, err_text(err));
	exit(1);
}

static inline uint64_t number_of(const char *text)
{
	uint64_t number = 0;
	if (!bytes_to_u64(bytes_of(text), UINT32_MAX, &number) || number == 0)
		exit(2);
	return number;
}

static inline void world_open(struct world *world, struct loop *loop, const char *directory)
{
	static const struct conf_child children[] = {
		{&broker_section, offsetof(struct world, settings)},
		{&sources_section, offsetof(struct world, routing_settings.sources)},
		{&pools_section, offsetof(struct world, routing_settings.pools)},
		{&sites_section, offsetof(struct world, routing_settings.sites)},
		{&routes_section, offsetof(struct world, routing_settings.routes)},
	};
	static const struct conf_section root = {
		.name = "bench",
		.help = "",
		.size = sizeof(struct world),
		.children = children,
		.child_count = CONF_COUNT(children),
	};
	char text[300];
	struct why why = {""};
	(void)snprintf(text, sizeof text, "broker: {url: \"embedded:%s\"}\n", directory);
	check(conf_load_text(text, &root, &world->conf), "settings");
	const struct world *read = conf_root(world->conf);
	world->routing = routing_new(&read->routing_settings);
	check(broker_open(loop, &read->settings, world->routing, "bench", NULL, NULL,
			  &world->broker, &why),
	      why.text);
}

/* Behind broker_close(). */
static inline void world_close(struct world *world)
{
	routing_free(&world->routing);
	conf_free(&world->conf);
}

#endif
