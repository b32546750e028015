/* For tests that need a real store: a temporary directory, and writes that are waited for on a loop. */
#ifndef LEVERET_TESTS_STORE_FIXTURE_H
#define LEVERET_TESTS_STORE_FIXTURE_H

#include "tests/check.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/store/store.h"
#include "tests/loop_fixture.h"

#define DIRECTORY_SIZE 64

static inline void directory_make(char out[DIRECTORY_SIZE])
{
	snprintf(out, DIRECTORY_SIZE, "/tmp/leveret-test-XXXXXX");
	assert_non_null(mkdtemp(out));
}

static inline int directory_remove_one(const char *path, const struct stat *about, int type,
				       struct FTW *where)
{
	(void)about, (void)type, (void)where;
	return remove(path);
}

static inline void directory_remove(const char *path)
{
	nftw(path, directory_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A store in a directory of its own, and the loop that its writes end on. */
struct store_base {
	char directory[DIRECTORY_SIZE];
	struct loop *loop;
	struct store *store;
};

static inline void store_base_open(struct store_base *base, const char *const *databases,
				   size_t count)
{
	directory_make(base->directory);
	base->loop = loop_new();
	assert_int_equal(store_open(base->directory, databases, count, &base->store, NULL), OK);
}

static inline void store_base_close(struct store_base *base)
{
	store_close(&base->store);
	loop_free(&base->loop);
	directory_remove(base->directory);
}

static inline void store_base_done(void *owner, enum err err)
{
	(void)owner;
	assert_int_equal(err, OK);
}

/* The job is done, and came through. */
static inline void store_base_write(struct store_base *base,
				    enum err (*job)(void *owner, struct store_txn *txn),
				    void *owner)
{
	store_write(base->store, job, base->loop, store_base_done, owner);
	store_drain(base->loop);
}

/* One put, with what became of it. */
struct put {
	int database;
	const char *key, *value; /* value NULL: delete */
	enum err verdict;	 /* what the job returns after writing */
	struct loop *loop;
	size_t *left; /* counted down by done; stops the loop at 0 */
	enum err err;
};

static inline enum err put_run(void *owner, struct store_txn *txn)
{
	struct put *put = owner;
	enum err err =
		put->value ? store_put(txn, put->database, bytes_of(put->key), bytes_of(put->value))
			   : store_delete(txn, put->database, bytes_of(put->key));
	return err ? err : put->verdict;
}

static inline void put_done(void *owner, enum err err)
{
	struct put *put = owner;
	put->err = err;
	if (--*put->left == 0)
		loop_stop(put->loop);
}

/* Write all and wait for all. */
static inline void put_all(struct store *store, struct loop *loop, struct put *puts, size_t count)
{
	size_t left = count;
	for (size_t i = 0; i < count; i++) {
		puts[i].loop = loop;
		puts[i].left = &left;
		store_write(store, put_run, loop, put_done, &puts[i]);
	}
	loop_run(loop);
	assert_int_equal(left, 0);
}

static inline enum err put_one(struct store *store, struct loop *loop, int database,
			       const char *key, const char *value)
{
	struct put put = {.database = database, .key = key, .value = value};
	put_all(store, loop, &put, 1);
	return put.err;
}

static inline bool store_holds(struct store *store, int database, const char *key,
			       const char *value)
{
	struct store_txn *txn = store_read_begin(store);
	struct bytes found;
	bool is_there = store_get(txn, database, bytes_of(key), &found) == OK;
	bool is_equal = is_there && bytes_is(found, value);
	store_read_end(&txn);
	return is_equal;
}

/* Writes `count` values of `size` bytes under <prefix>0, <prefix>1, ..., each a job, or removes them (size 0). Gives how many
 * came through. */
struct many {
	struct put put;
	char key[32];
};

static inline size_t put_many(struct store *store, struct loop *loop, int database,
			      const char *prefix, size_t count, size_t size)
{
	char *value = size ? calloc(1, size + 1) : NULL;
	if (value)
		memset(value, 'v', size);
	struct many *many = calloc(count, sizeof *many);
	assert_non_null(many);
	size_t left = count, good = 0;
	for (size_t i = 0; i < count; i++) {
		snprintf(many[i].key, sizeof many[i].key, "%s%zu", prefix, i);
		many[i].put = (struct put){.database = database,
					   .key = many[i].key,
					   .value = value,
					   .loop = loop,
					   .left = &left};
		store_write(store, put_run, loop, put_done, &many[i].put);
	}
	loop_run(loop);
	for (size_t i = 0; i < count; i++)
		good += many[i].put.err == OK;
	free(many);
	free(value);
	return good;
}

#endif
