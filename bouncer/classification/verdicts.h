/* The classifier in force: the operator's rules (bouncer.rules) before those that are shipped. The file is looked at every few seconds,
 * and read again when it changed or the program is told to; one with a fault changes nothing. Used on one loop. */
#ifndef LEVERET_BOUNCER_CLASSIFICATION_VERDICTS_H
#define LEVERET_BOUNCER_CLASSIFICATION_VERDICTS_H

#include "lib/loop/loop.h"
#include "lib/report/classifier.h"

struct verdicts;
/* `file` is borrowed; "": none. A fault in it now is told and fails. */
enum err verdicts_new(struct loop *loop, const char *file, struct verdicts **ret,
		      struct why *why) MUST_USE;
void verdicts_free(struct verdicts **verdicts);
void verdicts_reload(struct verdicts *verdicts);
const struct classifier *
verdicts_classifier(const struct verdicts *verdicts); /* until the loop turns */

#endif
