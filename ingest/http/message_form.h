/* The body of POST /v1/messages: a whole message by itself, or in JSON with its envelope. Pure. */
#ifndef LEVERET_INGEST_HTTP_MESSAGE_FORM_H
#define LEVERET_INGEST_HTTP_MESSAGE_FORM_H

#include "ingest/http/posting.h"

/* {"from", "to", "raw" (base 64) or "mime" (text), "pool", "campaign", "tags", "metadata", "not_before", "expires", "retry", "priority"} */
enum err message_form_read(struct arena *arena, struct bytes json, struct posting *ret,
			   struct why *why) MUST_USE;

/* For a body that is the message: its envelope from the query or the header, one call for each value. E_NOT_FOUND: no such name. */
enum err message_form_argument(struct arena *arena, const char *name, struct bytes value,
			       struct posting *posting, struct why *why) MUST_USE;
/* What must be there. */
enum err message_form_check(const struct posting *posting, struct why *why) MUST_USE;

#endif
