/* The certificates of the settings, for every door that speaks TLS, kept current while their files change.
 *
 * A listener shows the certificate it names; to a client that asks for a host of another one (SNI), that one. Files are looked at
 * once a minute and when certificates_reload() is called: a change gives every context anew, and when that fails the old ones
 * stay, and the log tells why. Lives on one loop. */
#ifndef LEVERET_LIB_API_CERTIFICATES_H
#define LEVERET_LIB_API_CERTIFICATES_H

#include "lib/conf/conf.h"
#include "lib/loop/loop.h"
#include "lib/net/tls.h"

struct certificate_settings { /* one entry of `certificates:` */
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "lib/api/certificate.def"
#undef X
};
extern const struct conf_section certificates_section; /* a map of struct certificate_settings */

const struct certificate_settings *certificate_find(const struct conf_items *certificates,
						    const char *name); /* NULL: there is none */

struct certificate_use { /* how one listener shows them; borrowed */
	const char *listener, *certificate;
	const char *client_ca; /* "": clients are asked for none */
	bool requires_client_certificate;
};
/* The TLS of one listener, from its files as they are now. */
enum err certificate_use_open(const struct conf_items *certificates,
			      const struct certificate_use *use, struct tls_context **ret,
			      struct why *why) MUST_USE;

/* A listener's context that changes with its files. */
struct certificates;
enum err certificates_open(struct loop *loop, const struct conf_items *certificates,
			   const struct certificate_use *use, struct certificates **ret,
			   struct why *why) MUST_USE;
void certificates_free(struct certificates **certificates);
/* For the next handshake; not to be kept. */
struct tls_context *certificates_context(const struct certificates *certificates);
void certificates_reload(struct certificates *certificates); /* now, whatever the files' times */

#endif
