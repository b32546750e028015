/* A directory for the embedded engine with the settings it needs, a loop that runs until something holds, and other processes that
 * host the directory, to be killed. */
#ifndef LEVERET_TESTS_UNIT_BROKER_FIXTURE_HOME_H
#define LEVERET_TESTS_UNIT_BROKER_FIXTURE_HOME_H

#include "tests/store_fixture.h"

#include <sys/types.h>

#include "broker/broker.h"
#include "lib/conf/conf.h"

#define WAIT_MS 20000

struct home {
	char directory[DIRECTORY_SIZE];	 /* of the settings */
	char broker[DIRECTORY_SIZE + 8]; /* "<directory>/broker", the engine's own */
	struct conf *conf;
	const struct broker_settings *settings;
	struct routing *routing;
};

void home_open(struct home *home, const char *settings); /* of the section broker; "" for none */
void home_close(struct home *home);
size_t home_files(const struct home *home, const char *folder); /* in "<broker>/<folder>" */

/* A process with a broker of its own in the home, which hosts it when nobody else does. Returns when it is ready; it lives until it
 * is killed, or we end. Only while this process has no other threads. */
pid_t home_fork_host(const struct home *home);
void home_kill(pid_t *pid); /* kill -9, and waits for the end */

/* Runs the loop until it holds; false when it does not for limit_ms. */
bool run_until(struct loop *loop, bool (*condition)(void *arg), void *arg, int64_t limit_ms);
void run_for(struct loop *loop, int64_t duration_ms);

#endif
