/* Instants as RFC 3339 writes them. Pure. */
#ifndef LEVERET_INGEST_HTTP_INSTANT_H
#define LEVERET_INGEST_HTTP_INSTANT_H

#include "lib/base/bytes.h"

/* "2026-11-21T14:52:00Z", "2026-11-21T14:52:00.5+01:00": milliseconds since 1970. Years 1970 to 9999. */
bool instant_parse(struct bytes text, int64_t *ret_wall_ms);

#endif
