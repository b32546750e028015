/* TLS contexts of the SMTP client: with the certificates that sites want shown, and with and without authorities to trust. Read at the
 * start, so that no session waits for a file, and anew when a file has changed: it is looked for once a minute. What cannot be used then
 * changes nothing, and the log tells. */
#ifndef LEVERET_WORKERS_SMTP_CONTEXTS_H
#define LEVERET_WORKERS_SMTP_CONTEXTS_H

#include "lib/loop/loop.h"
#include "lib/net/tls.h"
#include "lib/routing/routing.h"

struct contexts;
/* sites: struct site_settings, borrowed, as the file's name is; NULL: no certificates. */
enum err contexts_new(struct loop *loop, const struct conf_items *sites, const char *ca_file,
		      struct contexts **ret, struct why *why) MUST_USE;
void contexts_free(struct contexts **contexts); /* NULL allowed */
/* Where the context stands, as long as `contexts` lives: it is read there for each handshake, as another may have taken its place. */
struct tls_context *const *contexts_find(const struct contexts *contexts,
					 const struct site_settings *site, bool verify);
void contexts_look(struct contexts *contexts); /* for changes, now */

#endif
