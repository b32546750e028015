#include "fixture_turns.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void make_directory(char path[64])
{
	(void)snprintf(path, 64, "/tmp/leveret-embedded-XXXXXX");
	if (!mkdtemp(path))
		abort();
}

void remove_directory(const char *path)
{
	char file[1024];
	(void)snprintf(file, sizeof file, "%s/socket", path);
	(void)unlink(file);
	if (rmdir(path) != 0)
		abort();
}

int open_fd_count(void)
{
	int count = 0;
	DIR *fds = opendir("/proc/self/fd");
	if (!fds)
		abort();
	while (readdir(fds))
		count++;
	(void)closedir(fds);
	return count;
}
