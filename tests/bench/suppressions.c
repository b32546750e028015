/* What suppressions cost.
 *
 *   bench_suppressions ENTRIES LOOKUPS WRITES      in a folder of its own under $TMPDIR; one JSON object on the last line
 *
 * A node's copy is filled with bounces in random order, as they come in; then addresses are looked up, half of them suppressed; then
 * the ledger is given new ones, each done when it is synced in the ledger and in the embedded engine's table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "tests/bench/suppression_world.h"

#define BATCH	      20000
#define WRITES_AHEAD  2000
#define NO_SUCH_ENTRY UINT64_C(1) << 40

struct bench {
	char directory[200];
	struct loop *loop;
	struct store *node, *own;
	struct world world;
	struct replica *replica;
	uint64_t entries, lookups, writes;
	uint64_t filled, started, finished, suppressed;
	bool is_caught_up;
	struct ledger *ledger;
};

/* ---- filling ---- */

static enum err fill_some(void *owner, struct store_txn *txn)
{
	struct bench *bench = owner;
	int database = store_database(bench->node, "table." SUPPRESSIONS_TABLE);
	struct buf value;
	struct arena *arena = arena_new();
	enum err err = OK;
	buf_init(&value, REPLICA_VALUE_MAX);
	for (uint64_t i = 0; i < BATCH && bench->filled + i < bench->entries && !err; i++) {
		char address[ADDRESS_LINE];
		uint8_t key[SUPPRESSION_KEY_MAX];
		struct suppression entry = entry_of(address_of(bench->filled + i, address));
		buf_clear(&value);
		err = suppression_encode(&entry, &value);
		const struct table_entry row = {
			.key = bytes_from(key, suppression_entry_key(&entry, key)),
			.value = suppression_slim(arena, buf_bytes(&value)), /* as a replica does */
			.version = entry.version,
		};
		if (!err)
			err = replica_apply(txn, database, &row);
		arena_reset(arena);
	}
	buf_done(&value);
	arena_free(&arena);
	return err;
}

static void on_filled(void *owner, enum err err)
{
	struct bench *bench = owner;
	check(err, "filling");
	bench->filled += BATCH;
}

static double fill(struct bench *bench)
{
	double start = now();
	while (bench->filled < bench->entries) {
		store_write(bench->node, fill_some, bench->loop, on_filled, bench);
		store_drain(bench->loop);
	}
	return now() - start;
}

/* ---- looking up ---- */

static double look_up(struct bench *bench)
{
	const struct mail_owner whose = {.tenant = BYTES("acme"), .stream = BYTES("bulk")};
	struct arena *arena = arena_new();
	double start = now();
	for (uint64_t i = 0; i < bench->lookups; i++) {
		char address[ADDRESS_LINE];
		struct suppression found;
		uint64_t number = (i * UINT64_C(2654435761)) % bench->entries;
		(void)address_of(i % 2 ? number : number + (NO_SUCH_ENTRY), address);
		enum err err = suppressions_find(bench->replica, &whose, bytes_of(address),
						 20001 * DAY_MS, arena, &found);
		if (err != E_NOT_FOUND)
			check(err, "looking up");
		bench->suppressed += err == OK;
		arena_reset(arena);
	}
	double seconds = now() - start;
	arena_free(&arena);
	return seconds;
}

/* ---- writing ---- */

static void write_more(struct bench *bench);

static void on_recorded(void *owner, enum err err)
{
	struct bench *bench = owner;
	check(err, "writing");
	bench->finished++;
	write_more(bench);
	if (bench->finished == bench->writes)
		loop_stop(bench->loop);
}

static void write_more(struct bench *bench)
{
	while (bench->started < bench->writes && bench->started - bench->finished < WRITES_AHEAD) {
		char address[ADDRESS_LINE];
		uint64_t number = bench->entries + bench->started++;
		const struct ledger_order order = {.entry = entry_of(address_of(number, address)),
						   .is_limited = true};
		ledger_record(bench->ledger, &order, on_recorded, bench);
	}
}

static double write_all(struct bench *bench)
{
	const struct ledger_options options = {
		.broker = bench->world.broker, .loop = bench->loop, .store = bench->own};
	bench->ledger = ledger_new(&options);
	double start = now();
	write_more(bench);
	loop_run(bench->loop);
	return now() - start;
}

/* ---- the whole ---- */

static void on_caught_up(void *owner)
{
	struct bench *bench = owner;
	bench->is_caught_up = true;
	loop_stop(bench->loop);
}

static void open_all(struct bench *bench)
{
	static const char *const node[] = {REPLICA_DATABASES};
	static const char *const own[] = {LEDGER_DATABASES};
	struct why why = {""};
	char path[300];
	(void)snprintf(path, sizeof path, "%s/node", bench->directory);
	check(store_open(path, node, sizeof node / sizeof node[0], &bench->node, &why), path);
	(void)snprintf(path, sizeof path, "%s/bouncer", bench->directory);
	check(store_open(path, own, sizeof own / sizeof own[0], &bench->own, &why), path);
}

static void open_broker(struct bench *bench)
{
	world_open(&bench->world, bench->loop, bench->directory);
	bench->replica = replica_new(bench->world.broker, bench->loop, bench->node,
				     SUPPRESSIONS_TABLE, on_caught_up, bench);
	while (!bench->is_caught_up)
		loop_run(bench->loop);
}

static void close_all(struct bench *bench)
{
	replica_free(&bench->replica);
	ledger_stop(bench->ledger);
	broker_close(&bench->world.broker);
	ledger_free(&bench->ledger);
	store_close(&bench->own);
	store_close(&bench->node);
	world_close(&bench->world);
	loop_free(&bench->loop);
}

int main(int argc, char **argv)
{
	struct bench bench = {.loop = loop_new()};
	const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	if (argc != 4)
		return 2;
	bench.entries = number_of(argv[1]);
	bench.lookups = number_of(argv[2]);
	bench.writes = number_of(argv[3]);
	(void)snprintf(bench.directory, sizeof bench.directory, "%.150s/bench-suppressions-XXXXXX",
		       folder);
	if (!mkdtemp(bench.directory))
		return 1;
	open_all(&bench);
	double fill_seconds = fill(&bench);
	open_broker(&bench);
	double look_seconds = look_up(&bench), write_seconds = write_all(&bench);
	struct store_usage usage = store_usage(bench.node);
	(void)printf("{\"entries\":%llu,\"fill_seconds\":%.1f,\"used_bytes\":%llu,\"file_bytes\":%"
		     "llu,\"lookups_per_second\":%.0f,\"found\":%llu,\"synced_writes_per_second\":"
		     "%.0f,\"directory\":\"%s\"}\n",
		     (unsigned long long)bench.entries, fill_seconds,
		     (unsigned long long)usage.used_bytes, (unsigned long long)usage.file_bytes,
		     (double)bench.lookups / look_seconds, (unsigned long long)bench.suppressed,
		     (double)bench.writes / write_seconds, bench.directory);
	close_all(&bench);
	return 0;
}
