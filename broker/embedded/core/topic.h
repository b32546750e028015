/* Topic patterns as in AMQP 0-9-1: words between dots; "*" is any one word, "#" any number of words, none included. Pure. */
#ifndef LEVERET_BROKER_EMBEDDED_CORE_TOPIC_H
#define LEVERET_BROKER_EMBEDDED_CORE_TOPIC_H

#include <stdbool.h>

#define TOPIC_PATTERN_MAX 255

bool topic_matches(const char *pattern,
		   const char *key); /* in time of their lengths' product at most */

#endif
