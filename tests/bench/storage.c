/* Where a message's body could stand: in LMDB, in segment files with LMDB as their index, or in a log alone. Each way stores
 * `group` bodies and drops the `group` oldest per synced commit, as the engine does when mail comes and goes. LMDB alone is also
 * shown with a standing backlog of which half was taken out at random, which is when its free list is at its worst.
 *
 *   bench_storage DIRECTORY [BODY_BYTES]
 *
 * Absolute figures are the disk's; compare the rows of one run. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/loop/loop.h"
#include "lib/store/store.h"

#define KEPT	  200 /* bodies that stand while others come and go */
#define SECONDS	  2.0
#define BACKLOG	  200000
#define INDEX_ROW 64

struct bench {
	struct loop *loop;
	struct store *store;
	int database;
	int segment;
	off_t segment_end;
	uint8_t *body;
	size_t size;
	unsigned group;
	uint64_t next;
	bool has_bodies_inside;
	const uint64_t *drops; /* NULL: the oldest */
	enum err err;
};

static double seconds(clockid_t clock)
{
	struct timespec at;
	(void)clock_gettime(clock, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static struct bytes key_of(uint64_t number, uint8_t out[8])
{
	for (int i = 8; i-- > 0; number >>= 8)
		out[i] = (uint8_t)number;
	return bytes_from(out, 8);
}

static enum err store_group(void *owner, struct store_txn *txn)
{
	struct bench *b = owner;
	uint8_t key[8];
	enum err err = OK;
	size_t len = b->has_bodies_inside ? b->size : INDEX_ROW;
	for (unsigned i = 0; i < b->group && !err; i++) {
		err = store_put(txn, b->database, key_of(b->next + i, key),
				bytes_from(b->body, len));
		if (!err && b->next + i >= KEPT)
			err = store_delete(txn, b->database, key_of(b->next + i - KEPT, key));
	}
	return err;
}

static enum err drop_group(void *owner, struct store_txn *txn)
{
	struct bench *b = owner;
	uint8_t key[8];
	enum err err = OK;
	for (unsigned i = 0; i < b->group && !err; i++)
		err = store_delete(txn, b->database, key_of(b->drops[i], key));
	return err;
}

static enum err fill_group(void *owner, struct store_txn *txn)
{
	struct bench *b = owner;
	uint8_t key[8];
	enum err err = OK;
	for (unsigned i = 0; i < b->group && !err; i++)
		err = store_put(txn, b->database, key_of(b->next + i, key),
				bytes_from(b->body, b->size));
	return err;
}

static void note(void *owner, enum err err)
{
	((struct bench *)owner)->err = err;
}

static void commit(struct bench *b, enum err (*job)(void *owner, struct store_txn *txn))
{
	store_write(b->store, job, b->loop, note, b);
	store_drain(b->loop);
	if (b->err) {
		(void)fprintf(stderr, "bench_storage: %s\n", err_text(b->err));
		exit(1);
	}
}

static void append_group(struct bench *b)
{
	for (unsigned i = 0; i < b->group; i++) {
		if (pwrite(b->segment, b->body, b->size, b->segment_end) < 0)
			exit(1);
		b->segment_end += (off_t)b->size;
	}
	if (fdatasync(b->segment) != 0)
		exit(1);
}

struct way {
	const char *name;
	bool has_log, has_store, has_bodies_inside;
};

static void measure(struct bench *b, const struct way *way)
{
	double from = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t count = 0;
	double took;
	b->has_bodies_inside = way->has_bodies_inside;
	do {
		if (way->has_log)
			append_group(b);
		if (way->has_store)
			commit(b, store_group);
		b->next += b->group;
		count += b->group;
		took = seconds(CLOCK_MONOTONIC) - from;
	} while (took < SECONDS);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	(void)printf("| %-32s | %5u | %8.0f | %6.2f | %6.1f |\n", way->name, b->group,
		     (double)count / took, took * 1e3 * b->group / (double)count,
		     cpu * 1e6 / (double)count);
}

static void make_backlog(struct bench *b, uint64_t *numbers)
{
	b->group = 500;
	for (size_t i = 0; i < BACKLOG; i += b->group) {
		for (unsigned j = 0; j < b->group; j++)
			numbers[i + j] = b->next + j;
		commit(b, fill_group);
		b->next += b->group;
	}
	for (size_t i = BACKLOG - 1; i > 0; i--) {
		size_t j = random_u64() % (i + 1);
		uint64_t other = numbers[j];
		numbers[j] = numbers[i];
		numbers[i] = other;
	}
	for (size_t i = 0; i < BACKLOG / 2; i += b->group) {
		b->drops = numbers + i;
		commit(b, drop_group);
	}
}

int main(int argc, char **argv)
{
	static const char *const databases[] = {"bodies"};
	static const struct way ways[] = {
		{"bodies in LMDB", false, true, true},
		{"segment files, index in LMDB", true, true, false},
		{"a log alone", true, false, false},
	};
	static const unsigned groups[] = {1, 20, 100};
	struct bench b = {.size = argc > 2 ? strtoul(argv[2], NULL, 10) : 10240};
	struct why why;
	char path[4096];
	if (argc < 2 || b.size < INDEX_ROW) {
		(void)fprintf(stderr, "usage: bench_storage DIRECTORY [BODY_BYTES]\n");
		return 2;
	}
	(void)mkdir(argv[1], 0700);
	(void)snprintf(path, sizeof path, "%s/segment", argv[1]);
	b.segment = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	b.loop = loop_new();
	b.body = memory_new(b.size);
	random_bytes(b.body, b.size);
	if (b.segment < 0 || store_open(argv[1], databases, 1, &b.store, &why) != OK) {
		(void)fprintf(stderr, "bench_storage: cannot write in %s\n", argv[1]);
		return 1;
	}
	b.database = store_database(b.store, "bodies");
	(void)printf("| %zu bytes a body | group | messages/s | ms a group | CPU us each |\n",
		     b.size);
	(void)printf("|---|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
		b.group = groups[i];
		for (size_t j = 0; j < sizeof ways / sizeof ways[0]; j++)
			measure(&b, &ways[j]);
	}
	uint64_t *numbers = memory_array(BACKLOG, sizeof *numbers);
	make_backlog(&b, numbers);
	b.group = 20;
	measure(&b, &(struct way){"bodies in LMDB, holes in a backlog", false, true, true});
	store_close(&b.store);
	loop_free(&b.loop);
	(void)close(b.segment);
	free(numbers);
	free(b.body);
	return 0;
}
