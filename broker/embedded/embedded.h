/* The embedded engine, in force without a broker.url: durable queues in a directory of this host. Each struct
 * broker is a client (client.h) with a line (line.h) to the directory's core (core.h), which one process hosts. */
#ifndef LEVERET_BROKER_EMBEDDED_EMBEDDED_H
#define LEVERET_BROKER_EMBEDDED_EMBEDDED_H

#include "broker/engine.h"

extern const struct engine embedded_engine;

#define EMBEDDED_BODY_MAX (128u << 20) /* a larger one is E_TOO_BIG */

#endif
