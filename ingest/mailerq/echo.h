/* What a message's results need of it: all its properties but the content and secrets, as JSON behind a word that says whose echo it
 * is. Pure. */
#ifndef LEVERET_INGEST_MAILERQ_ECHO_H
#define LEVERET_INGEST_MAILERQ_ECHO_H

#include <jansson.h>

#include "lib/base/arena.h"
#include "lib/base/bytes.h"

/* Without `mime` (kept where `keepmime` asks for it and it fits), and without what smells of a secret, at any depth: by its name (a
 * password, a token, a key of `dkim`) or as a private key. E_TOO_BIG: it does not fit, even without. */
enum err echo_make(struct arena *arena, json_t *root, struct bytes *ret) MUST_USE;
/* A new object, or NULL for what is not our echo. *ret_past: the lines behind it, one for each attempt made before, of which
 * echo_next() takes one: a new object, or NULL when there is none left. */
json_t *echo_read(struct bytes echo, struct bytes *ret_past);
json_t *echo_next(struct bytes *past);

#endif
