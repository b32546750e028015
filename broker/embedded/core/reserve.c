/* See reserve.h. */
#include "broker/embedded/core/reserve.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESERVE_BYTES ((off_t)4 * 1024 * 1024)

static void path_of(const char *directory, char *out, size_t size)
{
	(void)snprintf(out, size, "%s/reserve", directory);
}

void reserve_keep(const char *directory)
{
	char path[4096];
	struct stat about;
	path_of(directory, path, sizeof path);
	if (stat(path, &about) == 0 && about.st_size == RESERVE_BYTES)
		return;
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	bool is_kept = fallocate(fd, 0, 0, RESERVE_BYTES) == 0;
	(void)close(fd);
	if (!is_kept)
		(void)unlink(path);
}

void reserve_spend(const char *directory)
{
	char path[4096];
	path_of(directory, path, sizeof path);
	(void)unlink(path);
}
