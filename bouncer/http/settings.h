/* The settings of the bouncer's HTTP listeners. */
#ifndef LEVERET_BOUNCER_HTTP_SETTINGS_H
#define LEVERET_BOUNCER_HTTP_SETTINGS_H

#include "lib/conf/conf.h"

enum { API_TLS_OFF, API_TLS_IMPLICIT }; /* order of `tls` in listener.def */

/* What a listener serves: bits, the traits of endpoints. */
enum bouncer_serves {
	SERVE_SUPPRESSIONS = 1,
	SERVE_EVENTS = 2,
	SERVE_WEBHOOKS = 4,
	SERVE_ALERTS = 8,
	SERVE_ANY = 15,
};

struct bouncer_listener_settings { /* one entry of `bouncer.listeners:` */
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "bouncer/http/listener.def"
#undef X
};
extern const struct conf_section bouncer_listeners_section; /* a map of these */

unsigned bouncer_listener_serves(const struct bouncer_listener_settings *listener); /* bits */

#endif
