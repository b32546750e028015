/* Suppressions at full size, one JSON object on the last line; in a folder of its own under $TMPDIR.
 *
 *   bench_suppression_scale catch-up ENTRIES   the table is filled on the embedded engine; a new host takes all of it; then it starts again
 *   bench_suppression_scale undo ENTRIES       a bouncer's ledger is filled; every tenth entry is lifted by one undo, while a timer asks
 *                                              for its turn every 5 ms */
#include <string.h>
#include <unistd.h>

#include "bouncer/suppressions/sweep.h"
#include "lib/base/memory.h"
#include "tests/bench/suppression_world.h"

#define BATCH	      20000
#define APPENDS_AHEAD 2000
#define SAMPLE_MS     100
#define TURN_MS	      5
#define LIFTED_SITE   "outage"

struct bench {
	char directory[200];
	struct loop *loop;
	struct world world;
	struct store *store;
	uint64_t entries, started, finished;
	struct replica *replica;
	struct ledger *ledger;
	struct timer *timer;
	size_t memory_max_kb;
	double turned_at, slowest_turn;
	uint64_t lifted, timed_out;
};

static struct suppression nth_entry(uint64_t number, char address[ADDRESS_LINE])
{
	struct suppression entry = entry_of(address_of(number, address));
	if (number % 10 == 0)
		entry.site = BYTES(LIFTED_SITE);
	return entry;
}

/* What the process has for itself: the map of the store is the system's to take back. */
static size_t own_memory_kb(void)
{
	char line[200];
	size_t kb = 0;
	FILE *file = fopen("/proc/self/status", "re");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, "RssAnon:", strlen("RssAnon:")) == 0)
			kb = strtoul(line + strlen("RssAnon:"), NULL, 10);
	if (file)
		(void)fclose(file);
	return kb;
}

static void open_store(struct bench *bench, const char *name, const char *const *databases,
		       size_t count)
{
	char path[300];
	struct why why = {""};
	(void)snprintf(path, sizeof path, "%s/%s", bench->directory, name);
	check(store_open(path, databases, count, &bench->store, &why), path);
}

/* ---- catching up ---- */

static void append_more(struct bench *bench);

static void on_appended(void *owner, enum err err)
{
	struct bench *bench = owner;
	/* On a busy machine; it may have been kept all the same. */
	if (err == E_TIMEOUT)
		bench->timed_out++;
	else
		check(err, "appending");
	if (++bench->finished == bench->entries)
		loop_stop(bench->loop);
	else
		append_more(bench);
}

static void append_more(struct bench *bench)
{
	struct buf value;
	buf_init(&value, REPLICA_VALUE_MAX);
	while (bench->started < bench->entries &&
	       bench->started - bench->finished < APPENDS_AHEAD) {
		char address[ADDRESS_LINE];
		uint8_t key[SUPPRESSION_KEY_MAX];
		struct suppression entry = nth_entry(bench->started++, address);
		buf_clear(&value);
		check(suppression_encode(&entry, &value), "an entry");
		const struct table_entry row = {
			.key = bytes_from(key, suppression_entry_key(&entry, key)),
			.value = buf_bytes(&value),
			.version = entry.version,
		};
		table_append(bench->world.broker, SUPPRESSIONS_TABLE, &row, on_appended, bench);
	}
	buf_done(&value);
}

static void on_caught_up(void *owner)
{
	struct bench *bench = owner;
	loop_stop(bench->loop);
}

static void on_sample(void *owner)
{
	struct bench *bench = owner;
	size_t kb = own_memory_kb();
	if (kb > bench->memory_max_kb)
		bench->memory_max_kb = kb;
	timer_start(bench->timer, SAMPLE_MS);
}

static double catch_up(struct bench *bench)
{
	double start = now();
	bench->replica = replica_new(bench->world.broker, bench->loop, bench->store,
				     SUPPRESSIONS_TABLE, on_caught_up, bench);
	while (!replica_is_complete(bench->replica))
		loop_run(bench->loop);
	return now() - start;
}

static void measure_catching_up(struct bench *bench)
{
	static const char *const databases[] = {REPLICA_DATABASES};
	world_open(&bench->world, bench->loop, bench->directory);
	open_store(bench, "node", databases, sizeof databases / sizeof databases[0]);
	(void)catch_up(bench); /* with an empty table: the broker is there */
	double start = now();
	replica_free(&bench->replica);
	append_more(bench);
	loop_run(bench->loop);
	double append_seconds = now() - start;

	bench->timer = timer_new(bench->loop, on_sample, bench);
	size_t before_kb = own_memory_kb();
	on_sample(bench);
	double seconds = catch_up(bench);
	timer_stop(bench->timer);
	uint64_t count = replica_count(bench->replica);
	replica_free(&bench->replica);
	double again_seconds = catch_up(bench);
	struct store_usage usage = store_usage(bench->store);
	(void)printf("{\"entries\":%llu,\"append_seconds\":%.1f,\"timed_out\":%llu,\"catch_up_"
		     "seconds\":%.1f,"
		     "\"caught_up\":%llu,\"memory_before_kb\":%zu,\"memory_max_kb\":%zu,"
		     "\"start_again_seconds\":%.2f,\"used_bytes\":%llu}\n",
		     (unsigned long long)bench->entries, append_seconds,
		     (unsigned long long)bench->timed_out, seconds, (unsigned long long)count,
		     before_kb, bench->memory_max_kb, again_seconds,
		     (unsigned long long)usage.used_bytes);
	replica_free(&bench->replica);
	broker_close(&bench->world.broker);
}

