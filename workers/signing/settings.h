/* The `dkim:` section. */
#ifndef LEVERET_WORKERS_SIGNING_SETTINGS_H
#define LEVERET_WORKERS_SIGNING_SETTINGS_H

#include "lib/conf/conf.h"
#include "lib/dkim/canon.h"

struct dkim_key_settings {
#define X(field, type, ...) conf_##type field;
#include "workers/signing/dkim_key.def"
#undef X
};
struct dkim_domain_settings {
#define X(field, type, ...) conf_##type field;
#include "workers/signing/dkim_domain.def"
#undef X
	struct conf_items keys; /* struct dkim_key_settings */
};
struct dkim_settings {
#define X(field, type, ...) conf_##type field;
#include "workers/signing/dkim.def"
#undef X
	struct conf_items domains; /* struct dkim_domain_settings */
};
extern const struct conf_section dkim_section;

enum dkim_signs { DKIM_SIGNS_OWN, DKIM_SIGNS_SUBDOMAINS, DKIM_SIGNS_ALL, DKIM_SIGNS_NONE };

enum canon dkim_header_canon(const struct dkim_domain_settings *domain);
enum canon dkim_body_canon(const struct dkim_domain_settings *domain);
/* "2026-01-31" (its first moment) or "2026-01-31T12:00:00Z"; "" gives `otherwise`. False: it is neither. */
bool dkim_moment(const char *text, int64_t otherwise, int64_t *ret_wall_ms);

bool dkim_is_selector(const char *text);

#endif
