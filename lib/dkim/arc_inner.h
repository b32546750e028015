/* Between arc_chain.c and arc_seal.c. */
#ifndef LEVERET_LIB_DKIM_ARC_INNER_H
#define LEVERET_LIB_DKIM_ARC_INNER_H

#include "lib/dkim/arc.h"
#include "lib/dkim/header_digest.h"

/* Begins with the first `count` sets, all of which are there. */
void arc_seal_digest_begin(struct header_digest *digest, const struct arc_chain *chain,
			   unsigned count);

#endif
