/* The `mailerq:` section. */
#ifndef LEVERET_INGEST_MAILERQ_SETTINGS_H
#define LEVERET_INGEST_MAILERQ_SETTINGS_H

#include "lib/conf/conf.h"

struct mailerq_settings {
#define X(field, type, ...) conf_##type field;
#include "ingest/mailerq/mailerq.def"
#undef X
	const char *broker_prefix; /* of Leveret's own queues, for it is no row here; NULL: none */
};
extern const struct conf_section mailerq_section;

#endif
