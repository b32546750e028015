/* What a bouncer answers when verbs ask all of them, from any host (broker/questions.h). A question of ours is its kind and words, a line each.
 *
 *   bouncer.rows       DATABASE                             counts and unknown replies, as broker/rows_answer.h
 *   bouncer.webhooks   json or text                         an answer for each webhook: a line
 *   bouncer.replay     json or text, NAME, SINCE, UNTIL, KINDS, dry or not
 *                      "?" at once, then, maybe much later, "+" or "-" (it failed) and a line
 *   bouncer.suppression  find or at, ADDRESS, TENANT, STREAM   one answer: bouncer/suppressions/standing.h; `at`: of that place only
 *   bouncer.alerts     json or text                         at least one answer; a line of it for each that is raised */
#ifndef LEVERET_BOUNCER_ASKED_H
#define LEVERET_BOUNCER_ASKED_H

#include "lib/base/bytes.h"

#define ASKED_ROWS	  "bouncer.rows"
#define ASKED_WEBHOOKS	  "bouncer.webhooks"
#define ASKED_REPLAY	  "bouncer.replay"
#define ASKED_SUPPRESSION "bouncer.suppression"
#define ASKED_ALERTS	  "bouncer.alerts"

/* Databases that may be asked for. Pure. */
bool asked_may_read(struct bytes database);

/* The words of a question, a line each; returns how many. Pure. */
#define ASKED_WORDS_MAX 8
size_t asked_words(struct bytes text, struct bytes words[ASKED_WORDS_MAX]);

struct bouncer;
struct asked;
struct asked *asked_new(struct bouncer *bouncer);
void asked_free(struct asked **asked); /* after broker_close(), and after what counts has ended */

#endif
