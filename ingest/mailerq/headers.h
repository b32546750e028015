/* MailerQ's property `headers`: fields of a message that are taken out, put in, or changed before it is sent. Pure. */
#ifndef LEVERET_INGEST_MAILERQ_HEADERS_H
#define LEVERET_INGEST_MAILERQ_HEADERS_H

#include <jansson.h>

#include "lib/base/arena.h"
#include "lib/base/bytes.h"

/* The message with its header edited, in the arena; `mime` itself when there is nothing to do. In this order, whatever theirs is:
 * remove, replace, update, prepend, append (also called add). Names are told apart without regard to case; a field of a
 * stranger's message that has no name is left alone. E_MALFORMED: a name or a value that cannot stand in a header. E_TOO_BIG:
 * too many. */
enum err headers_edit(struct arena *arena, json_t *edits, struct bytes mime, struct bytes *ret,
		      struct why *why) MUST_USE;

#endif
