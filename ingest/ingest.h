/* The ingest role: accepts mail by SMTP, by HTTP and from leveret.submit, checks it, routes it, publishes it, and answers only when the
 * broker has confirmed. Lives on one loop. */
#ifndef LEVERET_INGEST_INGEST_H
#define LEVERET_INGEST_INGEST_H

#include "broker/node.h"
#include "ingest/mailerq/settings.h"
#include "lib/api/certificates.h"

/* Order of the words in listener.def. */
enum listener_tls {
	LISTENER_TLS_OFF,
	LISTENER_TLS_OPTIONAL,
	LISTENER_TLS_REQUIRED,
	LISTENER_TLS_IMPLICIT
};
enum listener_client_certificates {
	CLIENT_CERTIFICATES_OFF,
	CLIENT_CERTIFICATES_OPTIONAL,
	CLIENT_CERTIFICATES_REQUIRED
};
enum listener_auth { LISTENER_AUTH_OFF, LISTENER_AUTH_OPTIONAL, LISTENER_AUTH_REQUIRED };

enum ingest_remember { REMEMBER_OFF, REMEMBER_HTTP, REMEMBER_ALL }; /* order in ingest.def */

enum { PROTOCOL_SMTP, PROTOCOL_HTTP }; /* order of `protocol` in listener.def */

struct listener_settings { /* one entry of `listeners:` */
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "ingest/listener.def"
#undef X
};
struct ingest_settings { /* the `ingest:` section */
#define X(field, type, ...) conf_##type field;
#include "ingest/ingest.def"
#undef X
};
extern const struct conf_section listeners_section; /* a map of struct listener_settings */
extern const struct conf_section ingest_section;

struct ingest_options {
	struct node node;
	const struct ingest_settings *settings;
	const struct mailerq_settings *mailerq;
	const struct conf_items *listeners;    /* struct listener_settings */
	const struct conf_items *certificates; /* struct certificate_settings */
	const struct conf_items *api_keys;     /* struct api_key_settings */
	const struct conf_items *rules;	       /* struct rule_settings */
};

struct ingest;
enum err ingest_start(const struct ingest_options *options, struct ingest **ret,
		      struct why *why) MUST_USE;
/* Stop taking new mail, answer what is in hand, then call `stopped`; gives up after 25 s. */
void ingest_stop(struct ingest *ingest, void (*stopped)(void *owner), void *owner);
/* Read certificates again; a file that cannot be used changes nothing. */
void ingest_reload(struct ingest *ingest);
void ingest_free(struct ingest **ingest);

#endif
