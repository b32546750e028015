/* Shared bytes: a counter, and the bytes behind it in the same allocation or in a mapping. */
#include "broker/embedded/packet/shared.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct shared {
	atomic_uint references;
	bool is_mapped;
	struct bytes bytes; /* `here`, or the mapping */
	uint8_t here[];
};

static struct shared *new_shared(size_t inline_len)
{
	assert(inline_len <= SIZE_MAX - sizeof(struct shared));
	struct shared *shared = malloc(sizeof *shared + inline_len);
	if (!shared)
		abort();
	atomic_init(&shared->references, 1);
	shared->is_mapped = false;
	shared->bytes = bytes_from(shared->here, inline_len);
	return shared;
}

struct shared *shared_new(size_t len, uint8_t **ret_data)
{
	struct shared *shared = new_shared(len);
	*ret_data = shared->here;
	return shared;
}

struct shared *shared_copy(struct bytes b)
{
	struct shared *shared = new_shared(b.len);
	if (b.len > 0)
		memcpy(shared->here, b.data, b.len);
	return shared;
}

static enum err map_fd(int fd, const char *path, struct shared **ret, struct why *why)
{
	struct stat stat;
	if (fstat(fd, &stat) != 0)
		return fail(why, E_IO, "stat %s: %s", path, strerror(errno));
	if (!S_ISREG(stat.st_mode))
		return fail(why, E_IO, "%s is no regular file", path);
	size_t len = (size_t)stat.st_size;
	if (len == 0) { /* which mmap refuses */
		*ret = new_shared(0);
		return OK;
	}
	void *at = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return fail(why, E_IO, "map %s: %s", path, strerror(errno));
	struct shared *shared = new_shared(0);
	shared->is_mapped = true;
	shared->bytes = bytes_from(at, len);
	*ret = shared;
	return OK;
}

enum err shared_map(const char *path, struct shared **ret, struct why *why)
{
	/* O_NONBLOCK: a FIFO in its place is refused, not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail(why, errno == ENOENT ? E_NOT_FOUND : E_IO, "open %s: %s", path,
			    strerror(errno));
	enum err err = map_fd(fd, path, ret, why);
	(void)close(fd);
	return err;
}

struct shared *shared_ref(struct shared *shared)
{
	if (shared)
		(void)atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
	return shared;
}

void shared_unref(struct shared **shared)
{
	struct shared *s = *shared;
	*shared = NULL;
	/* Whoever drops the last reference sees all that the others did before they dropped theirs. */
	if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) > 1)
		return;
	if (s->is_mapped)
		(void)munmap((void *)(uintptr_t)s->bytes.data, s->bytes.len);
	free(s);
}

struct bytes shared_bytes(const struct shared *shared)
{
	return shared ? shared->bytes : BYTES_NONE;
}
