/* The `tls_domains:` and `mta_sts:` sections. */
#ifndef LEVERET_WORKERS_TLS_SETTINGS_H
#define LEVERET_WORKERS_TLS_SETTINGS_H

#include "lib/conf/conf.h"
#include "lib/routing/routing.h"

struct tls_domain_settings { /* in order, the first match counts */
#define X(field, type, ...) conf_##type field;
#include "workers/tls/tls_domain.def"
#undef X
};
struct mta_sts_settings {
#define X(field, type, ...) conf_##type field;
#include "workers/tls/mta_sts.def"
#undef X
};
/* tls_domains is a list of struct tls_domain_settings */
extern const struct conf_section tls_domains_section, mta_sts_section;

#endif
