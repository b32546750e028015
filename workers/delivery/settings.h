/* The `retry:`, `dsn:`, `workers:` and `resolver:` sections. */
#ifndef LEVERET_WORKERS_DELIVERY_SETTINGS_H
#define LEVERET_WORKERS_DELIVERY_SETTINGS_H

#include "lib/conf/conf.h"
#include "workers/delivery/window.h"

/* As worker.def's `eightbit` counts them. */
enum eightbit_policy { EIGHTBIT_CONVERT, EIGHTBIT_BOUNCE, EIGHTBIT_SEND };
/* As its `binary` does. */
enum binary_policy { BINARY_SAFE, BINARY_SEND, BINARY_CONVERT };

struct retry_settings { /* one entry of `retry:` */
	const char *name;
#define X(field, type, ...) conf_##type field;
#include "workers/delivery/retry.def"
#undef X
};
struct dsn_settings {
#define X(field, type, ...) conf_##type field;
#include "workers/delivery/dsn.def"
#undef X
};
struct worker_settings {
#define X(field, type, ...) conf_##type field;
#include "workers/delivery/worker.def"
#undef X
};
struct resolver_settings {
#define X(field, type, ...) conf_##type field;
#include "workers/delivery/resolver.def"
#undef X
};
/* retry is a map of struct retry_settings; its entry "default" is inherited */
extern const struct conf_section retry_section, dsn_section, worker_section, resolver_section;

#endif
