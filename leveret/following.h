/* Which results or events a follower wants, and the name of the queue that keeps them for it: pure, from the command line. */
#ifndef LEVERET_LEVERET_FOLLOWING_H
#define LEVERET_LEVERET_FOLLOWING_H

#include "broker/broker.h"
#include "leveret/options.h"

#define FOLLOWING_NAME_MAX     200
#define FOLLOWING_PATTERN_MAX  255 /* as AMQP allows */
#define FOLLOWING_PATTERNS_MAX 8

struct following {
	char queue[FOLLOWING_NAME_MAX + 1]; /* without the settings' prefix */
	char patterns[FOLLOWING_PATTERNS_MAX][FOLLOWING_PATTERN_MAX + 1];
	size_t pattern_count;
};

/* From --queue, --event, --pool, --site and --pattern; of events from --queue, --kind and --pattern. Without --queue the name follows
 * from what is selected ("follow.results", "follow.events" for everything), so that the same line always finds its queue again.
 * E_MALFORMED with the reason. */
enum err following_make(const struct options *options, bool is_of_events, struct following *ret,
			struct why *why) MUST_USE;
/* Only the queue. E_MALFORMED: not a name, or one that begins as queues of the topology do, which followers must not touch. */
enum err following_name(const char *name, struct following *ret, struct why *why) MUST_USE;

#endif
