/* One report to an https: address, which is whatever a domain published: its host is looked up, only public addresses and those that the
 * settings allow are connected to, redirects are not followed. Used on one loop. */
#ifndef LEVERET_BOUNCER_TLSREPORTS_UPLOAD_H
#define LEVERET_BOUNCER_TLSREPORTS_UPLOAD_H

#include "lib/base/bytes.h"
#include "lib/net/http_client.h"
#include "lib/net/resolver.h"
#include "lib/tlsreport/settings.h"

struct tls_upload_options { /* borrowed while it lives */
	struct loop *loop;
	struct resolver *resolver;
	struct http_client *client;
	const struct tls_report_settings *settings;
	const char *uri;
	struct bytes packed;
};
struct tls_upload;
/* `done` comes once, later: OK, E_REFUSED (nobody will take it, however often it is tried), or what may pass, with the reason. */
struct tls_upload *tls_upload_start(const struct tls_upload_options *options,
				    void (*done)(void *owner, enum err err, const char *why),
				    void *owner);
void tls_upload_cancel(struct tls_upload **upload); /* not from its done; NULL is accepted */

/* What follows from a status. Pure. */
enum err tls_upload_judge(long status);

#endif
