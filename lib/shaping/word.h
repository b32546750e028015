/* What fired, as workers tell each other, and the bouncer tells them of alerts: twelve texts, each with its length in front ("3:421,"), times as what is left of them. Pure. */
#ifndef LEVERET_LIB_SHAPING_WORD_H
#define LEVERET_LIB_SHAPING_WORD_H

#include "lib/base/buf.h"
#include "lib/shaping/force.h"

#define SHAPING_FIRED_KIND "shaping.fired" /* the kind of question that it is; no answer */
#define SHAPING_CANCEL_KIND                                                                        \
	"shaping.cancel" /* an id (shaping_entry_name()); the answer is "cancelled", or none where there is nothing */
#define SHAPING_WORD_MAX 8192

/* Appends. E_FULL: it is too long to be told. `teller` names who tells, so that it knows its own word again. */
enum err shaping_word_write(const char *teller, const struct shaping_fired *fired,
			    const struct shaping_facts *facts, struct buf *out) MUST_USE;

struct shaping_word {
	char teller[32];
	struct shaping_fired fired;
	struct shaping_facts facts; /* texts lie in `texts` */
	char texts[SHAPING_WORD_MAX];
};
/* Times are made from facts.now_ms, which the caller sets. False: it makes no sense, or names an action that is not known here. */
bool shaping_word_read(struct bytes text, int64_t now_ms, struct shaping_word *ret);

#endif
