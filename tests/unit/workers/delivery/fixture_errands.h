/* Lanes in the world of fixture_world.h, and errands for them: one mail each, which notes what it is
 * told. One at a time. */
#ifndef LEVERET_TESTS_UNIT_WORKERS_DELIVERY_FIXTURE_ERRANDS_H
#define LEVERET_TESTS_UNIT_WORKERS_DELIVERY_FIXTURE_ERRANDS_H

#include "tests/unit/workers/delivery/fixture_world.h"

#include "workers/delivery/lanes.h"

#define ERRANDS_MAX 60

struct errand {
	struct transaction transaction;
	struct bytes recipients[2];
	uint8_t unsent[2];
	enum preparation preparation; /* what it says when it is asked */
	unsigned asked, told, done, postponed;
	int64_t delay_ms;	     /* of the last time it was postponed */
	struct smtp_outcome last[2]; /* of each recipient */
	struct ruling ruling;	     /* with the last recipient that was told */
	const char *step;
};

extern struct errand errands[ERRANDS_MAX];
extern struct lanes *lanes;
extern const struct source first_source, second_source;

/* In an open world. Of the options: what differs from a plain worker (broker, shaper, parked). */
void errands_open(struct lanes_options differing);
void errands_close(void);

/* A mail to one recipient, or two (the second may be NULL), by the lane of the first one's domain. */
struct errand *errand_submit(size_t index, const char *recipient, const char *second,
			     const struct source *source);
size_t errands_done(void);
size_t errands_postponed(void);

#endif
