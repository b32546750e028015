/* Which suppressions a request means, read from its query: the options of `leveret suppression list` and `undo`. */
#ifndef LEVERET_BOUNCER_HTTP_SELECTION_H
#define LEVERET_BOUNCER_HTTP_SELECTION_H

#include "bouncer/http/parts.h"

struct selection {
	struct suppression_filter filter; /* its tenant is the key's, of a key that has one */
	bool has_filter;		  /* something was asked for, beside the key's tenant */
	bool is_dry, is_all, wants_held;
	struct bytes format, after; /* `after` as the client gave it */
	uint64_t limit;		    /* 0: not given */
};
/* Strict: a name that is not known, or stands twice, is refused. False: an answer was given. Texts are in the visit's arena. */
bool selection_read(struct bouncer_visit *visit, struct selection *ret);

#endif
