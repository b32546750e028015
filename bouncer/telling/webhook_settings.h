/* The `webhooks:` section: by name, where events are posted. */
#ifndef LEVERET_BOUNCER_TELLING_WEBHOOK_SETTINGS_H
#define LEVERET_BOUNCER_TELLING_WEBHOOK_SETTINGS_H

#include "lib/conf/conf.h"
#include "schemas/schemas.h"

#define WEBHOOKS_MAX 100

struct webhook_batch_settings {
#define X(field, type, ...) conf_##type field;
#include "bouncer/telling/webhook_batch.def"
#undef X
};
struct webhook_settings {
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "bouncer/telling/webhook.def"
#undef X
	struct webhook_batch_settings batch;
};
extern const struct conf_section webhooks_section;

/* 0: there is no kind of that name. Pure. */
enum bouncer_event_kind bouncer_event_kind_of(const char *name);
bool webhook_wants(const struct webhook_settings *settings,
		   const struct bouncer_event *event); /* pure */

#endif
