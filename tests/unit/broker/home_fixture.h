/* A directory for the embedded engine with the settings it needs, and other processes that
 * host the directory, to be killed. */
#ifndef LEVERET_TESTS_UNIT_BROKER_HOME_FIXTURE_H
#define LEVERET_TESTS_UNIT_BROKER_HOME_FIXTURE_H

#include "tests/store_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "broker/broker.h"
#include "lib/base/memory.h"
#include "tests/broker_settings.h"

#define WAIT_MS 20000

struct home {
	char directory[DIRECTORY_SIZE];	 /* of the settings */
	char broker[DIRECTORY_SIZE + 8]; /* "<directory>/broker", the engine's own */
	struct conf *conf;
	const struct broker_settings *settings;
	struct routing *routing;
};

/* ---- settings ---- */

/* `settings` of the section broker; "" for none. */
static inline void home_open(struct home *home, const char *settings)
{
	char yaml[1024];
	directory_make(home->directory);
	(void)snprintf(home->broker, sizeof home->broker, "%s/broker", home->directory);
	(void)snprintf(yaml, sizeof yaml,
		       "broker: {url: \"embedded:%s\"%s%s}\npools:\n  default: {}\nsites:\n  "
		       "gmail:\n    domains: [gmail.test]\n",
		       home->directory, *settings ? ", " : "", settings);
	const struct test_settings *all = test_settings_load(yaml, &home->conf);
	home->settings = &all->broker;
	home->routing = routing_new(&all->routing);
}

static inline void home_close(struct home *home)
{
	routing_free(&home->routing);
	conf_free(&home->conf);
	directory_remove(home->directory);
}

/* How many are in "<broker>/<folder>". */
static inline size_t home_files(const struct home *home, const char *folder)
{
	char path[256];
	size_t count = 0;
	(void)snprintf(path, sizeof path, "%s/%s", home->broker, folder);
	DIR *directory = opendir(path);
	assert_non_null(directory);
	for (const struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	(void)closedir(directory);
	return count;
}

/* ---- other processes ---- */

static int home_ready_fd;

static inline void tell_ready(void *owner, enum broker_state state)
{
	(void)owner;
	if (state == BROKER_READY && write(home_ready_fd, "r", 1) != 1)
		_exit(1);
}

static inline void host_for_ever(const struct home *home)
{
	struct broker *broker;
	struct why why;
	struct loop *loop = loop_new();
	(void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
	if (broker_open(loop, home->settings, home->routing, "other", tell_ready, NULL, &broker,
			&why))
		_exit(1);
	loop_run(loop);
	_exit(1);
}

/* A process with a broker of its own in the home, which hosts it when nobody else does. Returns when it is ready; it lives until it
 * is killed, or we end. Only while this process has no other threads. */
static inline pid_t home_fork_host(const struct home *home)
{
	int fds[2];
	char byte;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(fds[0]);
		home_ready_fd = fds[1];
		host_for_ever(home);
	}
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	(void)close(fds[0]);
	return pid;
}

/* kill -9, and waits for the end. */
static inline void home_kill(pid_t *pid)
{
	assert_int_equal(kill(*pid, SIGKILL), 0);
	assert_int_equal(waitpid(*pid, NULL, 0), *pid);
	*pid = 0;
}

#endif
