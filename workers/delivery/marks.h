/* What each recipient's copy carries so that what comes back of it is known (`returns:`): header fields above the message, before it is
 * signed. The null sender's mail carries none: nothing comes back of it. Pure. */
#ifndef LEVERET_WORKERS_DELIVERY_MARKS_H
#define LEVERET_WORKERS_DELIVERY_MARKS_H

#include "lib/base/buf.h"
#include "lib/returnpath/returns.h"
#include "schemas/schemas.h"

#define MARKS_MAX 8192 /* bytes of the fields */

/* Does mail of this request differ for each recipient, be it in its envelope alone? returns: NULL allowed. */
bool marks_are_wanted(const struct returns *returns, const struct delivery_request *mail);
/* The return path of a recipient; false: the sender stays as it is. */
bool marks_sender(const struct returns *returns, const struct delivery_request *mail,
		  const struct recipient *recipient, int64_t wall_ms,
		  char out[RETURN_ADDRESS_SIZE]);
/* Appends the fields; none that the message has already, and none whose claim is too long. E_FULL. */
enum err marks_write(const struct returns *returns, const struct delivery_request *mail,
		     const struct recipient *recipient, struct bytes message, int64_t wall_ms,
		     struct buf *out) MUST_USE;

#endif
