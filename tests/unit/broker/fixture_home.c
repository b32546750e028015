/* See fixture_home.h. */
#include "tests/unit/broker/fixture_home.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/base/memory.h"

#define POLL_MS 1

/* ---- settings ---- */

struct test_settings {
	struct broker_settings broker;
	struct routing_settings routing;
};

static const struct conf_section *root(void)
{
	static struct conf_child children[] = {
		{&broker_section, offsetof(struct test_settings, broker)},
		{&sources_section, offsetof(struct test_settings, routing.sources)},
		{&pools_section, offsetof(struct test_settings, routing.pools)},
		{&sites_section, offsetof(struct test_settings, routing.sites)},
		{&routes_section, offsetof(struct test_settings, routing.routes)},
	};
	static const struct conf_section section = {.name = "",
						    .help = "",
						    .shape = CONF_ONE,
						    .size = sizeof(struct test_settings),
						    .children = children,
						    .child_count = 5};
	return &section;
}

void home_open(struct home *home, const char *settings)
{
	char yaml[1024];
	directory_make(home->directory);
	(void)snprintf(home->broker, sizeof home->broker, "%s/broker", home->directory);
	(void)snprintf(yaml, sizeof yaml,
		       "broker: {url: \"embedded:%s\"%s%s}\npools:\n  default: {}\nsites:\n  "
		       "gmail:\n    domains: [gmail.test]\n",
		       home->directory, *settings ? ", " : "", settings);
	assert_int_equal(conf_load_text(yaml, root(), &home->conf), OK);
	const struct test_settings *all = conf_root(home->conf);
	home->settings = &all->broker;
	home->routing = routing_new(&all->routing);
}

void home_close(struct home *home)
{
	routing_free(&home->routing);
	conf_free(&home->conf);
	directory_remove(home->directory);
}

size_t home_files(const struct home *home, const char *folder)
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

static int ready_fd;

static void tell_ready(void *owner, enum broker_state state)
{
	(void)owner;
	if (state == BROKER_READY && write(ready_fd, "r", 1) != 1)
		_exit(1);
}

static void host_for_ever(const struct home *home)
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

pid_t home_fork_host(const struct home *home)
{
	int fds[2];
	char byte;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(fds[0]);
		ready_fd = fds[1];
		host_for_ever(home);
	}
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	(void)close(fds[0]);
	return pid;
}

void home_kill(pid_t *pid)
{
	assert_int_equal(kill(*pid, SIGKILL), 0);
	assert_int_equal(waitpid(*pid, NULL, 0), *pid);
	*pid = 0;
}

/* ---- the loop ---- */

struct waiting {
	struct loop *loop;
	struct timer *poll, *limit;
	bool (*condition)(void *arg);
	void *arg;
	bool is_late;
};

static void on_poll(void *owner)
{
	struct waiting *waiting = owner;
	if (waiting->condition(waiting->arg))
		loop_stop(waiting->loop);
	else
		timer_start(waiting->poll, POLL_MS);
}

static void on_limit(void *owner)
{
	struct waiting *waiting = owner;
	waiting->is_late = true;
	loop_stop(waiting->loop);
}

bool run_until(struct loop *loop, bool (*condition)(void *arg), void *arg, int64_t limit_ms)
{
	struct waiting waiting = {.loop = loop, .condition = condition, .arg = arg};
	waiting.poll = timer_new(loop, on_poll, &waiting);
	waiting.limit = timer_new(loop, on_limit, &waiting);
	timer_start(waiting.poll, 0);
	timer_start(waiting.limit, limit_ms);
	loop_run(loop);
	timer_free(&waiting.poll);
	timer_free(&waiting.limit);
	return !waiting.is_late;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

void run_for(struct loop *loop, int64_t duration_ms)
{
	(void)run_until(loop, never, NULL, duration_ms);
}
