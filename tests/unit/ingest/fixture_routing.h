/* A routing to test by: site "gmail" (gmail.example, googlemail.example), pools "default" and
 * "bulk", news.example leaves by "bulk". */
#ifndef LEVERET_TESTS_INGEST_FIXTURE_ROUTING_H
#define LEVERET_TESTS_INGEST_FIXTURE_ROUTING_H

#include "lib/routing/routing.h"

struct routing_fixture {
	struct conf *conf;
	struct routing *routing;
};
void routing_fixture_open(struct routing_fixture *fixture);
void routing_fixture_close(struct routing_fixture *fixture);

#endif
