/* Everything that requests stand on, in the world of fixture_world.h. One at a time. */
#ifndef LEVERET_TESTS_UNIT_WORKERS_DELIVERY_FIXTURE_DESK_H
#define LEVERET_TESTS_UNIT_WORKERS_DELIVERY_FIXTURE_DESK_H

#include "tests/unit/workers/delivery/fixture_world.h"

#include "workers/delivery/request.h"

struct desk {
	char directory[DIRECTORY_SIZE];
	struct store *store;
	struct smtp_client *client;
	struct exchanger *exchanger;
	struct lanes *lanes;
	struct sources *sources;
	struct suspensions *suspensions; /* none at first */
	struct journal *journal;
	struct postings *postings;
	struct results *results;
	struct signer *signer;
	struct requests *requests;
};

void desk_open(struct desk *desk, const char *settings_yaml); /* its directory is there */
void desk_close(struct desk *desk);
/* For cmocka: *state is a desk, in a directory of its own. */
int desk_setup(void **state, const char *settings_yaml);
int desk_teardown(void **state);
/* A lease from world_lease(), taken over by the requests. Recipients end with NULL. */
struct lease *desk_take(struct desk *desk, const char *const *recipients);
#define TO(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
