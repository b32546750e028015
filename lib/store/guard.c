/* Lock files. LMDB's own (lock.mdb) arbitrates between processes that share a directory. Ours tells those who share it from the
 * one who has it to itself: it is locked by all, for sharing or not, as long as they have the directory open. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/store/env.h"

/* Room for every reader's entry, of 64 bytes each, and what stands before them. */
#define LOCK_FILE_BYTES ((off_t)(STORE_READERS_MAX + 16) * 64)

static enum err could_not(struct why *why, const char *directory, int rc, const char *doing)
{
	return fail(why, rc == ENOSPC || rc == EDQUOT ? E_FULL : E_IO, "open store %s: %s: %s",
		    directory, doing, strerror(rc));
}

/* LMDB writes to lock.mdb through a map: had the file holes and the disk no space, a new reader would die of SIGBUS. Before LMDB
 * opens the file, because closing any descriptor of it drops the process's locks on it. */
static enum err fill_lock_file(const char *directory, struct why *why)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/lock.mdb", directory);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return could_not(why, directory, errno, "open lock.mdb");
	int rc = fallocate(fd, 0, 0, LOCK_FILE_BYTES) ? errno : 0;
	(void)close(fd);
	return rc && rc != EOPNOTSUPP ? could_not(why, directory, rc, "fill lock.mdb") : OK;
}

static enum err lock(const char *directory, bool is_exclusive, int *ret, struct why *why)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/open.lock", directory);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return could_not(why, directory, errno, "open open.lock");
	if (!flock(fd, (is_exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB)) {
		*ret = fd;
		return OK;
	}
	int rc = errno;
	(void)close(fd);
	if (rc == EWOULDBLOCK)
		return fail(why, E_BLOCKED, "open store %s: another process has it open",
			    directory);
	return could_not(why, directory, rc, "lock open.lock");
}

enum err guard_take(const char *directory, bool is_exclusive, int *ret, struct why *why)
{
	int guard = -1;
	enum err err = lock(directory, is_exclusive, &guard, why);
	if (err)
		return err;
	err = fill_lock_file(directory, why);
	if (err)
		guard_give(guard);
	else
		*ret = guard;
	return err;
}

void guard_give(int guard)
{
	(void)close(guard);
}
