/* The last different answers that each site gave, for people who look: of attempts that did not deliver, and the last that did. Bounded:
 * LAST_REPLIES_SITES sites, the longest unheard of go first. Lives on one loop. */
#ifndef LEVERET_WORKERS_DELIVERY_LAST_REPLIES_H
#define LEVERET_WORKERS_DELIVERY_LAST_REPLIES_H

#include "lib/base/bytes.h"

#define LAST_REPLIES_MAX   8
#define LAST_REPLIES_SITES 1000
#define LAST_REPLIES_TEXT  200

struct last_reply {
	int64_t at_wall_ms; /* the last time */
	uint64_t
		count; /* of the same code and text, one after the other or not, while it is remembered */
	unsigned code; /* 0: there was none, the text says why */
	char step[16];
	char source[64];
	char text[LAST_REPLIES_TEXT];
};

struct last_replies;
struct last_replies *last_replies_new(void);
void last_replies_free(struct last_replies **replies);
/* Texts are copied, and cut. Digits in them do not make another answer: ids and times differ. */
void last_replies_note(struct last_replies *replies, const char *site,
		       const struct last_reply *reply, struct bytes text);
/* The index-th of a site, the newest first; NULL behind the last. */
const struct last_reply *last_replies_at(const struct last_replies *replies, const char *site,
					 size_t index);

#endif
