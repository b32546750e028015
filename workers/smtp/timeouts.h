/* The `smtp_timeouts:` section: how long each step of a conversation may take (RFC 5321 4.5.3.2). */
#ifndef LEVERET_WORKERS_SMTP_TIMEOUTS_H
#define LEVERET_WORKERS_SMTP_TIMEOUTS_H

#include "lib/conf/conf.h"

struct smtp_timeouts {
#define X(field, type, ...) conf_##type field;
#include "workers/smtp/timeouts.def"
#undef X
};
extern const struct conf_section smtp_timeouts_section;

#endif
