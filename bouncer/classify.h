/* Whether a result says without doubt that the mailbox does not exist. Pure.
 *
 * Wrongly suppressing an address harms more than one more bounce, so doubt means no: only what the recipient's own host said of
 * this one recipient counts, and a word of spam, policy, quota or relaying makes any code doubtful. */
#ifndef LEVERET_BOUNCER_CLASSIFY_H
#define LEVERET_BOUNCER_CLASSIFY_H

#include "schemas/schemas.h"

bool result_is_bad_mailbox(const struct result *result);

#endif
