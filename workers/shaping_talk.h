/* Workers tell each other which rules fired, so that what one was answered holds for all; and answer operators who ask what is in
 * force (`leveret shaping list`), or cancel it. Words may be lost. A worker that starts asks the others what is in force. */
#ifndef LEVERET_WORKERS_SHAPING_TALK_H
#define LEVERET_WORKERS_SHAPING_TALK_H

#include "broker/questions.h"
#include "lib/shaping/word.h"
#include "workers/delivery/shaper.h"

#define SHAPING_TELL_KIND                                                                          \
	"shaping.tell" /* who asks; answers: broker/rows_answer.h, a row for each entry, whose value is a word of lib/shaping/word.h */
#define SHAPING_LIST_KIND "shaping.list" /* a site, or nothing; the same with JSON objects */

struct shaping_talk;
struct shaping_talk_options { /* borrowed */
	struct loop *loop;
	struct broker *broker;
	struct questions *questions;
	struct shaper *shaper;
	const char *worker; /* its name */
};
struct shaping_talk *shaping_talk_new(const struct shaping_talk_options *options);
void shaping_talk_free(struct shaping_talk **talk); /* after broker_close(), before the shaper */

#endif
