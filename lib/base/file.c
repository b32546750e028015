#include "lib/base/file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/hash.h"

int file_write_all(int fd, struct bytes b)
{
	while (b.len > 0) {
		ssize_t count = write(fd, b.data, b.len);
		if (count < 0 && errno != EINTR)
			return errno;
		if (count > 0)
			b = bytes_skip(b, (size_t)count);
	}
	return 0;
}

uint64_t file_fingerprint(uint64_t hash, const char *path)
{
	struct stat status;
	int64_t facts[5] = {-1};
	if (!*path)
		return hash;
	if (stat(path, &status) == 0) {
		facts[0] = status.st_mtim.tv_sec;
		facts[1] = status.st_mtim.tv_nsec;
		facts[2] = status.st_size;
		facts[3] = (int64_t)status.st_ino;
		facts[4] = (int64_t)status.st_dev;
	}
	return hash_bytes(hash, bytes_from(facts, sizeof facts));
}
