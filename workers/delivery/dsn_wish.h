/* Does the sender want to be told of what happened to a recipient? Pure (RFC 3461 5.2, RFC 2852 4.1). */
#ifndef LEVERET_WORKERS_DELIVERY_DSN_WISH_H
#define LEVERET_WORKERS_DELIVERY_DSN_WISH_H

#include "lib/mail/dsn.h"
#include "schemas/schemas.h"
#include "workers/delivery/settings.h"

struct dsn_facts {
	bool has_sender; /* not the null one: who notices come from is never told anything */
	uint32_t notify; /* NOTIFY_... bits; 0: not told */
	enum result_event event;
	bool is_passed_on;   /* the host that took it sends notices itself */
	bool is_last_host;   /* it delivers itself */
	bool was_delay_told; /* before */
	int64_t age_ms;	     /* since it was to be sent */
	bool is_late;	     /* BY=...;N is over */
};
bool dsn_is_wished(const struct dsn_settings *settings, const struct dsn_facts *facts,
		   enum dsn_kind *ret);

#endif
