/* How much of the file is in use. LMDB never makes its file smaller: what is deleted goes to a list of free pages, kept in a
 * database of the environment itself. */
#include <string.h>
#include <sys/stat.h>

#include "lib/store/env.h"

#define FREE_PAGES_DATABASE                                                                        \
	0 /* LMDB's: a record per transaction, a count and then the numbers of the pages it freed */

static int count_free_pages(MDB_txn *txn, uint64_t *ret)
{
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, FREE_PAGES_DATABASE, &cursor);
	if (rc)
		return rc;
	uint64_t sum = 0;
	MDB_val key, pages;
	while (!(rc = mdb_cursor_get(cursor, &key, &pages, MDB_NEXT))) {
		size_t count;
		memcpy(&count, pages.mv_data, sizeof count);
		sum += count;
	}
	mdb_cursor_close(cursor);
	*ret = sum;
	return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

uint64_t usage_used_bytes(MDB_txn *txn)
{
	MDB_envinfo info;
	MDB_stat about;
	uint64_t free_pages;
	if (mdb_env_info(mdb_txn_env(txn), &info) || mdb_env_stat(mdb_txn_env(txn), &about) ||
	    count_free_pages(txn, &free_pages))
		return 0;
	return (info.me_last_pgno + 1 - free_pages) * about.ms_psize;
}

uint64_t usage_file_bytes(const struct store *store)
{
	int fd;
	struct stat about;
	if (mdb_env_get_fd(store->env, &fd) || fstat(fd, &about))
		return 0;
	return (uint64_t)about.st_blocks * 512;
}

struct store_usage store_usage(struct store *store)
{
	struct store_usage usage = {0};
	MDB_txn *txn;
	if (store_begin(store, MDB_RDONLY, &txn))
		return usage;
	usage.file_bytes = usage_file_bytes(store);
	usage.used_bytes = usage_used_bytes(txn);
	mdb_txn_abort(txn);
	store_end(store);
	return usage;
}
