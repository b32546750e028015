/* A broker in memory: the calls that ingest's units make of broker.h, with confirms given when
 * the test says so. */
#ifndef LEVERET_TESTS_INGEST_FIXTURE_BROKER_H
#define LEVERET_TESTS_INGEST_FIXTURE_BROKER_H

#include "broker/broker.h"

#define FAKE_PUBLICATIONS_MAX 1000
#define FAKE_NEEDS_MAX	      10

struct broker {
	enum broker_state state;
	struct fake_publication {
		enum exchange exchange;
		char key[300];
		uint64_t bytes;
		int64_t not_before_wall_ms;
		published done;
		void *owner;
		bool is_confirmed;
	} publications[FAKE_PUBLICATIONS_MAX];
	size_t count;
	struct fake_need { /* a queue of others that is to be there */
		char key[300];
		published done;
		void *owner;
	} needs[FAKE_NEEDS_MAX];
	size_t need_count;
	uint64_t unconfirmed_bytes;
};

/* Confirm the publication of this number, or fail it. */
void fake_broker_confirm(struct broker *broker, size_t index, enum err err);
/* Answer the wish for a queue of this number. */
void fake_broker_need(struct broker *broker, size_t index, enum err err);

#endif
