/* TLS contexts of the SMTP client: with the certificates that sites want shown, and with and without authorities to trust. Read at the
 * start, so that no session waits for a file. */
#ifndef LEVERET_WORKERS_SMTP_CONTEXTS_H
#define LEVERET_WORKERS_SMTP_CONTEXTS_H

#include "lib/net/tls.h"
#include "lib/routing/routing.h"

struct contexts;
/* sites: struct site_settings, borrowed; NULL: no certificates. */
enum err contexts_new(const struct conf_items *sites, const char *ca_file, struct contexts **ret,
		      struct why *why) MUST_USE;
void contexts_free(struct contexts **contexts); /* NULL allowed */
struct tls_context *contexts_find(const struct contexts *contexts, const struct site_settings *site,
				  bool verify);

#endif
