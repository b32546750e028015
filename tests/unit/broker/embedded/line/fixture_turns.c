#include "fixture_turns.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct wait {
	struct loop *loop;
	struct timer *timer;
	bool (*is_true)(const void *owner);
	const void *owner;
	int64_t until_ms;
	bool result;
};

static void look(void *owner)
{
	struct wait *wait = owner;
	wait->result = wait->is_true(wait->owner);
	if (wait->result || loop_now_ms(wait->loop) >= wait->until_ms)
		loop_stop(wait->loop);
	else
		timer_start(wait->timer, 1);
}

bool run_until(struct loop *loop, bool (*is_true)(const void *owner), const void *owner,
	       int64_t limit_ms)
{
	struct wait wait = {.loop = loop, .is_true = is_true, .owner = owner};
	wait.until_ms = loop_now_ms(loop) + limit_ms;
	wait.timer = timer_new(loop, look, &wait);
	timer_start(wait.timer, 0);
	loop_run(loop);
	timer_free(&wait.timer);
	return wait.result;
}

static bool never(const void *owner)
{
	(void)owner;
	return false;
}

void run_for(struct loop *loop, int64_t duration_ms)
{
	(void)run_until(loop, never, NULL, duration_ms);
}

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
