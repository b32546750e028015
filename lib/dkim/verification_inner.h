/* Between claim.c and verification.c. */
#ifndef LEVERET_LIB_DKIM_VERIFICATION_INNER_H
#define LEVERET_LIB_DKIM_VERIFICATION_INNER_H

#include "lib/dkim/verification.h"

/* False: it is longer than a name may be. */
bool dkim_claim_name(const struct dkim_claim *claim, char out[DKIM_KEY_NAME_MAX + 1]);

#endif
