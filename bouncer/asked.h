/* What a bouncer answers when verbs ask all of them, from any host (broker/questions.h). A question of ours is its kind and words, a line each.
 *
 *   bouncer.rows       DATABASE                             counts and unknown replies, as broker/rows_answer.h
 *   bouncer.webhooks   json or text                         an answer for each webhook: a line
 *   bouncer.replay     json or text, NAME, SINCE, UNTIL, KINDS, dry or not
 *                      "?" at once, then, maybe much later, "+" or "-" (it failed) and a line */
#ifndef LEVERET_BOUNCER_ASKED_H
#define LEVERET_BOUNCER_ASKED_H

#include "lib/base/bytes.h"

#define ASKED_ROWS     "bouncer.rows"
#define ASKED_WEBHOOKS "bouncer.webhooks"
#define ASKED_REPLAY   "bouncer.replay"

/* Databases that may be asked for. Pure. */
bool asked_may_read(struct bytes database);

struct bouncer;
struct asked;
struct asked *asked_new(struct bouncer *bouncer);
void asked_free(struct asked **asked); /* after broker_close(), and after what counts has ended */

#endif