/* ---- an undo ---- */

static enum err fill_some(void *owner, struct store_txn *txn)
{
	struct bench *bench = owner;
	int database = store_database(bench->store, LEDGER_DATABASE);
	struct buf value;
	enum err err = OK;
	buf_init(&value, REPLICA_VALUE_MAX);
	for (uint64_t i = 0; i < BATCH && bench->finished + i < bench->entries && !err; i++) {
		char address[ADDRESS_LINE];
		uint8_t key[SUPPRESSION_KEY_MAX];
		struct suppression entry = nth_entry(bench->finished + i, address);
		buf_clear(&value);
		err = suppression_encode(&entry, &value);
		if (!err)
			err = store_put(txn, database,
					bytes_from(key, suppression_entry_key(&entry, key)),
					buf_bytes(&value));
	}
	buf_done(&value);
	return err;
}

static void on_filled(void *owner, enum err err)
{
	struct bench *bench = owner;
	check(err, "filling");
	bench->finished += BATCH;
}

static void on_turn(void *owner)
{
	struct bench *bench = owner;
	double gap = now() - bench->turned_at;
	if (gap > bench->slowest_turn)
		bench->slowest_turn = gap;
	bench->turned_at = now();
	timer_start(bench->timer, TURN_MS);
}

static void on_swept(void *owner, enum err err, uint64_t count)
{
	struct bench *bench = owner;
	check(err, "lifting");
	bench->lifted = count;
	loop_stop(bench->loop);
}

static double lift(struct bench *bench)
{
	const struct suppression_filter filter = {.site = BYTES(LIFTED_SITE)};
	const struct ledger_options ledger = {
		.broker = bench->world.broker, .loop = bench->loop, .store = bench->store};
	bench->ledger = ledger_new(&ledger);
	const struct sweep_options sweep = {
		.loop = bench->loop,
		.store = bench->store,
		.ledger = bench->ledger,
		.act = SWEEP_LIFT,
		.filter = &filter,
		.by = BYTES("bench"),
	};
	bench->timer = timer_new(bench->loop, on_turn, bench);
	bench->turned_at = now();
	timer_start(bench->timer, TURN_MS);
	double start = now();
	(void)sweep_start(&sweep, on_swept, bench);
	loop_run(bench->loop);
	timer_stop(bench->timer);
	return now() - start;
}

static void measure_undo(struct bench *bench)
{
	static const char *const databases[] = {LEDGER_DATABASES};
	open_store(bench, "bouncer", databases, sizeof databases / sizeof databases[0]);
	double start = now();
	while (bench->finished < bench->entries) {
		store_write(bench->store, fill_some, bench->loop, on_filled, bench);
		store_drain(bench->loop);
	}
	double fill_seconds = now() - start;
	struct store_usage usage = store_usage(bench->store);
	world_open(&bench->world, bench->loop, bench->directory);
	bench->replica = replica_new(bench->world.broker, bench->loop, bench->store,
				     SUPPRESSIONS_TABLE, on_caught_up, bench);
	while (!replica_is_complete(bench->replica))
		loop_run(bench->loop);
	double seconds = lift(bench);
	(void)printf("{\"entries\":%llu,\"fill_seconds\":%.1f,\"ledger_bytes\":%llu,\"lifted\":%"
		     "llu,\"undo_seconds\":%.1f,\"slowest_turn_ms\":%.0f,\"memory_kb\":%zu}\n",
		     (unsigned long long)bench->entries, fill_seconds,
		     (unsigned long long)usage.used_bytes, (unsigned long long)bench->lifted,
		     seconds, bench->slowest_turn * 1000, own_memory_kb());
	replica_free(&bench->replica);
	ledger_stop(bench->ledger);
	broker_close(&bench->world.broker);
	ledger_free(&bench->ledger);
}

int main(int argc, char **argv)
{
	struct bench bench = {.loop = loop_new()};
	const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	if (argc != 3)
		return 2;
	bench.entries = number_of(argv[2]);
	(void)snprintf(bench.directory, sizeof bench.directory, "%.150s/bench-scale-XXXXXX",
		       folder);
	if (!mkdtemp(bench.directory))
		return 1;
	if (strcmp(argv[1], "catch-up") == 0)
		measure_catching_up(&bench);
	else
		measure_undo(&bench);
	timer_free(&bench.timer);
	store_close(&bench.store);
	world_close(&bench.world);
	loop_free(&bench.loop);
	return 0;
}
